"""Another time for every process that asks the C library: ours, PostgreSQL's and MLflow's, not those written in Go."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from infra.embedded import child

# Of Debian's package libfaketime; `FAKETIME_LIBRARY` names another place.
LIBRARY: Final = Path(os.environ.get("FAKETIME_LIBRARY", "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"))


@contextmanager
def clocks(folder: Path, wanted: bool) -> Iterator[Path]:
    """The file that says by how much every clock of the house is wrong; time that only passes is left alone."""
    file = folder / "clock"
    file.write_text("+0")
    file.chmod(0o644)
    with pytest.MonkeyPatch.context() as environment:
        if wanted:
            if not LIBRARY.exists():
                raise FileNotFoundError(f"{LIBRARY} is missing: apt-get install libfaketime, or set FAKETIME_LIBRARY")
            named = {"FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1", "DONT_FAKE_MONOTONIC": "1"}
            for name, value in {"LD_PRELOAD": str(LIBRARY), **named}.items():
                environment.setenv(name, value)
            environment.setattr(child, "PASSED_ON", (*child.PASSED_ON, "LD_PRELOAD", *named))
        yield file
