from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from commands.access import Caller
from commands.api_token import CreateToken
from commands.code import WrongCode
from commands.erasure import RequestErasure
from commands.inside import SecondFactorIsRequired
from commands.membership import ChangeRole, RemoveMember
from commands.operator import AppointOperator, ChangeQuotas
from commands.organization import ChangeOrganization
from commands.password import RequestPasswordReset, ResetPassword
from commands.person import RenameSelf
from commands.ports import Purpose
from commands.project import CreateProject
from commands.second_factor import (
    BeginSecondFactor,
    ConfirmSecondFactor,
    RenewRecoveryCodes,
    ResetSecondFactor,
    ResetSecondFactorOf,
    TurnOffSecondFactor,
)
from commands.session import EndEverySession, EndSession, SignIn, SwitchOrganization
from domain.errors import Forbidden, NotFound, Unauthenticated
from domain.membership import membership_id
from domain.model import SYSTEM
from domain.organization import Organization
from domain.person import Person
from domain.roles import Role, Scope
from domain.second_factor import SecondFactor, SecondFactorIsOff, SecondFactorIsOn
from domain.security_policy import SecurityPolicy
from domain.session import Means, Session
from tests.commands.conftest import ACME, ANN, BEN, ann, approve, ben, cat, eve
from tests.commands.test_dataset import create as dataset
from tests.commands.test_service_account import EXPORTER, exporter, service
from tests.commands.test_session import OTHER, SESSION, again, sign_in
from tests.doubles import link_token, shown
from tests.spec import NOBODY, Spec

CODES = ("2345-6789-abcd", "bcde-fghj-kmnp")
BEN_IN_ACME = membership_id(ACME, BEN)
platform = Caller(kind="system", id=SYSTEM)
require = ChangeOrganization(organization_id=ACME, second_factor_required=True)
begin = BeginSecondFactor()


def code(spec: Spec, person: UUID = ANN, steps: int = 0) -> str:
    """Of the moment at which the next command is given."""
    return shown(person, spec.now + timedelta(seconds=1), steps)


def confirm(spec: Spec, person: UUID = ANN) -> ConfirmSecondFactor:
    return ConfirmSecondFactor(code=code(spec, person), recovery_codes=CODES)


def turn_on(spec: Spec, caller: Caller = ann) -> Spec:
    """A minute later than the code that confirmed it."""
    spec.by(caller).given(begin).given(confirm(spec, caller.id))
    spec.now += timedelta(minutes=1)
    return spec


def signs_in(spec: Spec, person: UUID = ANN, **other: Any) -> SignIn:
    return sign_in.model_copy(update={"code": secret(code(spec, person)), "password_version": 1, **other})


def secret(text: str) -> Any:
    return TurnOffSecondFactor(code=text).code


def test_a_second_factor_is_on_once_a_code_confirms_it(spec: Spec) -> None:
    begun = {"person_id": ANN, "organization_id": ACME}
    spec.when(begin).then((SecondFactor.Begun, begun))
    spec.when(confirm(spec)).then((SecondFactor.TurnedOn, begun))


def test_who_begins_again_is_offered_another(spec: Spec) -> None:
    spec.given(begin).when(begin).then()
    spec.when(confirm(spec)).then((SecondFactor.TurnedOn, {}))


def test_who_waits_may_set_one_up(spec: Spec) -> None:
    spec.by(cat).given(begin).when(confirm(spec, cat.id)).then((SecondFactor.TurnedOn, {"person_id": cat.id}))


@pytest.mark.parametrize("steps", [-2, 2])
def test_a_wrong_code_confirms_nothing(spec: Spec, steps: int) -> None:
    spec.given(begin)
    wrong = ConfirmSecondFactor(code=code(spec, steps=steps), recovery_codes=CODES)
    spec.when(wrong).then_refused(WrongCode)


def test_the_code_of_somebody_else_confirms_nothing(spec: Spec) -> None:
    spec.by(ben).given(begin).by(ann).given(begin)
    spec.when(confirm(spec, BEN)).then_refused(WrongCode)


def test_what_was_offered_too_long_ago_is_confirmed_no_more(spec: Spec) -> None:
    spec.given(begin)
    spec.now += timedelta(minutes=15)
    spec.when(confirm(spec)).then_refused(WrongCode)
    spec.given(begin).when(confirm(spec)).then((SecondFactor.TurnedOn, {}))


