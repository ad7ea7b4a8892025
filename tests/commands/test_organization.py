from datetime import timedelta
from uuid import UUID

import pytest
from pydantic import ValidationError

from commands.access import Command
from commands.dataset import MakeSplit
from commands.organization import ChangeOrganization
from commands.person import OrganizationTakesNobody
from commands.training_job import RunAgain
from domain.errors import Forbidden, NotFound
from domain.membership import Membership
from domain.organization import (
    GIGABYTE,
    Admission,
    GpuHoursAreUsedUp,
    Organization,
    OrganizationIsFull,
    Quotas,
    StorageIsFull,
)
from domain.person import Person
from domain.roles import Role
from domain.training_job import TrainingJob
from tests.commands.conftest import ACME, BEN, CAT, ann, approve, ben, eve, register
from tests.commands.test_dataset import CRACKS, ONE, upload
from tests.commands.test_dataset import create as dataset
from tests.commands.test_experiment import create as experiment
from tests.commands.test_project import create as project
from tests.commands.test_training_job import AGAIN, JOB, claim, pool, request
from tests.spec import NOBODY, START, Spec

DAN = UUID(int=104)


def change(**what: object) -> ChangeOrganization:
    return ChangeOrganization.model_validate({"organization_id": ACME, **what})


def test_an_admin_changes_what_is_named_and_nothing_else(spec: Spec) -> None:
    spec.when(change(name="Acme Vision", max_users=3)).then(
        (Organization.Renamed, {"name": "Acme Vision", "previous": "Acme / Vision"}),
        (Organization.QuotasChanged, {"quotas": Quotas(max_users=3), "previous": Quotas()}),
    )
    spec.when(change(admission="open")).then(
        (Organization.AdmissionChanged, {"admission": Admission.OPEN, "previous": Admission.APPROVAL})
    )


def test_what_is_so_already_is_no_change(spec: Spec) -> None:
    spec.when(change()).then()
    spec.when(change(name="Acme / Vision", admission="approval", max_storage_gb=100)).then()


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_none_but_an_admin_may(role: Role, spec: Spec) -> None:
    spec.given(approve(BEN, role)).by(ben).when(change(name="Ours")).then_refused(Forbidden)


def test_another_organization_is_not_there(spec: Spec) -> None:
    spec.by(eve).when(change(name="Ours")).then_refused(NotFound)


@pytest.mark.parametrize("what", [{"name": ""}, {"name": "a\nb"}, {"admission": "all"}, {"max_users": -1}])
def test_senseless_changes_are_no_command(what: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        change(**what)


def test_a_lower_quota_takes_nobodys_seat_and_gives_no_other(spec: Spec) -> None:
    spec.given(approve(BEN, Role.GUEST), change(max_users=1))
    spec.when(approve(CAT, Role.GUEST)).then_refused(OrganizationIsFull, "2 of 1 users", "max_users", "admin")
    spec.given(change(max_users=3)).when(approve(CAT, Role.GUEST)).then(
        (Membership.Approved, {}), (Organization.SeatTaken, {})
    )


def test_who_may_join_is_as_the_admin_wishes(spec: Spec) -> None:
    spec.given(change(admission="invitation")).by(NOBODY)
    spec.when(register(DAN, "dan")).then_refused(OrganizationTakesNobody, "by invitation only")
    spec.by(ann).given(change(admission="open")).by(NOBODY)
    spec.when(register(DAN, "dan")).then(
        (Person.Registered, {}),
        (Organization.SeatTaken, {}),
        (Membership.Requested, {}),
        (Membership.Approved, {"role": Role.GUEST}),
    )


def test_a_stranger_is_told_neither_the_name_nor_the_numbers_of_an_organization(spec: Spec) -> None:
    spec.given(change(admission="open", max_users=1, name="Secret plans")).by(NOBODY)
    with pytest.raises(OrganizationTakesNobody) as refusal:
        spec.do(register(DAN, "dan"))
    assert "nobody at the moment" in str(refusal.value)
    assert not any(told in str(refusal.value) for told in ("Secret", "1"))


def test_bytes_fit_up_to_the_quota() -> None:
    organization = Organization.found("Acme", "Vision", START)
    organization.must_have_room(98 * GIGABYTE, GIGABYTE, GIGABYTE)
    with pytest.raises(StorageIsFull, match=r"stores 98\.000 of 100 GB \(quota max_storage_gb\), waits for 1\.000 GB"):
        organization.must_have_room(98 * GIGABYTE, GIGABYTE, GIGABYTE + 1)
    with pytest.raises(StorageIsFull, match=r"100\.000 of 100 GB \(quota max_storage_gb\), and this takes 0\.001 GB"):
        organization.must_have_room(100 * GIGABYTE, 0, 1)


@pytest.fixture
def ready(spec: Spec) -> Spec:
    return spec.given(project, experiment, dataset, upload(spec, ONE), MakeSplit(dataset_id=CRACKS))


@pytest.mark.parametrize("wish", [request(job_id=AGAIN), RunAgain(job_id=AGAIN, of=JOB, code_version="2")])
def test_gpu_hours_are_those_of_this_month(wish: Command, ready: Spec) -> None:
    ready.given(change(max_gpu_hours_per_month=2), request())
    ready.used.on_gpus = [(ACME, START - timedelta(hours=9), START + timedelta(hours=1)), (eve.id, START, None)]
    ready.now = START + timedelta(hours=5)
    ready.given(request(job_id=UUID(int=39)))
    ready.used.on_gpus.append((ACME, START + timedelta(hours=4), None))
    ready.when(wish).then_refused(GpuHoursAreUsedUp, "2.0 of 2 GPU hours", "max_gpu_hours_per_month")


@pytest.mark.parametrize(("device", "gpus", "waits"), [("auto", 1, True), ("auto", 0, False), ("cuda", 0, True)])
def test_gpu_hours_are_judged_once_more_as_a_training_begins(device: str, gpus: int, waits: bool, ready: Spec) -> None:
    ready.given(request(device=device), change(max_gpu_hours_per_month=0)).by(pool())
    begins = claim.model_copy(update={"gpus": gpus})
    if waits:
        ready.when(begins).then_refused(GpuHoursAreUsedUp, "max_gpu_hours_per_month")
        ready.by(ann).given(change(max_gpu_hours_per_month=1)).by(pool())
    ready.when(begins).then((TrainingJob.Claimed, {}))


def test_an_attempt_that_goes_on_is_not_judged_again(ready: Spec) -> None:
    ready.given(request()).by(pool()).given(claim.model_copy(update={"gpus": 1}))
    ready.by(ann).given(change(max_gpu_hours_per_month=0)).by(pool())
    ready.when(claim.model_copy(update={"gpus": 1})).then()


def test_a_training_on_the_processor_needs_no_gpu_hours(ready: Spec) -> None:
    ready.given(change(max_gpu_hours_per_month=0)).when(request()).then_refused(GpuHoursAreUsedUp)
    ready.given(request(device="cpu"))
