"""Each judge finds the one thing that is wrong in a history that never was, and nothing in one that is right."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import pytest

from tests.faults import checking
from tests.faults.checking import Message, Mlflow, Told
from tests.faults.invented import ledger
from tests.faults.wishing import Wish

Findings = Iterable[str]


class Case(NamedTuple):
    """A judgement of a history, and of the same history with one thing wrong at a time."""

    judged: Callable[[Any], Findings]
    right: Any
    wrong: Mapping[str, Any]


def without(some: Sequence[Any], *places: int) -> list[Any]:
    return [each for n, each in enumerate(some) if n not in places]


def instead(some: Sequence[Any], place: int, other: Any) -> list[Any]:
    return [*some[:place], other, *some[place + 1 :]]


def swapped(some: Sequence[Any]) -> list[Any]:
    return [*some[:-2], some[-1], some[-2]]


def named(topic: str, of: str, name: str) -> tuple[str, str, dict[str, Any]]:
    return topic, of, {"name": name}


CREATED, RENAMED = named("project.created", "p", "w0 1"), named("project.renamed", "p", "w0 2")
NAMES: Final = [CREATED, RENAMED]


def wish(word: str, topic: str, status: int, position: int = 0) -> Wish:
    return Wish("POST", "/projects", {}, word, topic, status=status, position=position)


WISHES: Final = [wish("w0 1", "project.created", 201, 1), wish("w0 2", "project.renamed", 200, 2)]
REFUSED: Final = wish("w0 3", "project.renamed", 409)


def wishes(given: tuple[list[Any], list[Wish]]) -> Findings:
    return checking.wish_faults(ledger(given[0]), given[1])


def names(shown: Mapping[str, str]) -> Findings:
    return checking.name_faults(shown, ledger(NAMES))


def links(experiments: Sequence[str]) -> Findings:
    return checking.link_faults(ledger([("experiment.mlflow_linked", each, {}) for each in experiments]))


def job(topic: str, **data: Any) -> tuple[str, str, dict[str, Any]]:
    return f"training_job.{topic}", "job", data


def epoch(attempt: int, number: int) -> tuple[str, str, dict[str, Any]]:
    return job("epoch_completed", attempt=attempt, epoch=number, metrics={"val/loss": 1 / number})


STORY: Final = [
    job("claimed", attempt=1),
    job("started", attempt=1, resumed_from=None),
    epoch(1, 1),
    epoch(1, 2),
    job("lost", evidence={"reason": "worker_lost"}),
    job("claimed", attempt=2),
    job("started", attempt=2, resumed_from={"epoch": 1}),
    epoch(2, 2),
    epoch(2, 3),
    job("completed", metrics={"test/accuracy": 0.5}, best_epoch=3),
]


def jobs(story: Sequence[Any]) -> Findings:
    return checking.job_faults(ledger(story), "job", ("worker_lost",))


def epochs(story: Sequence[Any]) -> Findings:
    return checking.epoch_faults("job", ledger(story).events)


TOLD: Final[list[Message]] = [
    {"cursor": "1.0.1", "kind": "state", "status": "queued"},
    {"cursor": "1.1.1", "kind": "batch", "epoch": 1, "batch": 1, "batches": 1, "metrics": {"loss": 2.0}},
    {"cursor": "1.2.1", "kind": "epoch", "epoch": 1},
    {"cursor": "1.2.2", "kind": "state", "status": "completed"},
    {"cursor": "1.2.2", "kind": "end", "status": "completed"},
]


def sockets(heard: Sequence[Message]) -> Findings:
    return checking.socket_faults("a socket", heard, TOLD)


class Answers(Mlflow):
    """What MLflow says, by the word for it."""

    def __init__(self, runs: Sequence[str], figures: Sequence[checking.Figure]) -> None:
        super().__init__("")
        self.__dict__.update(runs=runs, figures=figures)

    def _ask(self, method: str, path: str, **rest: Any) -> Any:
        if path == "experiments/search":
            return {"experiments": [{"experiment_id": "1"}]}
        if path == "runs/search":
            return {"runs": [{"info": {"status": status, "run_id": "1"}} for status in self.__dict__["runs"]]}
        asked = rest["params"]["metric_key"]
        some = [{"step": step, "value": value} for key, step, value in self.__dict__["figures"] if key == asked]
        return {"metrics": some}


FIGURES: Final = [*{*checking.epoch_figures(ledger(STORY).events)}, ("batch/loss", 1, 2.0)]


def mlflow(given: tuple[Sequence[str], Sequence[checking.Figure]]) -> Findings:
    return Answers(*given).faults(ledger(STORY), "job", TOLD)


KEPT: Final = [Told(n, f"chain {n}", json.dumps({"envelope": {"event": f"event {n}"}}).encode()) for n in (1, 2)]


def stream(told: Sequence[Told]) -> Findings:
    async def streamed(url: str) -> Sequence[Told]:
        return told

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(checking, "streamed", streamed)
        return [*checking.stream_faults("", ledger(NAMES))]


CASES: Final = {
    "stream": Case(
        stream,
        KEPT,
        {
            "without its last": KEPT[:1],
            "with one more": [*KEPT, KEPT[-1]],
            "another chain": instead(KEPT, 1, KEPT[1]._replace(chain="")),
            "other bytes": instead(KEPT, 1, KEPT[1]._replace(state=b"{}")),
            "another number": instead(KEPT, 1, KEPT[1]._replace(sequence=3)),
        },
    ),
    "wishes": Case(
        wishes,
        (NAMES, [*WISHES, REFUSED]),
        {
            "lost": (NAMES[:1], WISHES),
            "doubled": ([*NAMES, RENAMED], WISHES),
            "another's receipt": (NAMES, instead(WISHES, 1, wish("w0 2", "project.renamed", 200, 1))),
            "done though refused": (NAMES, instead(WISHES, 1, wish("w0 2", "project.renamed", 409))),
        },
    ),
    "names": Case(names, {"p": "w0 2"}, {"an older one": {"p": "w0 1"}, "of nothing": {"q": "w0 2"}}),
    "links": Case(links, ["a", "b"], {"linked twice": ["a", "b", "a"]}),
    "jobs": Case(
        jobs,
        STORY,
        {
            "no end": STORY[:-1],
            "two ends": [*STORY, STORY[-1]],
            "a bad end": instead(STORY, -1 + len(STORY), job("failed")),
            "claimed twice": [STORY[0], *STORY],
            "claimed in another order": instead(instead(STORY, 0, STORY[5]), 5, STORY[0]),
            "lost for nothing": instead(STORY, 4, job("lost", evidence={"reason": "code_error"})),
            "an epoch left out": without(STORY, 2),
        },
    ),
    "epochs": Case(
        epochs,
        STORY,
        {
            "left out": without(STORY, 7),
            "doubled": [*STORY, STORY[-2]],
            "in another order": [*STORY[:2], STORY[3], STORY[2], *STORY[4:]],
            "behind another checkpoint": instead(STORY, 6, job("started", attempt=2, resumed_from={"epoch": 2})),
        },
    ),
    "sockets": Case(
        sockets,
        TOLD,
        {
            "a point missing": without(TOLD, 1),
            "a state missing": without(TOLD, 0),
            "another point": instead(TOLD, 2, {**TOLD[2], "epoch": 2}),
            "twice": [*TOLD[:2], TOLD[1], *TOLD[2:]],
            "in another order": [TOLD[0], TOLD[2], TOLD[1], *TOLD[3:]],
            "the same cursor": instead(TOLD, 2, {**TOLD[2], "cursor": "1.1.1"}),
        },
    ),
    "MLflow": Case(
        mlflow,
        (["FINISHED"], FIGURES),
        {
            "no run": ([], FIGURES),
            "two runs": (["FINISHED", "FINISHED"], FIGURES),
            "a run that goes on": (["RUNNING"], FIGURES),
            "an epoch's figure lost": (["FINISHED"], without(FIGURES, 0)),
            "a batch's figure lost": (["FINISHED"], FIGURES[:-1]),
            "doubled": (["FINISHED"], [*FIGURES, FIGURES[0]]),
            "another value": (["FINISHED"], [*FIGURES[:-1], ("batch/loss", 1, 3.0)]),
            "one that nobody told": (["FINISHED"], [*FIGURES, ("batch/loss", 2, 2.0)]),
        },
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_right_is_let_pass(case: Case) -> None:
    assert [*case.judged(case.right)] == []


@pytest.mark.parametrize(
    ("case", "wrong"),
    [
        pytest.param(case, wrong, id=f"{name}: {what}")
        for name, case in CASES.items()
        for what, wrong in case.wrong.items()
    ],
)
def test_what_is_wrong_is_found(case: Case, wrong: Any) -> None:
    assert [*case.judged(wrong)]
