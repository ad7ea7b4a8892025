import pytest

from commands.access import Command
from commands.operator import AppointOperator, ChangeQuotas, DismissOperator
from commands.organization import ChangeOrganization
from domain.errors import Forbidden, NotFound, Unauthenticated
from domain.organization import Organization
from domain.person import Person
from domain.roles import Role
from tests.commands.conftest import ACME, ANN, BEN, EVE, ann, approve, ben, eve
from tests.commands.test_erasure import erase
from tests.projections.history import platform
from tests.spec import Spec

more = ChangeQuotas(organization_id=ACME, max_users=7)


def test_an_operator_changes_the_quotas_of_any_organization_and_nothing_else_of_it(spec: Spec) -> None:
    spec.by(platform).given(AppointOperator(person_id=EVE)).by(eve)
    spec.when(more).then((Organization.QuotasChanged, {"originator_id": ACME}))
    envelope = spec.mapper.decode(spec.ledger.rows[-1].stored)[1]
    assert (envelope.actor.id, envelope.actor.role, envelope.organization) == (EVE, "operator", ACME)
    spec.when(ChangeOrganization(organization_id=ACME, name="Mine")).then_refused(NotFound)
    spec.when(approve(BEN, Role.GUEST)).then_refused(NotFound)


def test_who_is_no_operator_changes_no_quotas_this_way(spec: Spec) -> None:
    spec.when(more).then_refused(Forbidden, "operators of the platform")
    spec.by(platform).given(AppointOperator(person_id=EVE), DismissOperator(person_id=EVE))
    spec.by(eve).when(more).then_refused(Forbidden)


@pytest.mark.parametrize("wish", [AppointOperator(person_id=ANN), DismissOperator(person_id=ANN)])
def test_nobody_but_the_host_names_an_operator(spec: Spec, wish: Command) -> None:
    spec.by(ann).when(wish).then_refused(Forbidden)


def test_one_is_appointed_and_dismissed_once(spec: Spec) -> None:
    spec.by(platform).when(AppointOperator(person_id=EVE)).then((Person.OperatorAppointed, {}))
    spec.when(AppointOperator(person_id=EVE)).then()
    spec.when(DismissOperator(person_id=EVE)).then((Person.OperatorDismissed, {}))
    spec.when(DismissOperator(person_id=EVE)).then()


def test_an_operator_who_is_erased_is_none(spec: Spec) -> None:
    spec.by(platform).given(AppointOperator(person_id=BEN), erase).by(ben)
    spec.when(more).then_refused(Unauthenticated)
