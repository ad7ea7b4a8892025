from datetime import timedelta
from typing import Any
from uuid import UUID

from commands.dataset import OfferDataset
from commands.ending import (
    DissolveDataset,
    DissolveMembership,
    DissolveProject,
    DissolveServiceAccount,
    PurgeOrganization,
    StopDatasetOffer,
    StopInvitation,
    StopProjectOffer,
    StopTraining,
)
from commands.invitation import ResendInvitation
from commands.project import OfferProject
from commands.session import SignIn
from commands.training_job import FailTraining
from domain.api_token import ApiToken
from domain.closure import Closure, OrganizationHasEnded, OrganizationIsNotClosed, OrganizationWasClosed
from domain.dataset import Dataset
from domain.errors import Forbidden, Unauthenticated
from domain.invitation import CancelReason, Invitation
from domain.membership import MemberOwnsProjects, Membership, membership_id
from domain.organization import Organization, Quotas, organization_id, successor_id
from domain.project import Project
from domain.roles import Role
from domain.service_account import ServiceAccount
from domain.session import Means
from domain.shared import Shared
from domain.training import EndReason, JobIsOver
from domain.training_job import TrainingJob
from domain.trash import IN_THE_TRASH, IsInUse
from tests.commands.conftest import ACME, ANN, BEN, CAT, ann, approve, register
from tests.commands.test_closure import PLATFORM, close, reopen
from tests.commands.test_dataset import CRACKS, ONE, upload
from tests.commands.test_dataset import create as dataset
from tests.commands.test_experiment import create as experiment
from tests.commands.test_invitation import ASKED, invite
from tests.commands.test_project import CELLS
from tests.commands.test_project import create as project
from tests.commands.test_service_account import EXPORTER, exporter, exporter_token
from tests.commands.test_training_job import (
    AGAIN,
    JOB,
    broken,
    checkpoint,
    claim,
    complete,
    epoch,
    pool,
    request,
    split,
    start,
    worker,
)
from tests.spec import NOBODY, Spec

end = PurgeOrganization(organization_id=ACME)
fail = FailTraining(job_id=JOB, attempt=1, evidence=broken)
NOTHING = Quotas(max_users=0, max_storage_gb=0, max_gpu_hours_per_month=0)


def trained(spec: Spec) -> Spec:
    return spec.given(project, experiment, dataset, upload(spec, ONE), split, request())


def ended(spec: Spec) -> Spec:
    spec.given(close)
    spec.now += IN_THE_TRASH
    return spec.by(PLATFORM).given(end)


def test_a_training_that_waits_ends_with_the_closing(spec: Spec) -> None:
    trained(spec).given(close).by(PLATFORM).when(StopTraining(job_id=JOB)).then(
        (TrainingJob.Cancelled, {"attempt": 1, "reason": EndReason.ORGANIZATION_CLOSED})
    )
    spec.when(StopTraining(job_id=JOB)).then()


def test_a_training_that_runs_ends_too_and_its_worker_is_heard_no_more(spec: Spec) -> None:
    trained(spec).by(pool()).given(claim).by(worker()).given(start).by(ann).given(close)
    spec.by(worker()).when(epoch(1)).then_refused(OrganizationWasClosed)
    spec.by(PLATFORM).when(StopTraining(job_id=JOB)).then(
        (TrainingJob.Cancelled, {"reason": EndReason.ORGANIZATION_CLOSED})
    )
    spec.by(ann).given(reopen).by(worker()).when(epoch(1)).then_refused(JobIsOver)


def test_no_worker_claims_what_is_of_a_closed_organization(spec: Spec) -> None:
    trained(spec).given(close).by(pool()).when(claim).then_refused(OrganizationWasClosed)
    spec.by(PLATFORM).given(StopTraining(job_id=JOB)).by(pool()).when(claim).then_refused(JobIsOver)


