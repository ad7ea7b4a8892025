"""Languages that there are letters in."""

from enum import StrEnum


class Language(StrEnum):
    """In which the platform writes to a person."""

    ENGLISH = "en"
    KOREAN = "ko"
