"""A page of runs costs what it shows, not what its experiment says of all of them."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import Connection, event

from api.experiment import runs
from api.reading import Known
from commands.access import Caller
from domain.errors import NotFound
from domain.roles import Role
from infra.rows import save
from projections import run as read_model
from projections.experiment import experiments
from tests.furnished import furnished, reading
from tests.infra.test_runs import ELSEWHERE, EXPERIMENT, HERE, row
from tests.servers import Servers

ADMIN = Known(Caller(kind="person", id=HERE, organization_id=HERE), HERE, Role.ADMIN)


def fill(tx: Connection) -> None:
    save(tx, experiments, {(HERE,): EXPERIMENT})
    save(tx, read_model.runs, {(UUID(int=n),): row(n, {}, {"mAP50": 0.5}) for n in (1, 2)})


@pytest.fixture
def tx(servers: Servers) -> Iterator[Connection]:
    with furnished(servers, fill) as databases, reading(databases) as found:
        yield found


def test_a_page_of_runs_reads_no_figure_of_the_experiment(tx: Connection) -> None:
    asked: list[str] = []
    event.listen(tx, "before_cursor_execute", lambda *call: asked.append(call[2]))
    assert [run.job_id for run in runs(HERE, ADMIN, tx).items] == [UUID(int=2), UUID(int=1)]
    assert [query for query in asked if "count(" in query or "max(" in query] == []


def test_an_experiment_that_is_not_there_has_no_page(tx: Connection) -> None:
    with pytest.raises(NotFound):
        runs(ELSEWHERE, ADMIN, tx)
