from uuid import UUID

import pytest

from commands.access import Caller, Command, May, Oneself, Operator
from commands.api_token import RevokeToken
from commands.dataset import CreateDataset
from commands.membership import DeactivateMember
from commands.project import AddProjectMember, CreateProject, OfferProject, RenameProject
from commands.service_account import (
    ChangeServiceRole,
    CreateServiceAccount,
    CreateServiceToken,
    DeleteServiceAccount,
    DisableServiceAccount,
    EnableServiceAccount,
    RenameServiceAccount,
    RevokeServiceToken,
    Subscribe,
    Unsubscribe,
)
from commands.shared import PersonIsNoMember
from domain.api_token import ApiToken, OwnerKind
from domain.dataset import Dataset, Visibility
from domain.errors import Forbidden, NotFound, Unauthenticated
from domain.membership import membership_id
from domain.model import Actor
from domain.organization import MOST_SERVICE_ACCOUNTS, Organization, TooManyServiceAccounts
from domain.project import Project
from domain.roles import Permission, ProjectRole, Role, Scope
from domain.service_account import AdminIsAPerson, BusIsFull, ServiceAccount, ServiceAccountIsDeleted, SubscriptionStart
from tests.commands.conftest import ACME, BEN, CAT, ann, approve, ben, cat, eve
from tests.commands.test_access import Wish, admit, wish
from tests.commands.test_api_token import NIGHTLY, nightly
from tests.commands.test_project import CELLS
from tests.commands.test_project import create as project
from tests.spec import Spec

EXPORTER, ITS_TOKEN = UUID(int=91), UUID(int=83)


class Asked(Command):
    ACCESS = May(Permission.CHANGE_DATASET, Dataset, "dataset_id")
    dataset_id: UUID


def create_account(id: UUID = EXPORTER, role: Role = Role.ENGINEER_II) -> CreateServiceAccount:
    return CreateServiceAccount(service_account_id=id, name="exporter", role=role)


def service(id: UUID, *scopes: Scope) -> Caller:
    """As its token makes it known: with every scope, if none is named."""
    return Caller(kind="service", id=id, organization_id=ACME, scopes=frozenset(scopes or Scope))


exporter = create_account()
named = {"service_account_id": EXPORTER}
exporter_token = CreateServiceToken(
    **named, token_id=ITS_TOKEN, name="hourly", scopes={Scope.READ}, days=90, prefix="vst_1aB9zZ7k", digest="7" * 64
)
disable, enable, delete = DisableServiceAccount(**named), EnableServiceAccount(**named), DeleteServiceAccount(**named)
ON_ONE = [
    RenameServiceAccount(**named, name="other"),
    ChangeServiceRole(**named, role=Role.GUEST),
    disable,
    enable,
    delete,
    exporter_token,
    RevokeServiceToken(**named, token_id=ITS_TOKEN),
]


def test_it_belongs_to_the_organization_and_takes_no_seat(spec: Spec) -> None:
    spec.when(exporter).then(
        (ServiceAccount.Created, {"organization_id": ACME, "name": "exporter", "role": Role.ENGINEER_II}),
        (Organization.ServiceAccountAdded, {"service_account_id": EXPORTER}),
    )


def test_nothing_of_it_ends_when_whoever_made_it_goes(spec: Spec) -> None:
    spec.given(approve(BEN, Role.MANAGER)).by(ben).given(exporter, exporter_token)
    spec.by(ann).given(DeactivateMember(membership_id=membership_id(ACME, BEN)))
    admit(spec, wish(Permission.READ), service(EXPORTER))
    assert list(spec.ledger.api_tokens) == ["7" * 64]


def test_it_is_no_admin(spec: Spec) -> None:
    spec.when(create_account(role=Role.ADMIN)).then_refused(AdminIsAPerson)
    spec.given(exporter).when(ChangeServiceRole(**named, role=Role.ADMIN)).then_refused(AdminIsAPerson)


def test_a_manager_gives_and_touches_no_role_that_is_not_below_its_own(spec: Spec) -> None:
    spec.given(approve(BEN, Role.MANAGER)).by(ben).when(create_account(role=Role.MANAGER)).then_refused(Forbidden)
    spec.given(exporter).when(ChangeServiceRole(**named, role=Role.MANAGER)).then_refused(Forbidden)
    spec.by(ann).given(ChangeServiceRole(**named, role=Role.MANAGER)).by(ben)
    for command in ON_ONE:
        spec.when(command).then_refused(Forbidden, "manager")


