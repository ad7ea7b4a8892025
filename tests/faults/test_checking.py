"""What the judges of a round let pass and what they find, of answers, acceptances, letters and lost workers."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from domain.language import Language
from infra.letters import Letter, message
from infra.names import PROBLEM
from tests.faults.checking import (
    Ledger,
    Stored,
    acceptance_faults,
    answer_faults,
    command_faults,
    letter_faults,
    promise_faults,
    socket_faults,
    told_in_time,
)
from tests.faults.closing import VERIFIED, is_wrong
from tests.faults.doors import SHUT_OUT
from tests.faults.judgement import Judgement
from tests.faults.post import Post
from tests.faults.recovery import CLAIMED, KEPT, STARTED, STEPPED, begun_too_early, faults, missing, since
from tests.faults.rounds import finding
from tests.faults.wishing import (
    ACCEPTED,
    INVITED,
    PROOF_ASKED,
    REGISTERED,
    RESET,
    RESET_ASKED,
    SENT_AGAIN,
    Record,
    Wish,
)
from tests.whole import Recorded

NOW = datetime(2026, 5, 4, tzinfo=UTC)
SHARED, OWN = "01990000-0000-7000-8000-000000000001", "01990000-0000-7000-8000-000000000002"


def renamed(project: str, begun: float, ended: float, status: int = 200, problem: str = "") -> Wish:
    wish = Wish("PATCH", f"/projects/{project}", {}, "", "project.renamed", status=status, problem=problem)
    wish.begun, wish.ended = begun, ended
    return wish


@pytest.mark.parametrize(
    ("other", "is_found"),
    [
        (renamed(SHARED, 0.5, 1.5), False),
        (renamed(SHARED, 2.5, 3.0), True),
        (renamed(OWN, 0.5, 1.5), True),
    ],
)
def test_a_conflict_is_an_answer_only_where_somebody_else_was_at_the_same_thing(other: Wish, is_found: bool) -> None:
    refused = renamed(SHARED, 1.0, 2.0, 409, "conflict")
    assert bool([*answer_faults([refused, other], 0)]) is is_found


def test_any_other_refusal_is_found_once_however_many_were_there() -> None:
    wishes = [renamed(SHARED, 1.0, 2.0, 409, "email-is-taken"), renamed(SHARED, 1.0, 2.0)]
    assert [*answer_faults(wishes, 0)]
    assert not [*answer_faults(wishes, 1)]


def stored(*events: tuple[str, str, str]) -> Ledger:
    """Each by its topic, of whom it is, and its command."""
    ledger = Ledger("")
    state = json.dumps({"envelope": {"event": "E"}}).encode()
    found = [Stored(n, of, topic, {}, "", state, command) for n, (topic, of, command) in enumerate(events, 1)]
    ledger.__dict__["events"] = found
    return ledger


JOINED = stored((REGISTERED, "ann", "C"), (ACCEPTED, "invitation", "C"))


def accepted(*invitations: str) -> list[Wish]:
    return [Wish("POST", "/invitations/accept", {}, "", ACCEPTED, status=200, id=id) for id in invitations]


def test_whoever_joins_by_an_invitation_is_no_registration_that_nobody_was_told_of() -> None:
    nobody = Wish("POST", "/auth/register", {}, "", REGISTERED, status=409)
    assert [*command_faults(JOINED, [nobody], 0)] == []
    assert [*command_faults(stored((REGISTERED, "ann", "C")), [nobody], 0)]


def test_whoever_sets_a_password_by_a_link_is_asked_for_once_and_proves_the_address_with_it() -> None:
    ledger = stored((RESET, "ann", "C"), (VERIFIED, "ann", "C"))
    reset = Wish("POST", "/auth/reset-password", {}, "", RESET, status=200, position=1)
    nobody = Wish("POST", "/auth/verify-email", {}, "", VERIFIED, status=409)
    assert [*command_faults(ledger, [reset, nobody], 0)] == []
    assert [*command_faults(ledger, [replace(reset, status=409), nobody], 0)]
    assert [*command_faults(stored((VERIFIED, "ann", "C")), [nobody], 0)]


@pytest.mark.parametrize(("told", "is_found"), [(("invitation",), False), ((), True), (("another",), True)])
def test_each_acceptance_is_of_its_invitation(told: Sequence[str], is_found: bool) -> None:
    assert bool([*acceptance_faults(JOINED, accepted(*told), 0)]) is is_found


def asked(*people: str) -> list[Wish]:
    return [Wish("POST", "/auth/forgot-password", {}, "", RESET_ASKED, id=id) for id in people]


@pytest.mark.parametrize(
    ("wishes", "is_found"),
    [(asked("ann"), False), (asked("ann", "ann", "ben"), False), ([], True), (asked("ben"), True)],
)
def test_a_link_is_promised_to_nobody_who_did_not_ask_for_it(wishes: Sequence[Wish], is_found: bool) -> None:
    assert bool([*promise_faults(stored((RESET_ASKED, "ann", "C")), wishes, 0, kept=False)]) is is_found


@pytest.mark.parametrize(("status", "kept", "is_found"), [(202, True, True), (202, False, False), (None, True, False)])
def test_what_is_promised_comes_where_nothing_ends_whoever_promised_it(
    status: int | None, kept: bool, is_found: bool
) -> None:
    wishes = [replace(each, status=status) for each in asked("ann")]
    assert bool([*promise_faults(stored(), wishes, 0, kept)]) is is_found


@pytest.mark.parametrize(("status", "is_found"), [(None, False), (202, False), (409, True)])
def test_a_promise_may_come_to_nothing_and_is_never_refused(status: int | None, is_found: bool) -> None:
    ann = Wish("POST", "/auth/resend-verification", {}, "", PROOF_ASKED, status=status, id="ann")
    assert bool([*answer_faults([ann], 0)]) is is_found


ANN, BEN = (REGISTERED, "ann", "C"), (REGISTERED, "ben", "D")


@pytest.mark.parametrize(
    ("ledger", "letters", "cut_off", "is_found"),
    [
        (JOINED, 0, 0, False),
        (JOINED, 1, 1, True),
        (stored(ANN), 1, 0, False),
        (stored(ANN), 0, 0, True),
        (stored(ANN), 2, 0, True),
        (stored(ANN), 2, 1, False),
        (stored(ANN), 3, 1, True),
        (stored(ANN), 50, 2, True),
        (stored(ANN, BEN), 2, 1, True),
        (stored(ANN, BEN), 2, 2, False),
        (stored(ANN, (INVITED, "invitation", "D")), 2, 1, False),
        (stored((SENT_AGAIN, "invitation", "D")), 0, 0, True),
        (stored((RESET_ASKED, "ann", "D")), 2, 0, True),
        (stored((PROOF_ASKED, "ann", "D")), 0, 0, True),
        (stored((RESET, "ann", "D")), 0, 0, True),
    ],
)
def test_whose_address_a_letter_has_proven_gets_no_other_and_one_that_is_cut_off_excuses_one(
    ledger: Ledger, letters: int, cut_off: int, is_found: bool
) -> None:
    """As many about each event, of which all here have one id."""
    assert bool([*letter_faults(ledger, {"E": letters}, 0, cut_off)]) is is_found


@pytest.mark.parametrize(
    ("status", "problem", "is_open", "is_found"),
    [
        (200, "", True, False),
        (401, SHUT_OUT, True, True),
        (200, "", False, True),
        (401, SHUT_OUT, False, False),
        (503, "unavailable", False, False),
        (401, "unauthenticated", True, False),
    ],
)
def test_a_member_is_let_in_where_it_is_open_and_refused_where_it_is_closed(
    status: int, problem: str, is_open: bool, is_found: bool
) -> None:
    headers = {"Content-Type": "application/problem+json"}
    answer = httpx.Response(status, json={"type": f"{PROBLEM}{problem}"}, headers=headers)
    assert is_wrong(answer, is_open) is is_found


def test_whoever_follows_a_link_has_that_of_the_letter_about_it(tmp_path: Path) -> None:
    pages = {"invite": "T0ken", "verify-email": "0ther", "reset-password": "An0ther"}
    for number, (page, token) in enumerate(pages.items()):
        letter = Letter(
            "ann@example.org", (), Language.ENGLISH, "verification", page, token, {"full_name": "", "until": ""}
        )
        made = message(letter, "Vistory <vistory@example.net>", "https://vistory.example", uuid4(), NOW)
        (tmp_path / f"{number}.eml").write_bytes(made.as_bytes())
    post = Post(tmp_path)
    assert (post.token_to("ann@example.org"), post.token_to("ben@example.org")) == ("T0ken", None)
    assert (post.proof_of("ann@example.org"), post.reset_of("ann@example.org")) == ("0ther", "An0ther")
    assert post.letters().total() == 3
    post.forget("ann@example.org")
    assert post.token_to("ann@example.org") is None


def told(topic: str, seconds: float, **data: Any) -> Recorded:
    return Recorded(0, topic, data, NOW + timedelta(seconds=seconds), "")


def test_a_training_goes_on_once_an_epoch_ends_that_no_attempt_before_had_told_of() -> None:
    lost_at = (NOW + timedelta(seconds=10)).timestamp()
    story = [
        told(CLAIMED, 0, attempt=1),
        told(STEPPED, 9, attempt=1, epoch=4),
        told(STEPPED, 11, attempt=1, epoch=5),
        told(CLAIMED, 17, attempt=2),
        told(STARTED, 19, attempt=2),
        told(STEPPED, 21, attempt=2, epoch=5),
        told(STEPPED, 22, attempt=2, epoch=6),
    ]
    assert since(lost_at, story) == {"claimed": 7.0, "started": 9.0, "new epoch": 12.0}
    assert since(lost_at, story[:3]) == {}


HARMED = [told(CLAIMED, 0, attempt=1), told(STEPPED, 9, attempt=1, epoch=4)]
AGAIN = told(CLAIMED, 17, attempt=2)


@pytest.mark.parametrize(
    ("later", "found"),
    [
        ([], "never claimed again"),
        ([told("training_job.failed", 70)], "never claimed again"),
        ([AGAIN, told(STEPPED, 21, attempt=2, epoch=4)], "no new epoch of it ended"),
        ([AGAIN, told(STEPPED, 21, attempt=2, epoch=5)], None),
        ([told("training_job.cancelled", 9.5)], None),
        ([told("training_job.completed", 10.5)], None),
    ],
    ids=["lost", "failed", "stuck", "replaced", "over", "ending"],
)
def test_a_worker_that_nobody_replaces_is_found(later: list[Recorded], found: str | None) -> None:
    said = [*missing((NOW + timedelta(seconds=10)).timestamp(), HARMED + later)]
    assert found in said[0] if found else said == []


@pytest.mark.parametrize(("resumed", "is_found"), [(2, False), (1, True), (None, True)])
def test_a_training_that_does_not_go_on_from_its_last_checkpoint_is_found(resumed: int | None, is_found: bool) -> None:
    story = [
        told(STARTED, 0, attempt=1, resumed_from=None),
        told(KEPT, 1, attempt=1, checkpoint={"epoch": 1}),
        told(KEPT, 2, attempt=1, checkpoint={"epoch": 2}),
        told(STARTED, 9, attempt=2, resumed_from=resumed and {"epoch": resumed}),
    ]
    assert bool([*begun_too_early(story)]) is is_found


def points(*cursors: str) -> list[dict[str, Any]]:
    return [{"kind": "log", "cursor": f"{cursor}.1", "line": cursor} for cursor in cursors]


@pytest.mark.parametrize(
    ("heard", "is_found"),
    [
        (points("1.1", "1.2", "1.3", "2.1", "2.2"), False),
        (points("1.1", "2.1", "2.2"), False),
        (points("1.2", "2.1", "2.2"), True),
        (points("1.1", "1.3", "2.1", "2.2"), True),
        (points("1.1", "1.2", "1.3", "2.1"), True),
    ],
    ids=["all", "all but the late ones", "no first one", "one left out", "no last one"],
)
def test_only_the_last_points_of_an_attempt_that_was_given_away_may_come_too_late_for_a_socket(
    heard: list[dict[str, Any]], is_found: bool
) -> None:
    told = points("1.1", "1.2", "1.3", "2.1", "2.2")
    assert bool([*socket_faults("ann", heard, told_in_time(heard, told))]) is is_found


def test_what_clients_met_with_is_found_also_where_a_round_ends_early() -> None:
    def positions() -> object:
        raise psycopg.OperationalError("it is away")

    record, judgement = Record(), Judgement("kill postgres", 1)
    with finding(judgement, record, positions):
        record.blame("GET /projects was answered 500")
        raise AssertionError("waited 240 s in vain")
    assert judgement.found == [
        "AssertionError: waited 240 s in vain; no positions: it is away",
        "GET /projects was answered 500",
    ]
    assert record.blamed() == []


@pytest.mark.parametrize(("claimed", "new_epoch", "found"), [(9.9, 12.9, 0), (10.1, 12.9, 1), (9.9, 13.1, 1)])
def test_ten_seconds_are_let_pass_beside_the_start_of_the_bare_framework(
    claimed: float, new_epoch: float, found: int
) -> None:
    assert len([*faults({"claimed": claimed, "new epoch": new_epoch, "bare start": 3.0})]) == found


def test_what_a_restore_took_back_is_known_by_its_place_and_what_has_none_by_whom_it_is_of() -> None:
    """The receipt of an acceptance is that of the session behind it, or none where its answer was lost."""
    record = Record()
    record.wishes = [*accepted("kept", "lost"), renamed(SHARED, 0, 1), renamed(SHARED, 0, 1), *asked("kept", "ann")]
    for wish, position in zip(record.wishes, (12, 0, 10, 11, 0, 0), strict=True):
        wish.status, wish.position, wish.chain = 200, position, "chain"
    record.forget(10, {(ACCEPTED, "kept"), (RESET_ASKED, "ann")})
    assert [wish.accepted for wish in record.wishes] == [True, False, True, False, False, True]
    assert [wish.chain for wish in record.wishes if wish.accepted] == ["", "chain", "chain"]
