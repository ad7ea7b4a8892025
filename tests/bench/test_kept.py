"""What benchmarks came to is there as it comes, and a run that was stopped goes on."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as command
from bench.frame import Bench, Result
from bench.kept import Kept

CODE = "1.0+abc"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "results" / "long.json"


def found(file: Path) -> dict[str, Any]:
    benchmarks: dict[str, Any] = json.loads(file.read_text())["benchmarks"]
    return benchmarks


def some(*figures: float) -> Iterator[Result]:
    return (Result(f"work {n}", "/s", ours) for n, ours in enumerate(figures))


def whole(kept: Kept, name: str, *figures: float, code: str = CODE) -> None:
    assert len(list(kept.measured(name, code, some(*figures)))) == len(figures)


def test_each_result_is_in_the_file_before_the_next_is_measured(file: Path) -> None:
    measuring = Kept(file).measured("relay", CODE, some(1.0, 2.0))
    next(measuring)
    assert ([each["ours"] for each in found(file)["relay"]["results"]], found(file)["relay"]["whole"]) == ([1.0], False)
    assert len(list(measuring)) == 1
    assert found(file)["relay"]["whole"]
    assert json.loads(file.read_text())["seconds"] == found(file)["relay"]["seconds"] > 0


def test_a_benchmark_is_measured_again_and_the_others_stay(file: Path) -> None:
    for figure in (1.0, 3.0):
        whole(Kept(file), "relay", figure)
        whole(Kept(file), "runs", 2.0)
    kept = Kept(file)
    assert [each.ours for each in kept.results(["relay", "runs"])] == [3.0, 2.0]
    assert kept.seconds(["runs"])["runs"] > 0


def test_what_stopped_or_came_of_other_code_is_not_there(file: Path) -> None:
    kept = Kept(file)
    next(kept.measured("stopped", CODE, some(1.0, 2.0)))
    whole(kept, "other", 1.0, code="1.0+def")
    whole(kept, "changed", 1.0, code=f"{CODE}-changed")
    whole(kept, "relay", 1.0)
    again = Kept(file)
    assert [name for name in ("stopped", "other", "changed", "relay") if again.has(name, CODE)] == ["relay"]
    assert not again.has("changed", f"{CODE}-changed")


def test_a_result_comes_back_as_it_was_with_its_verdict_beside_it(file: Path) -> None:
    push = Result("push", "s", 2.0, 4.0, "DVC", 0.6, more_is_better=False, ratios=(0.5, 0.6), notes={"p99": 3.0})
    list(Kept(file).measured("pushing", CODE, iter([push])))
    assert Kept(file).results(["pushing"]) == [push]
    kept = found(file)["pushing"]["results"][0]
    assert (kept["ratio"], kept["met"], kept["notes"]) == (0.55, True, {"p99": 3.0})


def test_a_long_run_that_is_stopped_goes_on_there(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    went: list[str] = []

    def first(bench: Bench) -> Iterator[Result]:
        went.append("first")
        yield Result("first", "/s", 1.0)

    def second(bench: Bench) -> Iterator[Result]:
        went.append("second")
        yield Result("second", "/s", float(len(went)))
        if len(went) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(command, "HERE", file.parent.parent)
    monkeypatch.setattr(command, "code_version", lambda: CODE)
    monkeypatch.setattr(command, "running_servers", nullcontext)  # these two ask no server anything
    monkeypatch.setattr(command, "benchmarks", lambda: {"first": first, "second": second})
    with pytest.raises(KeyboardInterrupt):
        command.main(["--long"])
    assert command.main(["--long"]) == 0
    assert [each.ours for each in Kept(file).results(["first", "second"])] == [1.0, 3.0]
    assert command.main(["--long"]) == 0
    assert went == ["first", "second", "second"]
    assert command.main(["--long", "--again", "first"]) == 0
    assert went[3:] == ["first"]
