"""Why a whole folder is refused. What concerns one image is left out and named in the report instead.

Invalid
├── FolderHasNoImages
├── LayoutIsUnknown
├── FileIsHostile          too large for what it is, nested beyond sense, with entities or aliases
├── ClassesMakeNoSense
└── FolderIsFaulty         asked to be strict, or nothing is left; its report says what is wrong
"""

from domain.errors import Invalid
from domain.report import Report


class FolderHasNoImages(Invalid):
    pass


class LayoutIsUnknown(Invalid):
    pass


class FileIsHostile(Invalid):
    pass


class ClassesMakeNoSense(Invalid):
    pass


class FolderIsFaulty(Invalid):
    def __init__(self, message: str, report: Report) -> None:
        super().__init__(message)
        self.report = report
