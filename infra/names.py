"""What the API is called on both sides of it."""

from typing import Final

PREFIX: Final = "/api/v1"
PROBLEM: Final = "urn:vistory:problem:"
# Ends the words of a problem whose header says how long to wait.
AS_TOLD: Final = "; wait as long as Retry-After says"