@pytest.mark.parametrize("command", [exporter, *ON_ONE])
def test_engineers_and_guests_manage_none(spec: Spec, command: Command) -> None:
    spec.given(approve(BEN, Role.ENGINEER_II))
    if command is not exporter:
        spec.given(exporter)
    spec.by(ben).when(command).then_refused(Forbidden, "manage_service_accounts")


@pytest.mark.parametrize("command", ON_ONE)
def test_of_another_organization_there_is_none(spec: Spec, command: Command) -> None:
    spec.given(exporter).by(eve).when(command).then_refused(NotFound)


@pytest.mark.parametrize("command", [exporter, *ON_ONE])
def test_no_service_account_manages_any(spec: Spec, command: Command) -> None:
    spec.given(create_account(UUID(int=92), Role.MANAGER))
    if command is not exporter:
        spec.given(exporter)
    spec.by(service(UUID(int=92))).when(command).then_refused(Forbidden, "sign in themselves")


def test_an_organization_has_so_many_and_no_more(spec: Spec) -> None:
    spec.given(*(create_account(UUID(int=1_000 + n)) for n in range(MOST_SERVICE_ACCOUNTS)))
    spec.when(exporter).then_refused(TooManyServiceAccounts)
    spec.given(DeleteServiceAccount(service_account_id=UUID(int=1_000))).given(exporter)


def test_what_changes_nothing_is_no_event(spec: Spec) -> None:
    spec.given(exporter)
    same = RenameServiceAccount(**named, name="exporter"), ChangeServiceRole(**named, role=Role.ENGINEER_II)
    for command in (enable, *same):
        spec.when(command).then()
    spec.given(disable).when(disable).then()
    spec.given(delete).when(delete).then()


def test_its_token_is_its_own(spec: Spec) -> None:
    spec.given(exporter).when(exporter_token).then(
        (ApiToken.Created, {"owner_kind": OwnerKind.SERVICE, "owner_id": EXPORTER, "organization_id": ACME})
    )
    spec.when(RevokeServiceToken(**named, token_id=ITS_TOKEN)).then((ApiToken.Revoked, {}))
    assert not spec.ledger.api_tokens


def test_a_token_of_somebody_else_is_not_revoked_as_its_own(spec: Spec) -> None:
    spec.given(approve(BEN, Role.MANAGER), exporter, nightly)
    spec.by(ben).when(RevokeServiceToken(**named, token_id=NIGHTLY)).then_refused(NotFound)
    spec.by(ann).given(exporter_token).by(ben).when(RevokeToken(token_id=ITS_TOKEN)).then_refused(Forbidden)


def test_a_deleted_one_leaves_no_token_and_takes_none(spec: Spec) -> None:
    spec.given(exporter, exporter_token).when(delete).then(
        (ServiceAccount.Deleted, {}),
        (Organization.ServiceAccountRemoved, {"service_account_id": EXPORTER}),
        (ApiToken.Revoked, {"originator_id": ITS_TOKEN}),
    )
    assert not spec.ledger.api_tokens
    for command in ON_ONE:
        if command not in (delete, ON_ONE[-1]):
            spec.when(command).then_refused(ServiceAccountIsDeleted)
    with pytest.raises(Unauthenticated, match="deleted"):
        admit(spec, wish(Permission.READ), service(EXPORTER))


def test_a_disabled_one_is_shut_out_until_it_is_enabled(spec: Spec) -> None:
    spec.given(exporter, exporter_token, disable)
    with pytest.raises(Unauthenticated, match="disabled"):
        admit(spec, wish(Permission.READ), service(EXPORTER))
    spec.given(enable)
    admit(spec, wish(Permission.READ), service(EXPORTER))


def test_a_role_holds_at_once(spec: Spec) -> None:
    spec.given(exporter).given(ChangeServiceRole(**named, role=Role.GUEST))
    with pytest.raises(Forbidden, match="guest"):
        admit(spec, wish(Permission.CREATE_DATASET), service(EXPORTER))


def test_its_events_name_it_and_its_role_as_it_was(spec: Spec) -> None:
    spec.given(exporter).by(service(EXPORTER)).given(CreateDataset(dataset_id=UUID(int=12), name="exported"))
    _, envelope = spec.mapper.decode(spec.ledger.rows[-1].stored)
    assert envelope.actor == Actor(kind="service", id=EXPORTER, role="engineer_ii", organization_id=ACME)
    assert envelope.context is None


