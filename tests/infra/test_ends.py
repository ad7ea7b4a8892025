import signal

import pytest

from domain.training import EndReason
from infra.ends import Ended, Stop, evidence, judge

FAILED = {"reason": "out_of_memory", "message": "too much"}


@pytest.mark.parametrize(
    ("code", "report", "reason"),
    [
        (3, "fail", EndReason.DATA_ERROR),
        (4, "fail", EndReason.OUT_OF_MEMORY),
        (5, "fail", EndReason.CODE_ERROR),
        (1, "fail", EndReason.CODE_ERROR),
        (-signal.SIGSEGV, "fail", EndReason.CODE_ERROR),
        (-signal.SIGKILL, "hand-over", EndReason.INFRASTRUCTURE),
        (143, "hand-over", EndReason.INFRASTRUCTURE),
    ],
)
def test_each_way_to_end_has_its_reason(code: int, report: str, reason: EndReason) -> None:
    ended = judge(code, None, None, None, False)
    assert (ended.report, ended.reason, ended.exit_code) == (report, reason, code)


def test_a_result_and_a_good_exit_are_a_success() -> None:
    assert judge(0, None, {"metrics": {}}, None, False) == Ended("complete")


def test_a_good_exit_without_a_result_is_none() -> None:
    assert judge(0, None, None, None, False).reason is EndReason.CODE_ERROR


def test_what_the_training_says_of_its_failure_counts() -> None:
    assert judge(5, None, None, FAILED, False) == Ended("fail", EndReason.OUT_OF_MEMORY, "too much", 5)


def test_a_kill_for_want_of_memory_is_told_from_any_other() -> None:
    assert judge(-9, None, None, None, True).reason is EndReason.OUT_OF_MEMORY


@pytest.mark.parametrize(
    ("stop", "report"), [(Stop.CANCELLED, "fail"), (Stop.HANDED_OVER, "hand-over"), (Stop.STALE, None)]
)
def test_what_was_asked_for_comes_before_all_else(stop: Stop, report: str | None) -> None:
    assert judge(-9, stop, None, FAILED, True).report == report


def test_evidence_is_bounded_as_events_are() -> None:
    found = evidence(Ended("fail", EndReason.CODE_ERROR, "x\x00" * 20_000, 1), ["y" * 3_000] * 80)
    assert len(found["message"]) == 10_000
    assert len(found["last_lines"]) == 50
    assert "\x00" not in found["message"]
