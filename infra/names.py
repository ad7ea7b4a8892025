"""What the API is called on both sides of it."""

from typing import Final

PREFIX: Final = "/api/v1"
PROBLEM: Final = "urn:vistory:problem:"
