"""Tests run on servers of their own, whatever servers and files the environment of whoever starts them names."""

import os
from typing import Final

OURS: Final = ("VISTORY_", "OTEL_")
HEARD: Final = frozenset({"VISTORY_SCHEMA_EXAMPLES"})
"""What is said to the tests themselves."""


def forget_the_environment() -> None:
    """Else passwords would be set and faults done on the servers that somebody works with."""
    for name in [each for each in os.environ if each.startswith(OURS) and each not in HEARD]:
        del os.environ[name]
