from datetime import timedelta
from uuid import UUID

import pytest
from pydantic import SecretStr

from commands.link import LinkIsOver
from commands.password import RequestPasswordReset, ResetPassword
from commands.ports import Purpose
from domain.errors import NotFound
from domain.model import Event
from domain.person import Person
from domain.session import Ending, Session
from infra.common_passwords import PasswordIsCommon
from tests.commands.conftest import ANN, BEN, ann, ben
from tests.commands.test_session import OTHER, again, sign_in
from tests.doubles import link_token
from tests.spec import NOBODY, Spec

ask = RequestPasswordReset(person_id=ANN)


def reset(
    number: int, person_id: UUID = ANN, of: UUID = ANN, purpose: Purpose = Purpose.PASSWORD_RESET
) -> ResetPassword:
    return ResetPassword(person_id=person_id, token=link_token(purpose, of, number), password="another horse battery")


@pytest.fixture
def spec(unverified: Spec) -> Spec:
    return unverified


@pytest.fixture
def anybody(spec: Spec) -> Spec:
    return spec.by(NOBODY)


def test_a_link_is_asked_for_by_anybody(anybody: Spec) -> None:
    anybody.when(ask).then((Person.PasswordResetRequested, {"originator_id": ANN}))


def test_another_password_is_set_by_the_link(anybody: Spec) -> None:
    anybody.given(ask).when(reset(2)).then((Person.PasswordChanged, {"originator_id": ANN}), (Person.EmailVerified, {}))


def test_every_session_of_the_person_ends(anybody: Spec) -> None:
    anybody.by(ann).given(sign_in, again(OTHER)).by(ben).given(again(UUID(int=83))).by(NOBODY).given(ask)
    another: list[tuple[type[Event], dict[str, UUID]]] = [(Person.PasswordChanged, {}), (Person.EmailVerified, {})]
    over = {"person_id": ANN, "reason": Ending.PASSWORD_CHANGED}
    anybody.when(reset(2)).then(*another, (Session.Ended, over), (Session.Ended, over))


def test_a_link_is_good_once(anybody: Spec) -> None:
    anybody.given(ask, reset(2)).when(reset(2)).then_refused(LinkIsOver, "used already")


@pytest.mark.parametrize("password", ["annspassword", "acme-acme-2026"])
def test_what_everybody_knows_of_one_is_no_password(anybody: Spec, password: str) -> None:
    weak = reset(2).model_copy(update={"password": SecretStr(password)})
    anybody.given(ask).when(weak).then_refused(PasswordIsCommon)


def test_every_link_that_was_sent_is_good_until_one_is_used(anybody: Spec) -> None:
    anybody.given(ask, ask, reset(2)).when(reset(3)).then_refused(LinkIsOver, "used already")


def test_a_link_is_good_for_an_hour(anybody: Spec) -> None:
    anybody.given(ask)
    anybody.now += timedelta(hours=1)
    anybody.when(reset(2)).then_refused(LinkIsOver, "too old")


@pytest.mark.parametrize("wrong", [reset(3), reset(2, of=BEN), reset(2, purpose=Purpose.INVITATION)])
def test_a_link_that_nobody_was_sent_is_good_for_nothing(anybody: Spec, wrong: ResetPassword) -> None:
    anybody.given(ask).when(wrong).then_refused(LinkIsOver)


def test_the_link_of_one_sets_no_password_of_another(anybody: Spec) -> None:
    anybody.given(ask).when(reset(2, person_id=BEN)).then_refused(LinkIsOver, "somebody else")
    anybody.when(reset(2)).then((Person.PasswordChanged, {"originator_id": ANN}), (Person.EmailVerified, {}))


def test_nobody_is_sent_a_link_who_is_nobody(anybody: Spec) -> None:
    anybody.when(RequestPasswordReset(person_id=UUID(int=1))).then_refused(NotFound)
