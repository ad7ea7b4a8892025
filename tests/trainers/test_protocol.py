"""The words of the protocol, and the files that stand behind them."""

import io
import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from trainers import failures, files, retention, scores
from trainers.environment import code_version
from trainers.reporting import Reporter


@pytest.fixture
def stream() -> io.BytesIO:
    return io.BytesIO()


def said(stream: io.BytesIO) -> list[dict[str, object]]:
    return [json.loads(line, parse_constant=pytest.fail) for line in stream.getvalue().splitlines()]


def clock(*times: float) -> Callable[[], float]:
    return iter(times).__next__


@pytest.mark.parametrize(("value", "word"), [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity")])
def test_a_float_that_is_not_finite_is_a_word(stream: io.BytesIO, value: float, word: str) -> None:
    Reporter(stream).say("epoch", metrics={"loss": value, "deep": [{"er": value}]})
    assert said(stream) == [{"kind": "epoch", "metrics": {"loss": word, "deep": [{"er": word}]}}]


def test_any_alphabet_is_written_as_it_is(stream: io.BytesIO) -> None:
    Reporter(stream).say("failed", message="صور 😀")
    assert "صور 😀" in stream.getvalue().decode()


def test_batches_are_said_a_few_times_a_second_and_the_last_always(stream: io.BytesIO) -> None:
    reporter = Reporter(stream, clock(0, 0.1, 0.2, 0.3, 0.31, 0.32))
    for batch in range(1, 7):
        reporter.batch(1, batch, 6, lambda: {"loss": 1.0})
    assert [line["batch"] for line in said(stream)] == [1, 4, 6]


def test_metrics_are_not_computed_for_batches_that_are_not_said(stream: io.BytesIO) -> None:
    reporter = Reporter(stream, clock(0, 0.1))
    reporter.batch(1, 1, 9, dict)
    reporter.batch(1, 2, 9, lambda: pytest.fail("asked"))


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    def fails(draft: Path) -> None:
        draft.write_bytes(b"half")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        files.produce(tmp_path / "a" / "file", fails)
    assert not (tmp_path / "a" / "file").exists()

    def succeeds(draft: Path) -> None:
        draft.write_bytes(b"whole")

    product = files.produce(tmp_path / "a" / "file", succeeds)
    assert (product.path.read_bytes(), product.size, product.sha256) == (b"whole", 5, files.digest(product.path))
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["file"]


def test_the_newest_checkpoints_stay(tmp_path: Path) -> None:
    for epoch in (9, 10, 11, 100):
        (tmp_path / f"epoch-{epoch:06d}.ckpt").touch()
    retention.keep_newest(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [f"epoch-{n:06d}.ckpt" for n in (10, 11, 100)]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(12, "Cannot allocate memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"),
        RuntimeError("GET was unable to find an engine to execute this computation"),
    ],
)
def test_a_lack_of_memory_is_recognised(error: BaseException) -> None:
    failure = failures.understand(error)
    assert (failure.reason, failure.exit_code) == ("out_of_memory", 4)
    assert "smaller batch" in str(failure)


def test_whatever_else_happens_is_an_error_of_the_code() -> None:
    failure = failures.understand(ZeroDivisionError("division by zero"))
    assert (failure.reason, failure.exit_code) == ("code_error", 5)
    assert str(failure) == "ZeroDivisionError: division by zero"


def test_a_confusion_matrix_gives_precision_and_recall() -> None:
    rows = scores.confusion([(0, 0), (0, 1), (1, 1), (1, 1)], 3)
    assert rows == [[1, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert scores.accuracy(rows) == 0.75
    assert scores.per_class(["a", "b", "c"], rows) == [
        {"class": "a", "images": 2, "precision": 1.0, "recall": 0.5},
        {"class": "b", "images": 2, "precision": 2 / 3, "recall": 1.0},
        {"class": "c", "images": 0},
    ]


def test_the_code_has_a_version_that_follows_from_its_source() -> None:
    assert code_version() == code_version()
    assert len(code_version()) == 64