def test_nothing_is_confirmed_that_was_never_begun(spec: Spec) -> None:
    spec.when(confirm(spec)).then_refused(SecondFactorIsOff)


def test_one_that_is_on_is_neither_begun_nor_confirmed_again(spec: Spec) -> None:
    turn_on(spec).when(begin).then_refused(SecondFactorIsOn, "turn it off first")
    spec.when(confirm(spec)).then_refused(SecondFactorIsOn)


def test_signing_in_takes_a_code(spec: Spec) -> None:
    turn_on(spec).when(sign_in).then_refused(Unauthenticated, "second factor")
    spec.when(signs_in(spec)).then((Session.Begun, {"means": (Means.PASSWORD, Means.TOTP)}))


def test_a_recovery_code_signs_in_once(spec: Spec) -> None:
    turn_on(spec).when(signs_in(spec, code=secret(CODES[0]))).then(
        (Session.Begun, {"means": (Means.PASSWORD, Means.RECOVERY_CODE)})
    )
    spec.when(signs_in(spec, code=secret(CODES[0]), session_id=OTHER)).then_refused(WrongCode)
    spec.when(signs_in(spec, code=secret(CODES[1]), session_id=OTHER)).then((Session.Begun, {}))


def test_a_code_that_signed_in_signs_in_no_more(spec: Spec) -> None:
    used = signs_in(turn_on(spec))
    spec.given(used).when(used.model_copy(update={"session_id": OTHER})).then_refused(WrongCode, "used already")


def test_the_code_that_confirmed_it_signs_nobody_in(spec: Spec) -> None:
    spec.given(begin)
    spec.given(confirm(spec)).when(signs_in(spec)).then_refused(WrongCode)


def test_a_code_of_one_signs_in_nobody_else(spec: Spec) -> None:
    turn_on(turn_on(spec, ben), ann).when(signs_in(spec, BEN)).then_refused(WrongCode)


def test_a_password_that_was_changed_since_it_was_shown_signs_in_no_more(spec: Spec) -> None:
    turn_on(spec).by(NOBODY).given(RequestPasswordReset(person_id=ANN))
    token = link_token(Purpose.PASSWORD_RESET, ANN, 3)
    spec.given(ResetPassword(person_id=ANN, token=token, password="another horse battery"))
    spec.by(ann).when(signs_in(spec)).then_refused(Unauthenticated, "password was changed")
    spec.when(signs_in(spec, password_version=None)).then_refused(Unauthenticated)
    spec.when(signs_in(spec, password_version=4)).then((Session.Begun, {"means": (Means.PASSWORD, Means.TOTP)}))


def test_what_else_a_person_does_takes_no_sign_in_back(spec: Spec) -> None:
    turn_on(spec).given(RenameSelf(full_name="Other")).by(NOBODY).given(RequestPasswordReset(person_id=ANN))
    spec.by(ann).when(signs_in(spec)).then((Session.Begun, {}))


def test_where_none_is_on_a_code_is_no_way_in(spec: Spec) -> None:
    spec.when(signs_in(spec)).then_refused(Unauthenticated)


@pytest.mark.parametrize(("text", "means"), [(None, Means.TOTP), (CODES[0], Means.RECOVERY_CODE)])
def test_it_is_turned_off_by_a_code(spec: Spec, text: str | None, means: Means) -> None:
    turn_on(spec).when(TurnOffSecondFactor(code=text or code(spec))).then((SecondFactor.TurnedOff, {"means": means}))
    spec.when(sign_in).then((Session.Begun, {"means": (Means.PASSWORD,)}))
    spec.when(TurnOffSecondFactor(code=CODES[1])).then_refused(SecondFactorIsOff)


def test_it_is_turned_off_by_no_wrong_code(spec: Spec) -> None:
    turn_on(spec).when(TurnOffSecondFactor(code="2345-6789-abce")).then_refused(WrongCode)


def test_after_it_was_off_it_may_be_turned_on_again(spec: Spec) -> None:
    turn_on(spec).given(TurnOffSecondFactor(code=CODES[0]), begin)
    spec.when(confirm(spec)).then((SecondFactor.TurnedOn, {}))


