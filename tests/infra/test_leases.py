from uuid import UUID

from infra.leases import LASTS, Key, Patience

JOB = Key(UUID(int=1), 1)


def watched(patience: Patience, until: float, revisions: dict[float, int]) -> float | None:
    """When the judge's patience ends, looking once a second; `revisions` says from when on which renewal is seen."""
    for now in range(int(until) + 1):
        seen = max((at for at in revisions if at <= now), default=None)
        if patience.look(float(now), {JOB: revisions[seen] if seen is not None else None}):
            return float(now)
    return None


def test_a_lease_that_is_renewed_never_ends() -> None:
    assert watched(Patience(), 60, {float(at): at for at in range(0, 61, 3)}) is None


def test_a_silent_worker_is_given_up_after_a_lease() -> None:
    assert watched(Patience(), 60, {0.0: 1, 3.0: 2}) == 3 + LASTS + 1


def test_a_worker_that_never_renewed_is_given_as_long() -> None:
    assert watched(Patience(), 60, {}) == LASTS + 1


def test_time_in_which_nothing_could_be_seen_does_not_count() -> None:
    patience = Patience()
    for now in range(int(LASTS)):
        assert not patience.look(float(now), {JOB: 1})
    patience.blind()
    assert not patience.look(100.0, {JOB: 1})
    for now in range(101, 101 + int(LASTS)):
        assert not patience.look(float(now), {JOB: 1}), "a full lease is waited for after a reconnection"
    assert patience.look(101 + LASTS, {JOB: 1}) == [JOB]


def test_a_judge_that_was_suspended_does_not_count_its_sleep() -> None:
    patience = Patience()
    patience.look(0.0, {JOB: 1})
    assert not patience.look(3600.0, {JOB: 1})


def test_an_attempt_that_is_seen_alive_on_another_way_is_given_another_lease() -> None:
    patience = Patience()
    assert watched(patience, 60, {}) == LASTS + 1
    patience.forgive(JOB)
    assert not patience.look(LASTS + 2, {JOB: None})


def test_an_attempt_that_ended_is_forgotten() -> None:
    patience = Patience()
    patience.look(0.0, {JOB: 1})
    patience.look(LASTS - 1, {})
    assert not patience.look(LASTS + 2, {JOB: 1})