def test_it_stands_behind_the_wall_of_its_organization(spec: Spec) -> None:
    spec.given(exporter, create_account(UUID(int=92), Role.MANAGER))
    theirs, private = UUID(int=13), UUID(int=14)
    spec.by(eve).given(CreateProject(project_id=theirs, name="theirs"))
    spec.by(service(EXPORTER)).when(RenameProject(project_id=theirs, name="mine")).then_refused(NotFound)
    spec.by(ann).given(CreateDataset(dataset_id=private, name="private", visibility=Visibility.PRIVATE))
    asked = Asked(dataset_id=private)
    with pytest.raises(NotFound):
        admit(spec, asked, service(UUID(int=92)))


def test_one_of_another_organization_is_nobody_here(spec: Spec) -> None:
    spec.given(exporter)
    stranger = service(EXPORTER).model_copy(update={"organization_id": eve.organization_id})
    with pytest.raises(Unauthenticated):
        admit(spec, wish(Permission.READ), stranger)


def test_it_owns_no_project(spec: Spec) -> None:
    spec.given(exporter, project).by(service(EXPORTER))
    spec.when(CreateProject(project_id=UUID(int=2), name="own")).then_refused(Forbidden, "needs a person")
    spec.by(ann).when(OfferProject(project_id=CELLS, person_id=EXPORTER)).then_refused(PersonIsNoMember)


def test_it_may_have_a_place_in_a_project(spec: Spec) -> None:
    spec.given(create_account(role=Role.GUEST), project)
    rename = RenameProject(project_id=CELLS, name="renamed")
    spec.by(service(EXPORTER)).when(rename).then_refused(Forbidden)
    spec.by(ann).given(AddProjectMember(project_id=CELLS, person_id=EXPORTER, role=ProjectRole.MAINTAINER))
    spec.by(service(EXPORTER)).when(rename).then((Project.Renamed, {}))
    spec.by(ann).given(disable).by(service(EXPORTER)).when(rename).then_refused(Unauthenticated)


@pytest.mark.parametrize("end", [disable, delete])
def test_one_that_is_shut_out_is_given_no_place(spec: Spec, end: Command) -> None:
    spec.given(exporter, project, end)
    spec.when(AddProjectMember(project_id=CELLS, person_id=EXPORTER)).then_refused(PersonIsNoMember)


def test_what_is_for_people_is_for_none(spec: Spec) -> None:
    spec.given(exporter, approve(BEN, Role.MANAGER))
    for rule in (Oneself(), Operator()):
        with pytest.raises(Forbidden, match="sign in themselves"):
            admit(spec, type("Own", (Wish,), {"ACCESS": rule})(), service(EXPORTER))
    spec.by(service(EXPORTER)).when(approve(CAT, Role.GUEST)).then_refused(Forbidden)
    assert cat.kind == "person"


subscribe, unsubscribe = Subscribe(**named, since=SubscriptionStart.BEGINNING), Unsubscribe(**named)


def test_an_admin_lets_it_subscribe_and_ends_that(spec: Spec) -> None:
    spec.given(exporter).when(subscribe).then((ServiceAccount.Subscribed, {"since": SubscriptionStart.BEGINNING}))
    spec.when(subscribe).then()
    assert spec.subscribers.taken == {EXPORTER}
    spec.when(unsubscribe).then((ServiceAccount.Unsubscribed, {}))
    spec.when(unsubscribe).then()


@pytest.mark.parametrize("command", [subscribe, unsubscribe])
def test_no_manager_lets_any_subscribe_nor_does_one_itself(spec: Spec, command: Command) -> None:
    spec.given(approve(BEN, Role.MANAGER), exporter)
    spec.by(ben).when(command).then_refused(Forbidden, "manage_subscriptions")
    spec.by(service(EXPORTER)).when(command).then_refused(Forbidden, "sign in themselves")
    spec.by(eve).when(command).then_refused(NotFound)


def test_where_the_bus_is_full_none_subscribes(spec: Spec) -> None:
    spec.subscribers.places = 1
    spec.given(exporter, subscribe, create_account(UUID(int=92)))
    spec.when(Subscribe(service_account_id=UUID(int=92), since=SubscriptionStart.NOW)).then_refused(BusIsFull)


def test_a_deleted_one_does_not_subscribe(spec: Spec) -> None:
    spec.given(exporter, subscribe, delete).when(subscribe).then_refused(ServiceAccountIsDeleted)
    spec.when(unsubscribe).then()
