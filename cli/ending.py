"""Why trainings and attempts at them ended other than well, in words."""

REASONS = {
    "user": "cancelled by a user",
    "policy": "stopped by a rule of the platform",
    "target_purged": "stopped because its project or its dataset was purged",
    "organization_closed": "stopped because its organization was closed",
    "worker_lost": "its worker was lost",
    "handed_over": "its worker stopped and handed it over",
    "preempted": "its worker was needed for something else",
    "out_of_memory": "out of memory",
    "code_error": "an error in the code of the training",
    "data_error": "an error in the data",
    "infrastructure": "a part of the platform that it needs failed",
}


def because(reason: str | None) -> str:
    """In words; one that this version does not know as it is called."""
    return REASONS.get(reason, reason.replace("_", " ")) if reason else ""