def test_new_recovery_codes_take_the_place_of_all_others(spec: Spec) -> None:
    renew = RenewRecoveryCodes(code=CODES[0], recovery_codes=("wxyz-wxyz-wxyz",))
    turn_on(spec).when(renew).then((SecondFactor.RecoveryCodesRenewed, {"means": Means.RECOVERY_CODE}))
    spec.when(TurnOffSecondFactor(code=CODES[1])).then_refused(WrongCode)
    spec.when(TurnOffSecondFactor(code="wxyz-wxyz-wxyz")).then((SecondFactor.TurnedOff, {}))


def test_recovery_codes_are_of_one_that_is_on(spec: Spec) -> None:
    spec.given(begin).when(RenewRecoveryCodes(code=code(spec), recovery_codes=CODES)).then_refused(SecondFactorIsOff)


def test_an_admin_takes_it_away_from_a_member_who_lost_it(spec: Spec) -> None:
    turn_on(spec.given(approve(BEN, Role.ENGINEER_I)), ben).by(ann)
    spec.when(ResetSecondFactor(membership_id=BEN_IN_ACME)).then(
        (SecondFactor.Reset, {"person_id": BEN, "organization_id": ACME})
    )
    spec.when(ResetSecondFactor(membership_id=BEN_IN_ACME)).then_refused(SecondFactorIsOff)
    spec.by(ben).when(sign_in).then((Session.Begun, {"means": (Means.PASSWORD,)}))


def test_no_admin_takes_away_their_own_without_password_and_code(spec: Spec) -> None:
    turn_on(spec).when(ResetSecondFactor(membership_id=membership_id(ACME, ANN))).then_refused(Forbidden)


def test_nobody_takes_it_away_from_who_stands_above_them_or_elsewhere(spec: Spec) -> None:
    turn_on(spec.given(approve(BEN, Role.MANAGER)), ann).by(ben)
    spec.when(ResetSecondFactor(membership_id=membership_id(ACME, ANN))).then_refused(Forbidden)
    spec.by(eve).when(ResetSecondFactor(membership_id=membership_id(ACME, ANN))).then_refused(NotFound)
    spec.by(ann).given(ChangeRole(membership_id=BEN_IN_ACME, role=Role.ENGINEER_II)).by(ben)
    spec.when(ResetSecondFactor(membership_id=membership_id(ACME, cat.id))).then_refused(Forbidden)


def test_nobody_takes_it_away_from_who_left(spec: Spec) -> None:
    turn_on(spec.given(approve(BEN, Role.ENGINEER_I)), ben).by(ann).given(RemoveMember(membership_id=BEN_IN_ACME))
    spec.when(ResetSecondFactor(membership_id=BEN_IN_ACME)).then_refused(Forbidden, "left this one")


def test_whoever_keeps_the_machine_takes_it_away_and_nobody_else(spec: Spec) -> None:
    turn_on(spec).when(ResetSecondFactorOf(person_id=ANN)).then_refused(Forbidden)
    spec.by(platform).when(ResetSecondFactorOf(person_id=ANN)).then((SecondFactor.Reset, {"person_id": ANN}))
    spec.when(ResetSecondFactorOf(person_id=UUID(int=1))).then_refused(NotFound)


def test_a_password_reset_leaves_it_on(spec: Spec) -> None:
    turn_on(spec).by(NOBODY).given(RequestPasswordReset(person_id=ANN))
    token = link_token(Purpose.PASSWORD_RESET, ANN, 3)
    spec.given(ResetPassword(person_id=ANN, token=token, password="another horse battery"))
    spec.by(ann).when(sign_in.model_copy(update={"password_version": 4})).then_refused(Unauthenticated, "second factor")


def test_whose_address_it_is_has_what_others_set_up_in_its_name_taken_away(unverified: Spec) -> None:
    """Who registered somebody else's address keeps its owner out by nothing."""
    spec = turn_on(unverified).by(NOBODY).given(RequestPasswordReset(person_id=ANN))
    token = link_token(Purpose.PASSWORD_RESET, ANN, 2)
    spec.when(ResetPassword(person_id=ANN, token=token, password="another horse battery")).then(
        (Person.PasswordChanged, {}),
        (Person.EmailVerified, {}),
        (SecondFactor.Reset, {"person_id": ANN, "organization_id": ACME}),
    )
    wish = again(OTHER).model_copy(update={"password_version": 3})
    spec.by(ann).when(wish).then((Session.Begun, {"means": (Means.PASSWORD,)}))


