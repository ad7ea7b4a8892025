"""In which languages the platform writes to people."""

from enum import StrEnum


class Language(StrEnum):
    ENGLISH = "en"
    KOREAN = "ko"
