"""When the keys of persons were backed up last: noted in the data folder, for whoever asks whether they are safe."""

from datetime import UTC, datetime
from pathlib import Path

from infra.embedded.passwords import write_private

NAME = "keys-saved"


def note(data: Path, moment: datetime) -> None:
    write_private(data / "run" / NAME, moment.astimezone(UTC).isoformat().encode())


def last(data: Path) -> datetime | None:
    file = data / "run" / NAME
    return datetime.fromisoformat(file.read_text()) if file.exists() else None
