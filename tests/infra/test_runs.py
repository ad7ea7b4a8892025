"""The best of many runs is found in one question, and some are held side by side in another."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection

from domain.training import Status
from infra.rows import save
from projections.experiment import experiments
from projections.run import NoOrder, RunRow, compared, find_runs, list_runs, runs
from tests.furnished import furnished, reading
from tests.servers import Databases, Servers

HERE, ELSEWHERE, NOW = UUID(int=1), UUID(int=2), datetime(2026, 1, 2, tzinfo=UTC)
TOLD: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"lr0": 0.1, "optimizer": "SGD", "amp": True}, {"mAP50": 0.5, "val/loss": 2.0}),
    ({"lr0": 0.01, "optimizer": "AdamW", "amp": True}, {"mAP50": 0.9, "val/loss": 0.25}),
    ({"lr0": 0.001, "optimizer": "SGD", "amp": True}, {"mAP50": 0.7, "val/loss": "NaN"}),
    ({"lr0": "auto", "optimizer": "SGD", "amp": True}, {}),
    ({"lr0": 0.01, "optimizer": "SGD", "amp": False}, {"mAP50": 0.7, "val/loss": 0.5}),
]


EXPERIMENT = {
    "id": HERE, "organization_id": HERE, "project_id": HERE, "owner_id": HERE, "name": "baseline", "description": "",
    "tags": [], "mlflow_experiment_id": None, "created_at": NOW, "first_position": 1, "position": 1,
}  # fmt: skip


def row(n: int, parameters: dict[str, Any], metrics: dict[str, Any]) -> dict[str, Any]:
    return {
        "job_id": UUID(int=n), "experiment_id": HERE, "organization_id": HERE, "owner_id": HERE, "framework": "timm",
        "model": "resnet18", "status": "completed" if metrics else "running", "parameters": parameters,
        "metrics": metrics, "mlflow_run_id": None, "requested_at": NOW, "ended_at": None, "first_position": n,
        "position": n,
    }  # fmt: skip


def fill(tx: Connection) -> None:
    save(tx, experiments, {(HERE,): EXPERIMENT})
    save(tx, runs, {(UUID(int=n),): row(n, *told) for n, told in enumerate(TOLD, 1)})
    save(tx, runs, {(UUID(int=99),): row(99, *TOLD[0]) | {"organization_id": ELSEWHERE}})


@pytest.fixture(scope="module")
def database(servers: Servers) -> Iterator[Databases]:
    with furnished(servers, fill) as databases:
        yield databases


@pytest.fixture
def tx(database: Databases) -> Iterator[Connection]:
    with reading(database) as found:
        yield found


@pytest.fixture
def found(tx: Connection) -> Callable[..., list[int]]:
    return lambda **asked: [run.job_id.int for run in list_runs(tx, HERE, HERE, viewer=None, **asked).items]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        (None, [5, 4, 3, 2, 1]),
        ("metrics.mAP50", [1, 3, 5, 2, 4]),
        ("-metrics.mAP50", [2, 5, 3, 1, 4]),
        ("metrics.val/loss", [2, 5, 1, 3, 4]),
        ("-parameters.lr0", [1, 5, 2, 3, 4]),
        ("metrics.nothing", [1, 2, 3, 4, 5]),
    ],
)
def test_runs_are_sorted_by_any_number_and_each_page_goes_on_where_the_last_ended(
    tx: Connection, found: Callable[..., list[int]], sort: str | None, order: list[int]
) -> None:
    assert found(sort=sort) == order
    pages, after = [], None
    while True:
        page = list_runs(tx, HERE, HERE, viewer=None, sort=sort, after=after, limit=2)
        pages += [run.job_id.int for run in page.items]
        if (after := page.next) is None:
            break
    assert pages == order


@pytest.mark.parametrize("sort", [None, "metrics.mAP50", "-metrics.mAP50"])
def test_what_is_not_shown_to_somebody_has_a_place_in_no_order(tx: Connection, sort: str | None) -> None:
    assert list_runs(tx, HERE, HERE, viewer=UUID(int=9), sort=sort).items == []


@pytest.mark.parametrize(
    ("where", "those"),
    [
        (["metrics.mAP50>=0.7"], [5, 3, 2]),
        (["metrics.mAP50>=0.7", "parameters.optimizer=SGD"], [5, 3]),
        (["parameters.lr0<0.01"], [3]),
        (["parameters.lr0=0.010"], [5, 2]),
        (["parameters.lr0!=0.01"], [3, 1]),
        (["parameters.lr0=auto"], [4]),
        (["parameters.amp=false"], [5]),
        (["parameters.optimizer!=SGD"], [2]),
        (["metrics.val/loss=NaN"], [3]),
        (["metrics.val/loss<9"], [5, 2, 1]),
    ],
)
def test_only_runs_for_which_every_condition_holds_are_found(
    found: Callable[..., list[int]], where: list[str], those: list[int]
) -> None:
    assert found(where=where) == those


def test_a_status_is_a_condition_too(found: Callable[..., list[int]]) -> None:
    assert found(status=Status.RUNNING) == [4]
    assert found(status=Status.COMPLETED, sort="-metrics.mAP50", limit=1) == [2]


@pytest.mark.parametrize("where", ["parameters.optimizer<SGD", "metrics.mAP50", "nothing.at=1"])
def test_a_condition_that_makes_no_sense_says_so(found: Callable[..., list[int]], where: str) -> None:
    with pytest.raises(NoOrder):
        found(where=[where])


def test_runs_are_compared_side_by_side_in_the_order_asked_for(tx: Connection) -> None:
    chosen = find_runs(tx, HERE, HERE, [UUID(int=n) for n in (3, 2, 4, 99)], viewer=None)
    found = compared(chosen)
    assert [run.job_id.int for run in found.runs] == [3, 2, 4]
    assert found.same == {"amp": True}
    assert found.parameters == {"lr0": [0.001, 0.01, "auto"], "optimizer": ["SGD", "AdamW", "SGD"]}
    assert found.metrics == {"mAP50": [0.7, 0.9, None], "val/loss": ["NaN", 0.25, None]}
    assert found.best == {"mAP50": UUID(int=2), "val/loss": UUID(int=2)}


def test_one_and_true_are_two_settings() -> None:
    rows = [row(1, {"a": 1, "b": 1}, {}), row(2, {"a": True, "b": 1}, {})]
    found = compared([RunRow.model_validate(each) for each in rows])
    assert (found.same, found.parameters) == ({"b": 1}, {"a": [1, True]})


def test_a_page_goes_on_behind_a_run_that_meets_the_conditions_no_longer(found: Callable[..., list[int]]) -> None:
    assert found(status=Status.COMPLETED, sort="metrics.nothing", after=4) == [5]
    assert found(where=["metrics.mAP50>=0.7"], sort="metrics.mAP50", after=1) == [3, 5, 2]


def test_a_page_behind_a_run_that_is_not_there_is_refused(found: Callable[..., list[int]]) -> None:
    with pytest.raises(NoOrder, match="first page"):
        found(sort="metrics.mAP50", after=99)
