from uuid import UUID

import pytest

from commands.access import Caller
from commands.membership import DeactivateMember, RemoveMember
from commands.person import RenameSelf
from commands.session import (
    MOST_SESSIONS,
    EndEverySession,
    EndReusedSession,
    EndSession,
    SignIn,
    SwitchOrganization,
)
from domain.errors import Forbidden, NotFound, Unauthenticated
from domain.membership import membership_id
from domain.model import SYSTEM
from domain.roles import Role
from domain.session import Ending, Means, Session, SessionIsOver
from tests.commands.conftest import ACME, ANN, BEN, ann, approve, ben, eve
from tests.spec import START, Spec

SESSION, OTHER = UUID(int=81), UUID(int=82)
sign_in = SignIn(
    session_id=SESSION, organization_id=ACME, means=(Means.PASSWORD,), refresh="a" * 64, password_version=1
)
platform = Caller(kind="system", id=SYSTEM)


def again(id: UUID) -> SignIn:
    return sign_in.model_copy(update={"session_id": id})


def test_signing_in_begins_a_session(spec: Spec) -> None:
    spec.when(sign_in).then(
        (Session.Begun, {"person_id": ANN, "organization_id": ACME, "means": (Means.PASSWORD,)}),
    )


def test_a_password_that_was_changed_since_it_was_shown_signs_nobody_in(spec: Spec) -> None:
    spec.when(sign_in.model_copy(update={"password_version": 2})).then_refused(Unauthenticated, "sign in again")


def test_who_waits_may_sign_in(spec: Spec) -> None:
    spec.by(ben).when(sign_in).then((Session.Begun, {"person_id": ben.id}))


def test_nobody_signs_in_where_they_are_no_member(spec: Spec) -> None:
    spec.by(ann.model_copy(update={"organization_id": eve.organization_id})).when(sign_in).then_refused(NotFound)


def test_a_session_stands_behind_the_wall_of_no_organization(spec: Spec) -> None:
    row = spec.given(sign_in).ledger.rows[-1]
    assert b'"organization":"platform"' in row.stored.state


def test_signing_out_ends_the_session(spec: Spec) -> None:
    spec.given(sign_in).when(EndSession(session_id=SESSION)).then(
        (Session.Ended, {"person_id": ANN, "organization_id": ACME, "reason": Ending.SIGNED_OUT})
    )


def test_a_session_ends_once(spec: Spec) -> None:
    end = EndSession(session_id=SESSION)
    spec.given(sign_in, end).when(end).then()


@pytest.mark.parametrize("other", [ben, eve])
def test_nobody_ends_the_session_of_somebody_else(spec: Spec, other: Caller) -> None:
    spec.given(sign_in).by(other).when(EndSession(session_id=SESSION)).then_refused(NotFound)


def test_all_of_ones_own_sessions_end_at_once(spec: Spec) -> None:
    spec.by(ben).given(again(UUID(int=83))).by(ann).given(sign_in, again(OTHER))
    every = {"reason": Ending.SIGNED_OUT_EVERYWHERE}
    spec.when(EndEverySession(session_id=SESSION)).then(
        (Session.Ended, {"originator_id": SESSION, **every}), (Session.Ended, {"originator_id": OTHER, **every})
    )


def test_an_old_refresh_token_ends_its_session_and_no_other(spec: Spec) -> None:
    spec.given(sign_in, again(OTHER)).by(platform).when(EndReusedSession(session_id=SESSION)).then(
        (Session.Ended, {"originator_id": SESSION, "reason": Ending.REFRESH_TOKEN_REUSED})
    )


def test_no_person_says_that_a_refresh_token_was_reused(spec: Spec) -> None:
    spec.given(sign_in).when(EndReusedSession(session_id=SESSION)).then_refused(Forbidden)


def test_one_session_too_many_ends_the_one_that_was_not_used_for_longest(spec: Spec) -> None:
    spec.given(*(again(UUID(int=1_000 + n)) for n in range(MOST_SESSIONS)))
    spec.when(sign_in).then(
        (Session.Begun, {"originator_id": SESSION}),
        (Session.Ended, {"originator_id": UUID(int=1_000), "reason": Ending.DISPLACED}),
    )


def test_a_session_goes_on_only_where_its_person_is_a_member(spec: Spec) -> None:
    elsewhere = ann.model_copy(update={"organization_id": eve.organization_id})
    spec.given(sign_in).by(elsewhere).when(SwitchOrganization(session_id=SESSION)).then_refused(NotFound)


def test_going_on_where_one_is_already_is_no_news(spec: Spec) -> None:
    spec.given(sign_in).when(SwitchOrganization(session_id=SESSION)).then()


def test_a_session_that_is_over_goes_on_nowhere() -> None:
    session = Session.begin(SESSION, ANN, ACME, (), START)
    session.end(Ending.SIGNED_OUT, START)
    with pytest.raises(SessionIsOver):
        session.switch(UUID(int=1), START)


def test_in_a_session_that_has_ended_nothing_is_done_any_more(spec: Spec) -> None:
    here = ann.model_copy(update={"session_id": SESSION})
    spec.given(sign_in).by(here).given(RenameSelf(full_name="Ann One"))
    spec.by(ann).given(EndSession(session_id=SESSION))
    spec.by(here).when(RenameSelf(full_name="Ann Two")).then_refused(Unauthenticated, "has ended")


@pytest.mark.parametrize("shut", [DeactivateMember, RemoveMember])
def test_who_is_let_in_no_more_signs_out_all_the_same(
    spec: Spec, shut: type[DeactivateMember] | type[RemoveMember]
) -> None:
    spec.given(approve(BEN, Role.GUEST)).by(ben).given(sign_in, again(OTHER), again(UUID(int=83)))
    spec.by(ann).given(shut(membership_id=membership_id(ACME, BEN)))
    here = spec.by(ben.model_copy(update={"session_id": SESSION}))
    here.when(EndSession(session_id=OTHER)).then((Session.Ended, {"originator_id": OTHER}))
    here.when(RenameSelf(full_name="Ben Two")).then_refused(Unauthenticated)
    everywhere = [(Session.Ended, {"originator_id": id}) for id in (SESSION, UUID(int=83))]
    here.when(EndEverySession(session_id=SESSION)).then(*everywhere)
    here.when(EndSession(session_id=SESSION)).then_refused(Unauthenticated, "has ended")
