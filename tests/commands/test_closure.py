from uuid import UUID

import pytest
from pydantic import SecretStr

from commands.access import Caller
from commands.closure import (
    CloseOrganization,
    CloseOrganizationOf,
    ReopenOrganization,
    ReopenOrganizationOf,
)
from commands.code import CodeIsNeeded
from commands.erasure import CancelErasure, RequestErasure
from commands.inside import SecondFactorIsRequired
from commands.membership import ChangeRole
from commands.organization import ChangeOrganization
from commands.person import OrganizationTakesNobody, RenameSelf
from commands.second_factor import BeginSecondFactor, ConfirmSecondFactor
from commands.session import SignIn, SwitchOrganization
from domain.closure import Closure, OrganizationWasClosed
from domain.errors import Forbidden, NotFound
from domain.membership import membership_id
from domain.model import SYSTEM
from domain.person import Person
from domain.roles import Role, Scope
from domain.session import Means, Session
from domain.trash import IN_THE_TRASH, NameIsAnother
from tests.commands.conftest import ACME, ANN, BEN, ann, approve, ben, eve, register
from tests.commands.test_any_history import RECOVERY
from tests.commands.test_project import create as project
from tests.doubles import shown
from tests.spec import NOBODY, Spec

PLATFORM = Caller(kind="system", id=SYSTEM)
close = CloseOrganization(organization_id=ACME, name="Acme / Vision")
reopen = ReopenOrganization(organization_id=ACME)


def sign_in(number: int) -> SignIn:
    return SignIn(
        session_id=UUID(int=number), organization_id=ACME, means=(Means.PASSWORD,), refresh="a" * 64, password_version=1
    )


def test_an_admin_closes_it_for_thirty_days_and_reopens_it_meanwhile(spec: Spec) -> None:
    spec.when(close).then(
        (Closure.Begun, {"organization_id": ACME}),
        (Closure.OrganizationClosed, {"purge_at": spec.now + IN_THE_TRASH}),
    )
    spec.when(close).then()
    spec.when(reopen).then((Closure.OrganizationReopened, {"organization_id": ACME}))
    spec.when(reopen).then()
    spec.when(close).then((Closure.OrganizationClosed, {}))


def test_one_that_was_never_closed_is_open(spec: Spec) -> None:
    spec.when(reopen).then()


def test_whoever_closes_it_repeats_its_name(spec: Spec) -> None:
    spec.when(close.model_copy(update={"name": "Acme"})).then_refused(NameIsAnother)


def test_where_a_second_factor_is_on_a_code_is_needed(spec: Spec) -> None:
    spec.given(BeginSecondFactor())
    code = shown(ANN, spec.now)
    spec.given(ConfirmSecondFactor(code=SecretStr(code), recovery_codes=RECOVERY))
    spec.when(close).then_refused(CodeIsNeeded)
    spec.when(close.model_copy(update={"code": SecretStr(RECOVERY[0])})).then(
        (Closure.Begun, {}), (Closure.OrganizationClosed, {})
    )


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_nobody_closes_or_reopens_it_but_an_admin(spec: Spec, role: Role) -> None:
    spec.given(approve(BEN, role)).by(ben).when(close).then_refused(Forbidden)
    spec.by(ann).given(close).by(ben).when(reopen).then_refused(OrganizationWasClosed)


def test_an_admin_who_was_one_closes_nothing(spec: Spec) -> None:
    spec.given(approve(BEN, Role.ADMIN)).by(ben)
    spec.given(ChangeRole(membership_id=membership_id(ACME, ANN), role=Role.MANAGER))
    spec.by(ann).when(close).then_refused(Forbidden)


def test_nobody_closes_another_organization(spec: Spec) -> None:
    spec.by(eve).when(close).then_refused(NotFound)


def test_a_program_of_an_admin_closes_and_reopens_nothing(spec: Spec) -> None:
    program = ann.model_copy(update={"scopes": frozenset(Scope)})
    spec.by(program).when(close).then_refused(Forbidden)
    spec.by(ann).given(close).by(program).when(reopen).then_refused(Forbidden)


def test_while_it_is_closed_nobody_works_in_it_also_no_admin(spec: Spec) -> None:
    spec.given(approve(BEN, Role.ENGINEER_II), close)
    reopens = "`vistory organization reopen`"
    for caller, says in ((ann, reopens), (ben, "UTC unless an admin of it reopens it before")):
        spec.by(caller).when(project).then_refused(OrganizationWasClosed, says)
    spec.by(ann).given(reopen).by(ben).given(project)


def test_whoever_is_in_one_that_is_closed_signs_in_for_what_is_theirs(spec: Spec) -> None:
    spec.given(approve(BEN, Role.MANAGER), close)
    spec.by(ben).when(sign_in(61)).then((Session.Begun, {}))
    spec.when(RequestErasure()).then((Person.ErasureRequested, {}))
    spec.when(CancelErasure()).then((Person.ErasureCancelled, {}))
    spec.when(RenameSelf(full_name="Ben")).then_refused(OrganizationWasClosed)
    spec.by(ann).when(sign_in(62)).then((Session.Begun, {}))


def test_no_program_asks_for_the_erasure_of_its_owner(spec: Spec) -> None:
    spec.given(approve(BEN, Role.MANAGER), close)
    spec.by(ben.model_copy(update={"scopes": frozenset(Scope)})).when(RequestErasure()).then_refused(Forbidden)


def test_where_it_asks_for_a_second_factor_that_is_asked_for_still(spec: Spec) -> None:
    spec.given(approve(BEN, Role.MANAGER), BeginSecondFactor())
    spec.given(ConfirmSecondFactor(code=SecretStr(shown(ANN, spec.now)), recovery_codes=RECOVERY))
    spec.given(ChangeOrganization(organization_id=ACME, second_factor_required=True))
    spec.given(close.model_copy(update={"code": SecretStr(RECOVERY[0])}))
    spec.by(ben).when(RequestErasure()).then_refused(SecondFactorIsRequired)
    spec.given(BeginSecondFactor())
    code = shown(BEN, spec.now)
    spec.given(ConfirmSecondFactor(code=SecretStr(code), recovery_codes=RECOVERY))
    spec.when(RequestErasure()).then((Person.ErasureRequested, {}))


def test_nobody_goes_over_to_one_that_is_closed_but_from_it(spec: Spec) -> None:
    spec.given(approve(BEN, Role.MANAGER)).by(ben).given(sign_in(61)).by(ann).given(close)
    spec.by(ben).when(SwitchOrganization(session_id=UUID(int=61))).then_refused(OrganizationWasClosed)


def test_nobody_joins_one_that_is_closed_and_a_stranger_is_told_no_more(spec: Spec) -> None:
    spec.given(close).by(NOBODY).when(register(UUID(int=106), "new"))
    spec.then_refused(OrganizationTakesNobody, "takes nobody at the moment")
    assert "closed" not in str(spec._refusal).partition(";")[0]


def test_whoever_keeps_the_machine_closes_and_reopens_any(spec: Spec) -> None:
    spec.by(PLATFORM).when(CloseOrganizationOf(organization_id=ACME)).then(
        (Closure.Begun, {}), (Closure.OrganizationClosed, {})
    )
    spec.when(ReopenOrganizationOf(organization_id=ACME)).then((Closure.OrganizationReopened, {}))
    spec.by(ann).when(CloseOrganizationOf(organization_id=ACME)).then_refused(Forbidden)
    spec.by(PLATFORM).when(CloseOrganizationOf(organization_id=UUID(int=9))).then_refused(NotFound)
