"""What benchmarks are measured against, where that is a program of its own."""