def test_what_was_only_offered_to_whoever_had_not_proven_the_address_is_good_for_nothing_after_a_reset(
    unverified: Spec,
) -> None:
    spec = unverified.given(begin).by(NOBODY).given(RequestPasswordReset(person_id=ANN))
    token = link_token(Purpose.PASSWORD_RESET, ANN, 2)
    spec.given(ResetPassword(person_id=ANN, token=token, password="another horse battery"))
    spec.by(ann).when(confirm(spec, ANN)).then_refused(WrongCode)


def test_an_organization_asks_for_one(spec: Spec) -> None:
    turn_on(spec).when(require).then(
        (SecurityPolicy.Begun, {"organization_id": ACME}),
        (SecurityPolicy.SecondFactorRuleChanged, {"required": True, "previous": False}),
    )
    spec.when(require).then()
    relax = require.model_copy(update={"second_factor_required": False, "name": "Acme"})
    spec.when(relax).then((Organization.Renamed, {}), (SecurityPolicy.SecondFactorRuleChanged, {"required": False}))


def test_who_asks_it_of_others_has_one(spec: Spec) -> None:
    spec.when(require).then_refused(SecondFactorIsOff, "of your own")
    spec.given(begin).when(require).then_refused(SecondFactorIsOff)


@pytest.fixture
def strict(spec: Spec) -> Spec:
    """Ann has one and asks it of all; Ben is a manager without."""
    return turn_on(spec.given(approve(BEN, Role.MANAGER))).given(require)


WISHES = [
    CreateProject(project_id=UUID(int=7), name="P"),
    RenameSelf(full_name="Ben"),
    RequestErasure(),
    approve(cat.id, Role.GUEST),
    CreateToken(token_id=UUID(int=8), name="T", scopes={Scope.READ}, days=1, prefix="vst_1", digest="a" * 64),
    TurnOffSecondFactor(code="123456"),
]


@pytest.mark.parametrize("wish", WISHES, ids=lambda wish: type(wish).__name__)
def test_until_a_member_has_one_nothing_else_is_open(strict: Spec, wish: Any) -> None:
    strict.by(ben).when(wish).then_refused(SecondFactorIsRequired, "vistory second-factor on")


def test_signing_in_and_out_and_setting_it_up_are_open_and_then_everything_is(strict: Spec) -> None:
    elsewhere = sign_in.model_copy(update={"session_id": OTHER})
    strict.by(ben).given(sign_in, SwitchOrganization(session_id=SESSION), EndSession(session_id=SESSION), elsewhere)
    strict.given(EndEverySession(session_id=OTHER))
    turn_on(strict, ben).given(WISHES[0])


def test_who_turns_it_off_again_is_where_they_were(strict: Spec) -> None:
    turn_on(strict, ben).given(TurnOffSecondFactor(code=code(strict, BEN))).when(WISHES[0]).then_refused(
        SecondFactorIsRequired
    )


def test_an_api_token_is_good_for_as_long_as_its_owner_has_one(strict: Spec) -> None:
    program = ben.model_copy(update={"scopes": frozenset(Scope)})
    strict.by(program).when(WISHES[0]).then_refused(SecondFactorIsRequired)
    turn_on(strict, ben).by(program).given(WISHES[0])


def test_a_service_account_is_nobody_with_a_phone_and_goes_on(strict: Spec) -> None:
    strict.given(exporter).by(service(EXPORTER)).given(dataset)


def test_the_members_of_another_organization_go_on(strict: Spec) -> None:
    strict.by(eve).given(CreateProject(project_id=UUID(int=9), name="P"))


def test_an_operator_is_asked_for_it_too(strict: Spec) -> None:
    strict.by(platform).given(AppointOperator(person_id=BEN)).by(ben)
    wish = ChangeQuotas(organization_id=eve.organization_id, max_users=9)
    strict.when(wish).then_refused(SecondFactorIsRequired)
    turn_on(strict, ben).given(wish)


def test_no_event_holds_a_secret_or_a_code(spec: Spec) -> None:
    turn_on(spec).given(RenewRecoveryCodes(code=CODES[0], recovery_codes=("wxyz-wxyz-wxyz",)), signs_in(spec))
    written = b"".join(row.stored.state for row in spec.ledger.rows).decode()
    assert "recovery_codes_renewed" in {row.stored.topic.partition(".")[2] for row in spec.ledger.rows}
    for each in (*CODES, "wxyz-wxyz-wxyz", "wxyzwxyzwxyz"):
        assert each not in written
