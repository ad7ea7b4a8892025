"""The walls, from the declared rules: every command by every role."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import pytest

from commands import HANDLERS
from commands.access import Caller, Command, May, OfAttempt, Oneself, Platform, Worker
from domain.errors import Forbidden, Unauthenticated
from domain.model import SYSTEM
from domain.roles import (
    RIGHTS,
    SCOPES,
    Permission,
    Reach,
    Role,
    Scope,
    can_create_project,
    can_grant_role,
    reach,
    scope_of,
)
from domain.roles import has_advanced_features as advanced
from infra.unit import Errand, Unit
from tests.commands.conftest import ACME, ANN, BEN, ann, approve, ben, eve
from tests.commands.test_project import create as project
from tests.spec import NOBODY, START, Spec

PERSONAL = [kind for kind in HANDLERS if isinstance(kind.ACCESS, May)]


def admit(spec: Spec, command: Command, caller: Caller) -> None:
    unit = Unit(spec.ledger, spec.mapper, Errand(caller=caller, now=START, command_id=UUID(int=77)))
    command.ACCESS.admit(command, caller, unit)


class Wish(Command):
    """A command about nothing in particular, whose rule each test sets."""


def wish(permission: Permission) -> Wish:
    return type("Asked", (Wish,), {"ACCESS": May(permission)})()  # type: ignore[no-any-return]


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("role", Role)
def test_a_role_has_its_rights_and_no_others(spec: Spec, role: Role, permission: Permission) -> None:
    spec.given(approve(BEN, role))
    if permission in RIGHTS[role]:
        admit(spec, wish(permission), ben)
    else:
        with pytest.raises(Forbidden):
            admit(spec, wish(permission), ben)


def undeclared(kinds: Iterable[type[Command]]) -> list[type[Command]]:
    """Those that say nothing of who may give them, or that it is a worker and not at which attempt."""
    rules = [(kind, getattr(kind, "ACCESS", None)) for kind in kinds]
    return [
        kind for kind, rule in rules if rule is None or (isinstance(rule, Worker) and not issubclass(kind, OfAttempt))
    ]


def test_every_command_declares_who_may_give_it() -> None:
    assert undeclared(HANDLERS) == []


@pytest.mark.parametrize("said", [{}, {"ACCESS": None}, {"ACCESS": Worker()}], ids=repr)
def test_a_command_that_does_not_is_found_and_is_given_by_nobody(spec: Spec, said: dict[str, Any]) -> None:
    planted = type("Planted", (Command,), said)
    assert undeclared([*HANDLERS, planted]) == [planted]
    with pytest.raises((AttributeError, Forbidden)):
        admit(spec, planted(), ann)


@pytest.mark.parametrize("kind", PERSONAL)
def test_what_is_for_reading_alone_changes_nothing(kind: type[Command]) -> None:
    assert isinstance(kind.ACCESS, May)
    assert scope_of(kind.ACCESS.permission) not in (Scope.READ, Scope.AUDIT)


def test_every_permission_is_in_one_scope_at_most() -> None:
    assert sum(map(len, SCOPES.values())) == len(frozenset().union(*SCOPES.values()))


@pytest.mark.parametrize("permission", Permission)
def test_who_waits_may_do_nothing(spec: Spec, permission: Permission) -> None:
    with pytest.raises(Forbidden, match="waits for approval"):
        admit(spec, wish(permission), ben)


@pytest.mark.parametrize("kind", PERSONAL)
def test_nobody_and_no_machine_passes_for_a_member(spec: Spec, kind: type[Command]) -> None:
    rule = kind.ACCESS
    assert isinstance(rule, May)
    for caller in (NOBODY, Caller(kind="system", id=SYSTEM), Caller(kind="worker", id=ANN, organization_id=ACME)):
        with pytest.raises(Unauthenticated):
            admit(spec, wish(rule.permission), caller)


def test_membership_elsewhere_counts_for_nothing(spec: Spec) -> None:
    stranger = Caller(kind="person", id=eve.id, organization_id=ACME)
    with pytest.raises(Forbidden, match="not a member"):
        admit(spec, wish(Permission.READ), stranger)


def test_only_the_platform_speaks_for_itself(spec: Spec) -> None:
    ours = type("Ours", (Wish,), {"ACCESS": Platform()})()
    admit(spec, ours, Caller(kind="system", id=SYSTEM))
    with pytest.raises(Forbidden):
        admit(spec, ours, ann)


def test_signing_in_needs_a_known_person(spec: Spec) -> None:
    self = type("Self", (Wish,), {"ACCESS": Oneself()})()
    admit(spec, self, ben)
    with pytest.raises(Unauthenticated):
        admit(spec, self, NOBODY)


def test_the_table_of_roles_answers_the_four_questions(spec: Spec) -> None:
    spec.given(project)
    assert [role for role in Role if not can_create_project(role, owned=1)] == [Role.GUEST]
    assert [role for role in Role if reach(role, Permission.CREATE_DATASET) is None] == [Role.GUEST]
    assert [role for role in Role if advanced(role)] == [Role.ADMIN, Role.MANAGER, Role.ENGINEER_II]
    assert [role for role in Role if can_grant_role(Role.MANAGER, role)] == [
        Role.ENGINEER_II,
        Role.ENGINEER_I,
        Role.GUEST,
    ]
    assert all(can_grant_role(Role.ADMIN, role) for role in Role)
    assert RIGHTS[Role.ADMIN] == {permission: Reach.ANY for permission in Permission}
