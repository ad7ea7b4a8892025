"""What the platform stands on: the folder, room on its disk, secrets kept from others, environments, ports."""

import re
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from infra.checkup.finding import Finding, note, well, wrong
from infra.checkup.place import Place
from infra.code_version import code_version
from infra.embedded.folder import PARTS
from infra.embedded.ports import is_free, remembered

GIB: Final = 2**30
LITTLE, TOO_LITTLE = 10 * GIB, 2 * GIB
NEEDED: Final = ("mlflow", "timm", "ultralytics")
PRIVATE: Final = ("secrets/*", "run/*.json", "nats/server.conf", "objects/s3.json", "mlflow/variables.json")


def platform(place: Place) -> Iterator[Finding]:
    if not place.path.is_dir():
        yield wrong(
            "platform", f"there is no data folder {place.path}", "`vistory up` makes one, or name yours: --data"
        )
        return
    if missing := [part for part in PARTS if not (place.path / part).is_dir()]:
        yield wrong(
            "data folder", f"it has no {', '.join(missing)}", "bring back a backup of it; `vistory up` makes empty ones"
        )
    if place.running is None:
        yield wrong("platform", "it is not running", f"`vistory up --data {place.path}`", code_version())
    else:
        yield well("platform", f"process {place.running} runs it on {place.path}", code_version())


def room(place: Place) -> Iterator[Finding]:
    free = shutil.disk_usage(next(step for step in (place.path, *place.path.parents) if step.exists())).free
    yield enough(free)


def enough(free: int) -> Finding:
    says = f"{free / GIB:.1f} GiB are free"
    if free < TOO_LITTLE:
        return wrong("disk", says, "make room soon: what cannot be written is refused, and trainings stop")
    if free < LITTLE:
        return note("disk", says, "make room: datasets, checkpoints and models only grow")
    return well("disk", says)


def secrets(place: Place) -> Iterator[Finding]:
    files = [file for pattern in PRIVATE for file in place.path.glob(pattern) if file.is_file()]
    exposed = [file for file in files if file.name != "ports.json" and stat.S_IMODE(file.stat().st_mode) & 0o077]
    if exposed:
        names = ", ".join(str(file.relative_to(place.path)) for file in exposed)
        do = (
            f"chmod 600 {' '.join(map(str, exposed))}; whoever may have read them can sign in as a part of the platform"
        )
        yield wrong("secrets", f"others may read {names}", do)
    elif files:
        yield well("secrets", f"{len(files)} files, for their owner alone")


def environments(place: Place) -> Iterator[Finding]:
    told = next((told for told in place.trainers.values() if told.get("environments")), {})
    folder = Path(told.get("environments") or Path(__file__).parent.parent.parent / ".envs")
    for name in needed(place):
        part = f"environment {name}"
        if not (folder / name / "bin" / "python").exists():
            yield wrong(part, f"{folder / name} is missing", "`make environments` sets it up")
        elif not (found := version_in(folder / name, name)):
            yield wrong(
                part, f"{name} is not installed in {folder / name}", f"rm {folder / name}/.ready; make environments"
            )
        else:
            yield well(part, "it is there", found)


def needed(place: Place) -> Sequence[str]:
    """MLflow may be named by URL, and trainers may run elsewhere; `up` has not said so where it never came that far."""
    if not place.cli:
        return NEEDED
    here = ["mlflow"] if place.hosts_mlflow else []
    return [*here, *place.trainers]


def version_in(environment: Path, package: str) -> str:
    """What is installed there, without starting its Python."""
    found = environment.glob(f"lib/python*/site-packages/{package}-*.dist-info")
    return next((re.sub(rf"^{package}-|\.dist-info$", "", each.name) for each in found), "")


def ports(place: Place) -> Iterator[Finding]:
    """While the platform runs, each part is asked itself; while it is down, others may have taken its ports."""
    file = place.path / "run" / "ports.json"
    if place.running is not None or not file.exists():
        return
    taken = {name: port for name, port in remembered(file).items() if not is_free(port)}
    if taken:
        says = "others listen on " + ", ".join(f"{port} ({name})" for name, port in taken.items())
        yield note("ports", says, "`vistory up` chooses others; stop those programs first to keep the addresses")
    else:
        yield well("ports", "all that were used last are free")