def test_what_went_on_in_an_organization_that_is_open_is_not_stopped(spec: Spec) -> None:
    trained(spec).by(PLATFORM).when(StopTraining(job_id=JOB)).then_refused(OrganizationIsNotClosed)


def test_what_went_on_as_it_closed_ends_also_where_it_was_reopened_at_once(spec: Spec) -> None:
    trained(spec).given(close, reopen).by(PLATFORM).when(StopTraining(job_id=JOB)).then(
        (TrainingJob.Cancelled, {"reason": EndReason.ORGANIZATION_CLOSED})
    )


def test_no_worker_goes_on_with_it_after_the_reopening_though_nobody_has_looked_yet(spec: Spec) -> None:
    trained(spec).by(pool()).given(claim).by(worker()).given(start, epoch(1)).by(ann).given(close, reopen)
    for wish in (start, epoch(3), checkpoint(), complete, fail):
        spec.by(worker()).when(wish).then_refused(JobIsOver, "closed")
    spec.now += timedelta(seconds=1)
    again = claim.model_copy(update={"job_id": AGAIN})
    spec.by(ann).given(request(job_id=AGAIN)).by(pool()).when(again).then((TrainingJob.Claimed, {}))


def test_no_worker_begins_it_after_the_reopening_though_nobody_has_looked_yet(spec: Spec) -> None:
    trained(spec).given(close, reopen).by(pool()).when(claim).then_refused(JobIsOver, "closed")


def test_an_invitation_that_is_pending_ends(spec: Spec) -> None:
    spec.given(invite(), close).by(PLATFORM)
    spec.when(StopInvitation(invitation_id=ASKED, upto=1)).then(
        (Invitation.Cancelled, {"reason": CancelReason.ORGANIZATION_CLOSED})
    )


def test_an_invitation_that_was_sent_again_after_the_reopening_is_let_be(spec: Spec) -> None:
    spec.given(invite(), close, reopen, ResendInvitation(invitation_id=ASKED))
    spec.by(PLATFORM).when(StopInvitation(invitation_id=ASKED, upto=1)).then()


def test_what_is_offered_to_somebody_is_offered_no_more(spec: Spec) -> None:
    trained(spec).given(approve(BEN, Role.MANAGER), OfferProject(project_id=CELLS, person_id=BEN))
    spec.given(OfferDataset(dataset_id=CRACKS, person_id=BEN), close).by(PLATFORM)
    of_project, of_dataset = offered_at(spec, Project), offered_at(spec, Dataset)
    spec.when(StopProjectOffer(project_id=CELLS, upto=of_project))
    spec.then((Project.OwnershipDeclined, {"person_id": BEN}))
    spec.when(StopDatasetOffer(dataset_id=CRACKS, upto=of_dataset))
    spec.then((Dataset.OwnershipDeclined, {"person_id": BEN}))
    spec.when(StopDatasetOffer(dataset_id=CRACKS, upto=of_dataset)).then()


def test_what_is_offered_after_the_reopening_stays_offered(spec: Spec) -> None:
    trained(spec).given(approve(BEN, Role.MANAGER), OfferProject(project_id=CELLS, person_id=BEN))
    before = offered_at(spec, Project)
    spec.given(approve(CAT, Role.MANAGER), close, reopen, OfferProject(project_id=CELLS, person_id=CAT)).by(PLATFORM)
    spec.when(StopProjectOffer(project_id=CELLS, upto=before)).then()


def offered_at(spec: Spec, kind: type[Shared[Any]]) -> int:
    return next(each.originator_version for each in reversed(spec.events()) if isinstance(each, kind.OwnershipOffered))


def test_it_ends_when_its_time_is_over_and_not_before(spec: Spec) -> None:
    spec.by(PLATFORM).when(end).then_refused(OrganizationIsNotClosed)
    spec.by(ann).given(close).by(PLATFORM).when(end).then_refused(OrganizationIsNotClosed)
    spec.now += IN_THE_TRASH
    spec.when(end).then((Organization.QuotasChanged, {"quotas": NOTHING}), (Closure.OrganizationPurged, {}))
    spec.when(end).then()


