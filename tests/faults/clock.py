"""Another time for every process of ours and for PostgreSQL: whatever asks the C library is told it."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from infra.embedded import child, supervisor
from infra.embedded.supervisor import launch_line

# Of Debian's package libfaketime; `FAKETIME_LIBRARY` names another place.
LIBRARY: Final = Path(os.environ.get("FAKETIME_LIBRARY", "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"))
TOLD: Final = ("bin/vistory", "bin/postgres")
# Python sleeps until a moment of the clock that only passes. That clock is left alone, and the library, which sets
# the moment as if it were not, then has every sleep refused.
SLEEP: Final = "import select, time\ntime.sleep = lambda seconds: select.select((), (), (), seconds) and None\n"


@contextmanager
def clocks(folder: Path, wanted: bool) -> Iterator[Path]:
    """The file that says by how much every clock of the house is wrong; time that only passes is left alone."""
    file = folder / "clock"
    file.write_text("+0")
    file.chmod(0o644)
    with pytest.MonkeyPatch.context() as patched:
        if wanted:
            if not LIBRARY.exists():
                raise FileNotFoundError(f"{LIBRARY} is missing: apt-get install libfaketime, or set FAKETIME_LIBRARY")
            (folder / "sitecustomize.py").write_text(SLEEP)
            named = {
                "FAKETIME_TIMESTAMP_FILE": str(file),
                "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "PYTHONPATH": str(folder),
            }
            for name, value in named.items():
                patched.setenv(name, value)
            patched.setattr(child, "PASSED_ON", (*child.PASSED_ON, *named))
            patched.setattr(supervisor, "launch_line", with_another_clock)
        yield file


def with_another_clock(argv: Sequence[str], *order: Any) -> list[str]:
    """Loaded only once the user has changed: what the library makes in shared memory is for one user."""
    told = any(word.endswith(TOLD) for word in argv)
    return launch_line(["/usr/bin/env", f"LD_PRELOAD={LIBRARY}", *argv] if told else argv, *order)
