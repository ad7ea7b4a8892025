from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from commands.project import CreateProject, RenameProject
from domain.errors import Conflict, Forbidden, KeyReused, NotFound
from domain.membership import GuestOwnsAProject, Membership
from domain.project import Project
from domain.roles import Role
from tests.commands.conftest import ANN, BEN, approve, ben, eve
from tests.spec import Spec

CELLS, OTHER = UUID(int=1), UUID(int=2)
create = CreateProject(project_id=CELLS, name="cells")
rename = RenameProject(project_id=CELLS, name="blood cells")


def test_whoever_creates_a_project_owns_it(spec: Spec) -> None:
    spec.when(create).then(
        (Project.Created, {"name": "cells", "owner_id": ANN}), (Membership.ProjectOwned, {"project_id": CELLS})
    )


def test_a_new_name_is_recorded_with_the_old_one(spec: Spec) -> None:
    spec.given(create).when(rename).then((Project.Renamed, {"previous": "cells", "name": "blood cells"}))


def test_the_same_name_again_is_no_change(spec: Spec) -> None:
    spec.given(create, rename).when(rename).then()


def test_creating_again_is_a_conflict(spec: Spec) -> None:
    spec.given(create).when(create).then_refused(Conflict)


def test_a_guest_owns_one_project(spec: Spec) -> None:
    spec.given(approve(BEN, Role.GUEST)).by(ben).given(create)
    spec.when(CreateProject(project_id=OTHER, name="more")).then_refused(GuestOwnsAProject, "one project")


def test_an_engineer_owns_many(spec: Spec) -> None:
    spec.given(approve(BEN, Role.ENGINEER_I)).by(ben).given(create)
    spec.when(CreateProject(project_id=OTHER, name="more")).then((Project.Created, {}), (Membership.ProjectOwned, {}))


def test_an_engineer_changes_its_own_projects_only(spec: Spec) -> None:
    spec.given(create, approve(BEN, Role.ENGINEER_I)).by(ben).when(rename).then_refused(Forbidden, "not yours")


def test_another_organizations_project_is_not_found(spec: Spec) -> None:
    spec.given(create).by(eve).when(rename).then_refused(NotFound)


def test_a_command_that_is_tried_again_is_done_once(spec: Spec) -> None:
    once = uuid7()
    first = spec.do(create, command_id=once, fingerprint=b"body")
    length = len(spec.ledger.rows)
    assert spec.do(create, command_id=once, fingerprint=b"body") == first
    assert len(spec.ledger.rows) == length


def test_a_key_is_good_for_one_request(spec: Spec) -> None:
    once = uuid7()
    spec.do(create, command_id=once, fingerprint=b"body")
    with pytest.raises(KeyReused):
        spec.do(create, command_id=once, fingerprint=b"another body")