def test_one_that_has_ended_comes_back_for_nobody(spec: Spec) -> None:
    ended(spec)
    for wish in (reopen, close):
        spec.by(ann).when(wish).then_refused(OrganizationHasEnded)


def test_nobody_but_the_platform_ends_anything(spec: Spec) -> None:
    trained(spec).given(close)
    for wish in (end, StopTraining(job_id=JOB), DissolveMembership(membership_id=membership_id(ACME, ANN))):
        spec.by(ann).when(wish).then_refused(Forbidden)


def test_datasets_and_projects_go_with_it_and_nothing_is_in_use(spec: Spec) -> None:
    ended(trained(spec)).when(DissolveDataset(dataset_id=CRACKS)).then_refused(IsInUse)
    spec.given(StopTraining(job_id=JOB)).when(DissolveDataset(dataset_id=CRACKS))
    spec.then((Dataset.Deleted, {}), (Dataset.Purged, {}))
    spec.when(DissolveProject(project_id=CELLS))
    spec.then((Project.Deleted, {}), (Project.Purged, {}), (Membership.ProjectReleased, {"project_id": CELLS}))
    spec.when(DissolveProject(project_id=CELLS)).then()


def test_nothing_is_dissolved_while_it_can_be_reopened(spec: Spec) -> None:
    trained(spec).given(exporter, close).by(PLATFORM)
    for wish in (
        DissolveDataset(dataset_id=CRACKS),
        DissolveProject(project_id=CELLS),
        DissolveServiceAccount(service_account_id=EXPORTER),
        DissolveMembership(membership_id=membership_id(ACME, ANN)),
    ):
        spec.when(wish).then_refused(OrganizationIsNotClosed)


def test_its_service_accounts_and_their_tokens_go(spec: Spec) -> None:
    ended(spec.given(exporter, exporter_token)).when(DissolveServiceAccount(service_account_id=EXPORTER)).then(
        (ServiceAccount.Deleted, {}), (Organization.ServiceAccountRemoved, {}), (ApiToken.Revoked, {})
    )


def test_every_membership_ends_that_of_the_last_admin_and_of_who_waits_too(spec: Spec) -> None:
    ended(spec.given(project))
    last = DissolveMembership(membership_id=membership_id(ACME, ANN))
    spec.when(last).then_refused(MemberOwnsProjects)
    spec.given(DissolveProject(project_id=CELLS)).when(last).then(
        (Membership.Ended, {"previous": Role.ADMIN}),
        (Organization.AdminRemoved, {"person_id": ANN}),
        (Organization.SeatReleased, {"person_id": ANN}),
    )
    spec.when(DissolveMembership(membership_id=membership_id(ACME, BEN))).then((Membership.Ended, {"previous": None}))
    wish = SignIn(
        session_id=UUID(int=61), organization_id=ACME, means=(Means.PASSWORD,), refresh="a" * 64, password_version=1
    )
    spec.by(ann).when(wish).then_refused(Unauthenticated)


def test_the_same_company_and_division_is_another_organization_then_and_who_registers_its_admin(spec: Spec) -> None:
    again = successor_id(ACME)
    ended(spec).by(NOBODY).given(register(UUID(int=106), "new"))
    founded = [each for each in spec.events() if isinstance(each, Organization.Founded)][-1]
    assert founded.originator_id == again != organization_id("Acme", "Vision")
    approved = [each for each in spec.events() if isinstance(each, Membership.Approved)][-1]
    assert (approved.originator_id, approved.role) == (membership_id(again, UUID(int=106)), Role.ADMIN)
    spec.given(register(UUID(int=107), "newer"))
    asked = [each for each in spec.events() if isinstance(each, Membership.Requested)][-1]
    assert asked.organization_id == again
