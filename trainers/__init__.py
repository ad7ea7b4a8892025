"""Training frameworks as guests: a job file goes in, JSON lines come out, and nothing else of ours is imported."""
