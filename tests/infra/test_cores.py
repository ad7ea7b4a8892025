from pathlib import Path

import pytest

from infra import cores
from infra.cores import Seat


@pytest.fixture(params=[1, 2, 3, 8])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    number: int = request.param
    monkeypatch.setattr(cores, "cores", lambda: number)
    return number


@pytest.mark.parametrize("services", [1, 2, 3, 5])
def test_the_jobs_of_a_machine_never_have_more_threads_than_it_has_cores(
    machine: int, services: int, tmp_path: Path
) -> None:
    seats = [Seat(tmp_path, str(number)) for number in range(services)]
    began = [seat for seat in seats if seat.take()]
    assert len(began) == min(services, machine)
    assert machine // 2 < sum(seat.threads for seat in began) <= machine, "nor does half of it stand idle"
    assert {seat.threads for seat in seats if seat not in began} <= {0}
    for seat in seats:
        seat.leave()


def test_a_job_that_waited_gets_the_cores_of_one_that_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "cores", lambda: 2)
    alone = Seat(tmp_path, "timm")
    assert alone.take()
    assert alone.threads == 2
    late = Seat(tmp_path, "ultralytics")
    assert not late.take()
    alone.give_back()
    assert late.take()
    assert alone.take()
    assert (alone.threads, late.threads) == (1, 1)
    alone.leave()
    assert late.threads == 1
    late.leave()
