"""A disk that was full: some servers that once failed to write never write again until they are restarted.

This notices when a restart helps.
"""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

ROOM = 64 * 1024 * 1024
NO_SPACE = b"no space left on device"


@dataclass
class Disk:
    """Under the folder of a server that says in its log when it cannot write."""

    folder: Path
    _was_full: bool = field(default=False, init=False)

    def begin(self) -> None:
        """The server starts."""
        self._was_full = False

    def spoilt(self, lines: Iterable[bytes]) -> str | None:
        """Given what its log has gained: why it has to start again, once that helps."""
        self._was_full |= any(NO_SPACE in line for line in lines)
        if self._was_full and shutil.disk_usage(self.folder).free >= ROOM:
            return "its disk was full, and there is room again"
        return None
