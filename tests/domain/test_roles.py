"""The rules once more, by hand: every other test takes its answers from them, so here a slip of theirs is seen."""

from typing import Final

import pytest

from commands.permission import ACTIONS
from domain.roles import (
    IN_DATASET,
    IN_PROJECT,
    OF_DATASET_OWNER,
    OF_PROJECT_OWNER,
    DatasetRole,
    Permission,
    ProjectRole,
    Role,
    reach,
    scope_of,
)

ROLES: Final = (Role.ADMIN, Role.MANAGER, Role.ENGINEER_II, Role.ENGINEER_I, Role.GUEST)
# On whose things, for each of these roles; and with which scope of an API token.
RIGHTS: Final = """
approve_member           any  any  -    -    -    -
read_members             any  any  any  any  -    read
grant_role               any  any  -    -    -    -
manage_members           any  any  -    -    -    -
change_organization      any  -    -    -    -    -
close_organization       any  -    -    -    -    -
manage_service_accounts  any  any  -    -    -    -
manage_subscriptions     any  -    -    -    -    -
manage_invitations       any  any  own  own  own  -
manage_tokens            any  own  own  own  own  -
create_project           any  any  any  any  any  write
change_project           any  any  own  own  own  write
manage_project_members   any  any  own  own  own  -
hand_over_project        any  any  own  own  own  -
delete_project           any  any  own  own  own  -
take_own_place           any  any  any  any  any  -
create_dataset           any  any  any  any  -    write
change_dataset           any  any  any  own  -    write
manage_dataset_members   any  any  own  own  -    -
hand_over_dataset        any  any  own  own  -    -
delete_dataset           any  any  own  own  -    -
purge                    any  any  -    -    -    -
create_experiment        any  any  any  any  own  write
request_training         any  any  any  any  -    train
change_training          any  any  own  own  own  train
read                     any  any  any  any  any  read
read_history             any  any  any  any  any  audit
read_audit               any  any  -    -    -    audit
read_security            any  -    -    -    -    audit
advanced_features        any  any  any  -    -    -
"""
# What may be done with each permission, on what.
WITH: Final = """
approve_member           Membership      approve_member
approve_member           Organization    invite_to_organization
change_dataset           Dataset         commit_upload make_split take_snapshot
change_organization      Organization    change_organization
change_project           Project         archive_project describe_project rename_project restore_project
change_training          TrainingJob     cancel_training
close_organization       Organization    close_organization reopen_organization
create_dataset           -               create_dataset
create_experiment        Project         create_experiment
create_project           -               create_project
delete_dataset           Dataset         delete_dataset undelete_dataset
delete_project           Project         delete_project undelete_project
grant_role               Membership      change_role
hand_over_dataset        Dataset         offer_dataset withdraw_dataset
hand_over_project        Project         offer_project withdraw_project
manage_dataset_members   Dataset         add_dataset_member change_dataset_role invite_to_dataset remove_dataset_member
manage_invitations       Invitation      cancel_invitation resend_invitation
manage_members           Membership      deactivate_member reactivate_member remove_member rename_member
manage_members           Membership      reset_second_factor
manage_project_members   Project         add_project_member change_project_role invite_to_project place_by_address
manage_project_members   Project         remove_project_member
manage_service_accounts  -               create_service_account
manage_service_accounts  ServiceAccount  change_service_role create_service_token delete_service_account
manage_service_accounts  ServiceAccount  disable_service_account enable_service_account rename_service_account
manage_service_accounts  ServiceAccount  revoke_service_token
manage_subscriptions     ServiceAccount  subscribe unsubscribe
manage_tokens            -               create_token
manage_tokens            ApiToken        revoke_token
purge                    Dataset         purge_dataset
purge                    Project         purge_project
request_training         Project         request_training
request_training         TrainingJob     run_again
take_own_place           -               accept_dataset decline_dataset leave_dataset
take_own_place           -               accept_project decline_project leave_project
"""
PROJECT_ROLES: Final = {
    ProjectRole.VIEWER: "read",
    ProjectRole.MEMBER: "create_experiment request_training read",
    ProjectRole.MAINTAINER: "manage_invitations change_project manage_project_members create_experiment"
    " request_training change_training read",
}
DATASET_ROLES: Final = {
    DatasetRole.VIEWER: "read",
    DatasetRole.EDITOR: "change_dataset read",
    DatasetRole.MAINTAINER: "manage_invitations change_dataset manage_dataset_members read",
}
OF_OWNERS: Final = {
    "project": "manage_invitations change_project manage_project_members hand_over_project"
    " delete_project create_experiment change_training read",
    "dataset": "manage_invitations change_dataset manage_dataset_members hand_over_dataset delete_dataset read",
}


def written(table: str) -> list[list[str]]:
    return [line.split() for line in table.strip().splitlines()]


def test_every_permission_is_written_down() -> None:
    assert [row[0] for row in written(RIGHTS)] == [permission.value for permission in Permission]
    assert sorted(action for row in written(WITH) for action in row[2:]) == sorted(ACTIONS)


@pytest.mark.parametrize("row", written(RIGHTS), ids=lambda row: row[0])
def test_a_role_may_what_is_written_down(row: list[str]) -> None:
    permission = Permission(row[0])
    allowed = [*(reach(role, permission) for role in ROLES), scope_of(permission)]
    assert [each or "-" for each in allowed] == row[1:]


@pytest.mark.parametrize("row", written(WITH), ids=lambda row: row[2])
def test_an_action_asks_for_the_permission_that_is_written_down(row: list[str]) -> None:
    permission, on, *actions = row
    rules = [ACTIONS[action] for action in actions]
    assert {(rule.permission, rule.on.__name__ if rule.on else "-") for rule in rules} == {(permission, on)}


def test_a_place_adds_what_is_written_down() -> None:
    assert {place: set(words.split()) for place, words in PROJECT_ROLES.items()} == IN_PROJECT
    assert {place: set(words.split()) for place, words in DATASET_ROLES.items()} == IN_DATASET
    owners = {"project": OF_PROJECT_OWNER, "dataset": OF_DATASET_OWNER}
    assert {kind: set(words.split()) for kind, words in OF_OWNERS.items()} == owners
