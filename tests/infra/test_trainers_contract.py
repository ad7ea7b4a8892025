"""What every Trainers promises, asked of the real one and of the double that stands in for it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from psycopg_pool import ConnectionPool
from uuid_utils.compat import uuid7

from commands.ports import Trainers
from domain.content import Task
from domain.errors import Invalid, Refused
from infra.migrate import migrate
from infra.provision import APP
from infra.trainers import Parameter, ReportedTrainers, TrainableModel
from tests.doubles import TINY, OneTrainer
from tests.servers import Databases


@pytest.fixture
def reported(fresh_database: Callable[[], Databases]) -> Iterator[ReportedTrainers]:
    databases = fresh_database()
    migrate(databases.owner_url, APP, uuid7())
    with ConnectionPool(databases.app_url, min_size=1, open=True) as pool:
        yield ReportedTrainers(pool)


@pytest.fixture(params=["double", pytest.param("real", marks=pytest.mark.connected)])
def trainers(request: pytest.FixtureRequest) -> Trainers:
    """Those of a platform whose only trainer, timm, has reported its only model, `tiny`."""
    if request.param == "double":
        return OneTrainer()
    reported: ReportedTrainers = request.getfixturevalue("reported")
    reported.report("timm", (TINY,), gpus=1)
    return reported


def asked(trainers: Trainers, framework: str = "timm", model: str = "tiny", **parameters: Any) -> dict[str, Any]:
    return trainers.check(framework, model, Task.DETECTION, parameters)


def test_what_is_not_said_has_its_default(trainers: Trainers) -> None:
    assert asked(trainers) == {"epochs": 3, "rate": 0.1, "augment": True, "optimizer": "adamw"}


def test_what_is_said_is_kept(trainers: Trainers) -> None:
    said: dict[str, Any] = {"epochs": 7, "rate": 0.5, "augment": False, "optimizer": "sgd"}
    assert asked(trainers, **said) == said


def test_a_whole_number_is_a_number(trainers: Trainers) -> None:
    rate = asked(trainers, rate=1)["rate"]
    assert (rate, type(rate)) == (1.0, float)


@pytest.mark.parametrize("epochs", [0, -1, 10_001, 10**15, "ten", "3", 2.5, 3.0, True])
def test_a_whole_number_has_its_type_and_limits(trainers: Trainers, epochs: object) -> None:
    with pytest.raises(Invalid, match="epochs"):
        asked(trainers, epochs=epochs)


@pytest.mark.parametrize(
    "wrong", [{"rate": float("nan")}, {"rate": float("inf")}, {"rate": True}, {"augment": 1}, {"augment": "yes"}]
)
def test_numbers_and_switches_are_not_mistaken_for_each_other(trainers: Trainers, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match=next(iter(wrong))):
        asked(trainers, **wrong)


def test_a_choice_is_one_of_those_that_are_named(trainers: Trainers) -> None:
    with pytest.raises(Invalid, match="adamw, sgd"):
        asked(trainers, optimizer="lion")


def test_a_parameter_that_nobody_knows_is_refused_with_those_that_there_are(trainers: Trainers) -> None:
    with pytest.raises(Invalid, match=r"'epoch'.*epochs, rate"):
        asked(trainers, epoch=3)


def test_a_model_that_nobody_knows_is_refused_with_those_that_there_are(trainers: Trainers) -> None:
    with pytest.raises(Invalid, match=r"'huge'.*tiny"):
        asked(trainers, model="huge")


def test_a_framework_that_nobody_serves_is_refused_with_those_that_there_are(trainers: Trainers) -> None:
    with pytest.raises(Refused, match=r"keras.*timm"):
        asked(trainers, framework="keras")


def test_a_model_is_for_one_task(trainers: Trainers) -> None:
    with pytest.raises(Invalid, match="detection"):
        trainers.check("timm", "tiny", Task.CLASSIFICATION, {})


def test_before_any_service_has_reported_there_is_nothing_to_train(reported: ReportedTrainers) -> None:
    with pytest.raises(Refused, match="none yet"):
        asked(reported)


def test_what_a_service_reports_replaces_what_it_reported_before(reported: ReportedTrainers) -> None:
    reported.report("timm", (TINY,), gpus=2)
    other = TrainableModel(
        name="other",
        task=Task.DETECTION,
        metric="map50",
        parameters=(Parameter(name="size", type="integer", default=1),),
    )
    reported.report("timm", (other,), gpus=0)
    reported.report("ultralytics", (TINY,), gpus=1)
    assert reported.all() == {"timm": (other,), "ultralytics": (TINY,)}
    assert asked(reported, model="other") == {"size": 1}
    assert [reported.have_gpus(each) for each in ("timm", "ultralytics")] == [False, True]


def test_a_service_that_never_reported_has_no_gpus(trainers: Trainers) -> None:
    assert trainers.have_gpus("timm")
    assert not trainers.have_gpus("ultralytics")
