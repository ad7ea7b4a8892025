"""JSON of strangers, whole and bent: telemetry that is shipped, and what a training says. Taken, or refused by name."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final, cast
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nats.aio.msg import Msg

from consumers.attempt import Attempt, Bench
from consumers.mlflow import batch_figures
from consumers.telemetry import Owners
from infra.leases import Key
from infra.shipping import subject
from infra.spool import Spool
from infra.telemetry import NotTelemetry
from infra.veil import Veil
from infra.worker_api import AttemptApi, WorkerApi
from tests.consumers.test_reactions import JOB, ORGANIZATION, Scene, a_job
from tests.infra.formats.test_hostile import bent, same

SHIPPED: Final = b'{"attempt": 1, "points": [{"n": 1, "kind": "batch", "at": "2026-01-01", "metrics": {"loss": 0.5}}]}'
SUBJECT: Final = subject("timm", ORGANIZATION, JOB, 1)
DEEP: Final = b"[" * 100_000
SAID: Final = [
    b'{"kind": "started", "device": "cpu", "environment": {}, "parameters": {"epochs": 2}}',
    b'{"kind": "batch", "epoch": 1, "batch": 1, "batches": 1, "metrics": {"loss": "NaN"}}',
    b'{"kind": "checkpoint", "epoch": 1, "path": "gone", "sha256": "", "size": 1}',
    b'{"kind": "note", "text": "\xc3\xa9"}',
]
words = st.sampled_from(
    [
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"9" * 5_000,
        b"null",
        b"true",
        b"[]",
        b"{}",
        b'"',
        b"\\ud800",
        b"\xed\xa0\x80",
        DEEP,
    ]
)


def understood(data: bytes, about: str = SUBJECT) -> list[dict[str, Any]]:
    scene = Scene()
    scene.happened(a_job())
    return asyncio.run(Owners(scene.platform).understood(Msg(cast(Any, None), about, data=data)))[2]


@same
@example(DEEP)
@example(SHIPPED.replace(b"0.5", b"1e999"))
@example(SHIPPED.replace(b"0.5", b"NaN"))
@example(SHIPPED.replace(b"loss", b"\\ud800"))
@example(SHIPPED.replace(b"loss", b"\xed\xa0\x80"))
@example(b'{"points": {}}')
@given(bent(SHIPPED) | bent(SHIPPED.replace(b"0.5", b"[1e9]")) | words | st.binary(max_size=30))
def test_bent_telemetry_can_be_kept_or_is_refused(data: bytes) -> None:
    try:
        points = understood(data)
    except NotTelemetry:
        return
    assert isinstance(points, list)
    json.dumps(points, ensure_ascii=False, allow_nan=False).encode()


@pytest.mark.parametrize("attempt", ["0", "-1", str(2**31), "9" * 5_000, "one", "", "1_0", "\u0661"])
def test_telemetry_of_an_attempt_that_the_archive_cannot_number_is_refused(attempt: str) -> None:
    with pytest.raises(NotTelemetry):
        understood(SHIPPED, f"{SUBJECT.rpartition('.')[0]}.{attempt}")


@pytest.mark.parametrize("numbers", [[0], [-1], [10**15], [2, 1], [1, 1], [1.0], [True], ["1"]])
def test_points_whose_numbers_no_cursor_can_follow_are_refused(numbers: list[Any]) -> None:
    with pytest.raises(NotTelemetry):
        understood(json.dumps({"points": [{"n": n, "kind": "log"} for n in numbers]}).encode())


@pytest.mark.parametrize(
    "bent",
    [{"epoch": "x"}, {"epoch": None}, {"batches": []}, {"metrics": [1]}, {"metrics": None}, {"at": 7}, {"at": "now"}],
)
def test_a_batch_without_its_figures_is_set_aside_at_once(bent: dict[str, Any]) -> None:
    whole = {"kind": "batch", "epoch": 1, "batch": 1, "batches": 1, "at": "2026-01-01T00:00:00Z", "metrics": {"a": 1.0}}
    assert [each.step for each in batch_figures([whole, {"kind": "log"}])] == [1]
    with pytest.raises(NotTelemetry):
        batch_figures([whole | bent])
    with pytest.raises(NotTelemetry):
        batch_figures([{name: value for name, value in whole.items() if name not in bent}])


class Speaking:
    """An Execution that says these lines."""

    def __init__(self, lines: list[bytes]) -> None:
        self.lines = lines

    async def reports(self) -> AsyncIterator[bytes]:
        for line in self.lines:
            yield line


@same
@example([DEEP])
@example([b'{"kind": ["batch"]}'])
@example([b'{"kind": "batch", "n": 7}'])
@given(st.lists(st.sampled_from(SAID).flatmap(bent) | words | st.binary(max_size=30), max_size=4))
def test_whatever_a_training_says_its_points_are_numbered_and_can_be_shipped(lines: list[bytes]) -> None:
    scene = Scene()
    scene.happened(a_job())
    with tempfile.TemporaryDirectory() as folder, closing(Spool(Path(folder) / "points.jsonl")) as spool:
        asyncio.run(heard(lines, Path(folder), spool))
        points = spool.read(0)
    assert [point["n"] for point in points] == list(range(1, len(points) + 1))
    assert len(points) <= 2 * len(lines)
    if points:
        assert understood(json.dumps({"attempt": 1, "points": points}).encode()) == points


async def heard(lines: list[bytes], folder: Path, spool: Spool) -> None:
    api = WorkerApi("http://127.0.0.1:1", "a credential")
    bench = Bench("timm", UUID(int=1), cast(Any, None), cast(Any, None), lambda: None, lambda: 1, Veil(folder, []))
    attempt = Attempt({}, folder, spool, AttemptApi(api, Key(JOB, 1), "a token", None), bench)
    try:
        await attempt._hear(cast(Any, Speaking(lines)))
    finally:
        await api.close()
