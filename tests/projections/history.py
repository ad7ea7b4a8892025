"""A story in which everything happens at least once, and what a read model makes of it."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from commands.acceptance import AcceptInvitation, DeclineInvitation, JoinByInvitation
from commands.access import Caller
from commands.api_token import CreateToken, ExpireToken, RevokeToken
from commands.closure import CloseOrganization, ReopenOrganization
from commands.dataset import (
    AcceptDataset,
    AddDatasetMember,
    ChangeDatasetRole,
    CreateDataset,
    LeaveDataset,
    OfferDataset,
    TakeSnapshot,
    WithdrawDataset,
)
from commands.email import ChangeEmail, RequestEmailChange, RequestVerification
from commands.ending import DissolveMembership, PurgeOrganization
from commands.erasure import CancelErasure, ErasePerson, RequestErasure
from commands.experiment import CreateExperiment, LinkMlflowExperiment
from commands.invitation import (
    ExpireInvitation,
    InviteToOrganization,
    ResendInvitation,
)
from commands.membership import ChangeRole, DeactivateMember, ReactivateMember, RemoveMember
from commands.operator import AppointOperator, ChangeQuotas, DismissOperator
from commands.organization import ChangeOrganization
from commands.password import RequestPasswordReset, ResetPassword
from commands.person import ChooseLanguage, RenameSelf
from commands.ports import Purpose
from commands.project import (
    AcceptProject,
    AddProjectMember,
    ArchiveProject,
    ChangeProjectRole,
    CreateProject,
    DeleteProject,
    DescribeProject,
    LeaveProject,
    OfferProject,
    RenameProject,
    RestoreProject,
    UndeleteProject,
    WithdrawProject,
)
from commands.second_factor import (
    BeginSecondFactor,
    ConfirmSecondFactor,
    RenewRecoveryCodes,
    ResetSecondFactorOf,
    TurnOffSecondFactor,
)
from commands.service_account import (
    ChangeServiceRole,
    DeleteServiceAccount,
    DisableServiceAccount,
    EnableServiceAccount,
    RenameServiceAccount,
    Subscribe,
    Unsubscribe,
)
from commands.session import EndSession, NoteFailedSignIns, SwitchOrganization
from commands.training_job import CancelTraining, ClaimJob, FailTraining, LinkMlflowRun, ReportStart
from commands.trash import DeleteDataset, PurgeDataset, PurgeProject, UndeleteDataset
from domain.language import Language
from domain.membership import membership_id
from domain.model import SYSTEM, Actor, Aggregate, Client, Recorded
from domain.organization import Admission, organization_id
from domain.person import Person
from domain.roles import DatasetRole, ProjectRole, Role, Scope
from domain.service_account import SubscriptionStart
from domain.session import Means, Session
from infra.unit import Errand, Unit
from projections.folding import step
from projections.model import Key, Projection, Row
from tests import doubles
from tests.commands.conftest import ACME, ANN, BEN, CAT, EVE, ann, approve, ben, eve, register, verify
from tests.commands.test_dataset import CRACKS, ONE, TWO, upload
from tests.commands.test_dataset import create as dataset
from tests.commands.test_experiment import BASELINE
from tests.commands.test_project import CELLS
from tests.commands.test_service_account import EXPORTER, create_account, exporter, exporter_token, service
from tests.commands.test_session import SESSION, sign_in
from tests.commands.test_training_job import (
    JOB,
    W2,
    broken,
    checkpoint,
    claim,
    complete,
    epoch,
    lose,
    pool,
    request,
    split,
    start,
    worker,
)
from tests.doubles import link_token
from tests.spec import NOBODY, Spec

NIGHTLY, OLD = UUID(int=66), UUID(int=67)
GONE = UUID(int=69)
REPLACED, DECLINED, LATE, ACCEPTED, DAN = (UUID(int=number) for number in (72, 73, 74, 75, 106))
DROPPED, STOPPED, BROKEN = UUID(int=61), UUID(int=62), UUID(int=63)
ELSEWHERE, SHARED = UUID(int=64), UUID(int=65)
FAY, OVER = UUID(int=109), organization_id("Gone", "Vision")
OUT, OUT_TOO = UUID(int=172), UUID(int=173)
FOR_HAL, HAL = UUID(int=174), UUID(int=175)
BEN_IN_ACME = membership_id(ACME, BEN)
platform = Caller(kind="system", id=SYSTEM)

Tables = dict[str, dict[Key, Row]]


def everything() -> Spec:
    """Ann trains: one job is lost once and completes, one is dropped, one is stopped, one breaks. Eve looks on."""
    spec = Spec().by(NOBODY)
    spec.given(register(ANN, "ann"), register(BEN, "ben"), register(EVE, "eve", "Evil", "Corp"))
    spec.given(RequestVerification(person_id=ANN), *(verify(each) for each in (ANN, BEN, EVE)))
    _people(spec)
    _erased(spec)
    _tokens(spec)
    _services(spec)
    _second_factors(spec)
    _invitations(spec)
    spec.by(eve).given(CreateProject(project_id=ELSEWHERE, name="elsewhere"))
    spec.by(ann).given(CreateProject(project_id=CELLS, name="cells", description="of blood"))
    spec.given(RenameProject(project_id=CELLS, name="blood cells"))
    _shared(spec)
    spec.given(CreateExperiment(experiment_id=BASELINE, project_id=CELLS, name="baseline", tags=("first",)))
    spec.by(platform).given(LinkMlflowExperiment(experiment_id=BASELINE, mlflow_experiment_id="7"))
    spec.by(ann).given(dataset, upload(spec, ONE), split)
    spec.given(TakeSnapshot(dataset_id=CRACKS, snapshot_id=UUID(int=71), tag="v1", description="the first"))
    _in_the_dataset(spec)
    _trainings(spec)
    _thrown_away(spec)
    _ended(spec)
    spec.by(service(EXPORTER)).given(CreateDataset(dataset_id=UUID(int=70), name="exported"))
    return spec.by(ann).given(upload(spec, TWO, base=ONE))


def _shared(spec: Spec) -> None:
    """Ben joins a project, owns it for a while, and leaves it in Ann's hands; another is archived, and restored."""
    place = {"project_id": SHARED}
    spec.given(CreateProject(**place, name="shared"), DescribeProject(**place, description="by two"))
    spec.given(AddProjectMember(**place, person_id=BEN))
    spec.given(ChangeProjectRole(**place, person_id=BEN, role=ProjectRole.VIEWER))
    spec.given(OfferProject(**place, person_id=BEN), WithdrawProject(**place), OfferProject(**place, person_id=BEN))
    spec.by(ben).given(AcceptProject(**place), OfferProject(**place, person_id=ANN))
    spec.by(ann).given(AcceptProject(**place)).by(ben).given(LeaveProject(**place))
    spec.by(ann).given(AddProjectMember(**place, person_id=BEN, role=ProjectRole.MAINTAINER))
    spec.given(ArchiveProject(**place), RestoreProject(**place), ArchiveProject(**place))
    spec.given(DeleteProject(**place), UndeleteProject(**place), OfferProject(**place, person_id=BEN))


def _in_the_dataset(spec: Spec) -> None:
    """Ben has a place in it, owns it for a while, and leaves it in Ann's hands."""
    place = {"dataset_id": CRACKS}
    spec.given(AddDatasetMember(**place, person_id=BEN))
    spec.given(ChangeDatasetRole(**place, person_id=BEN, role=DatasetRole.EDITOR))
    spec.given(OfferDataset(**place, person_id=BEN), WithdrawDataset(**place), OfferDataset(**place, person_id=BEN))
    spec.by(ben).given(AcceptDataset(**place), OfferDataset(**place, person_id=ANN))
    spec.by(ann).given(AcceptDataset(**place)).by(ben).given(LeaveDataset(**place))
    spec.by(ann).given(AddDatasetMember(**place, person_id=BEN, role=DatasetRole.MAINTAINER))
    spec.given(OfferDataset(**place, person_id=BEN))


def _thrown_away(spec: Spec) -> None:
    """A project and a dataset go for good, and another dataset comes back."""
    spec.by(ann).given(CreateProject(project_id=OUT, name="out"), DeleteProject(project_id=OUT))
    spec.given(PurgeProject(project_id=OUT, name="out"))
    spec.given(CreateDataset(dataset_id=OUT_TOO, name="out"), DeleteDataset(dataset_id=OUT_TOO))
    spec.given(UndeleteDataset(dataset_id=OUT_TOO), DeleteDataset(dataset_id=OUT_TOO))
    spec.given(PurgeDataset(dataset_id=OUT_TOO, name="out"))


def _ended(spec: Spec) -> None:
    """Fay closes her organization, opens it again, closes it once more, and nothing of it is left."""
    fay = Caller(kind="person", id=FAY, organization_id=OVER)
    spec.by(NOBODY).given(register(FAY, "fay", "Gone", "Vision"), verify(FAY)).by(fay)
    close = CloseOrganization(organization_id=OVER, name="Gone / Vision")
    spec.given(close, ReopenOrganization(organization_id=OVER), close)
    spec.now += timedelta(days=30)
    spec.by(platform).given(PurgeOrganization(organization_id=OVER))
    spec.given(DissolveMembership(membership_id=membership_id(OVER, FAY))).by(ann)


def _people(spec: Spec) -> None:
    spec.by(ann).given(sign_in, approve(BEN, Role.GUEST))
    _signed_in(spec)
    spec.given(ChangeOrganization(organization_id=ACME, name="Acme", admission=Admission.OPEN, max_users=7))
    spec.given(*(ChangeRole(membership_id=BEN_IN_ACME, role=role) for role in (Role.ADMIN, Role.ENGINEER_I)))
    for wish in (DeactivateMember, ReactivateMember, RemoveMember):
        spec.given(wish(membership_id=BEN_IN_ACME))
    spec.given(approve(BEN, Role.ENGINEER_I), ChooseLanguage(language=Language.KOREAN))
    spec.by(NOBODY).given(RequestPasswordReset(person_id=ANN))
    reset = link_token(Purpose.PASSWORD_RESET, ANN, len(spec.ledger.events_of(ANN)))
    spec.given(ResetPassword(person_id=ANN, token=reset, password="another horse"))
    failed = {"means": Means.PASSWORD, "failures": 12, "first_at": spec.now, "last_at": spec.now}
    spec.by(platform).given(NoteFailedSignIns(person_id=ANN, **failed)).by(ann)


def _tokens(spec: Spec) -> None:
    """Of two tokens one is revoked, the other's time is over."""
    for number, token_id in enumerate((NIGHTLY, OLD)):
        named = {"name": "nightly", "scopes": {Scope.READ, Scope.TRAIN}, "days": 1, "prefix": f"vst_0000000{number}"}
        spec.by(ann).given(CreateToken(token_id=token_id, digest=str(number) * 64, **named))
    spec.given(RevokeToken(token_id=NIGHTLY))
    spec.now += timedelta(days=2)
    spec.by(platform).given(ExpireToken(token_id=OLD))


def _services(spec: Spec) -> None:
    """One acts and stays, another one goes with its token."""
    spec.by(ann).given(exporter, exporter_token)
    other = {"service_account_id": GONE}
    spec.given(create_account(GONE), RenameServiceAccount(**other, name="old"))
    spec.given(ChangeServiceRole(**other, role=Role.MANAGER), DisableServiceAccount(**other))
    spec.given(EnableServiceAccount(**other), Subscribe(**other, since=SubscriptionStart.NOW), Unsubscribe(**other))
    spec.given(exporter_token.model_copy(update={**other, "token_id": UUID(int=68), "digest": "8" * 64}))
    spec.given(DeleteServiceAccount(**other))


def _second_factors(spec: Spec) -> None:
    """Ann has one, asks it of all for a while, and turns it off; Ben loses his."""
    codes = ("2345-6789-abcd", "bcde-fghj-kmnp")
    for caller in (ben, ann):
        code = doubles.shown(caller.id, spec.now + timedelta(seconds=2))
        spec.by(caller).given(BeginSecondFactor(), ConfirmSecondFactor(code=code, recovery_codes=codes))
    for required in (True, False):
        spec.given(ChangeOrganization(organization_id=ACME, second_factor_required=required))
    spec.given(RenewRecoveryCodes(code=codes[0], recovery_codes=codes), TurnOffSecondFactor(code=codes[1]))
    spec.by(platform).given(ResetSecondFactorOf(person_id=BEN))


def _invitations(spec: Spec) -> None:
    """Of four to one address each is over otherwise: replaced, declined, expired; the last is sent twice, accepted.

    Hal comes in from another organization.
    """
    for invitation_id in (REPLACED, DECLINED, LATE, ACCEPTED):
        spec.by(ann).given(
            InviteToOrganization(
                invitation_id=invitation_id, target_id=ACME, email="dan@example.org", message="welcome", days=1
            )
        )
        if invitation_id == DECLINED:
            spec.by(NOBODY).given(DeclineInvitation(token=link_token(Purpose.INVITATION, DECLINED, 1)))
        if invitation_id == LATE:
            spec.now += timedelta(days=1)
            spec.by(platform).given(ExpireInvitation(invitation_id=LATE))
    spec.given(ResendInvitation(invitation_id=ACCEPTED)).by(NOBODY)
    who = {"person_id": DAN, "full_name": "Dan", "avatar_name": "red-fox-106", "password": "correct horse battery"}
    spec.given(JoinByInvitation(token=link_token(Purpose.INVITATION, ACCEPTED, 2), **who))
    spec.given(register(HAL, "hal", "Elsewhere", "Vision")).by(ann)
    spec.given(InviteToOrganization(invitation_id=FOR_HAL, target_id=ACME, email="hal@example.org", message="welcome"))
    accept = AcceptInvitation(person_id=HAL, shown=1, token=link_token(Purpose.INVITATION, FOR_HAL, 1))
    spec.by(NOBODY).given(accept).by(ann)


def _erased(spec: Spec) -> None:
    """Cat comes, wants to go, stays after all, and is erased."""
    cat = Caller(kind="person", id=CAT, organization_id=ACME, client=Client(address="192.0.2.9", agent="cat's"))
    spec.by(NOBODY).given(register(CAT, "cat"))
    spec.by(cat).given(RenameSelf(full_name="Catherine"), RequestErasure(), CancelErasure(), RequestErasure())
    spec.given(RequestEmailChange(email="catherine@example.org"))
    moved = link_token(Purpose.EMAIL_CHANGE, CAT, len(spec.ledger.events_of(CAT)))
    spec.by(NOBODY).given(ChangeEmail(person_id=CAT, token=moved))
    appointed = (AppointOperator(person_id=ANN), AppointOperator(person_id=BEN), DismissOperator(person_id=BEN))
    spec.by(platform).given(ErasePerson(person_id=CAT), *appointed)
    spec.by(ann).given(ChangeQuotas(organization_id=ACME, max_users=8), ChangeQuotas(organization_id=ACME, max_users=7))


def _signed_in(spec: Spec) -> None:
    """As it was recorded once, and as it is now; Ann goes over to where no command could bring her, and back."""
    by_hand: tuple[tuple[type[Aggregate], UUID, Callable[[Any], None]], ...] = (
        (Person, ANN, lambda ann: ann.trigger_event(Person.SignedIn, organization_id=ACME, timestamp=spec.now)),
        (Session, SESSION, lambda session: session.switch(eve.organization_id, spec.now)),
    )
    for kind, id, change in by_hand:
        unit = Unit(spec.ledger, spec.mapper, Errand(ann, spec.now, uuid7()), Actor(kind="person", id=ANN))
        thing = unit.get(kind, id)
        change(thing)
        unit.save(thing)
    spec.given(SwitchOrganization(session_id=SESSION), EndSession(session_id=SESSION))


def _trainings(spec: Spec) -> None:
    jobs = {"job_id": DROPPED}, {"job_id": STOPPED}, {"job_id": BROKEN}
    spec.by(ann).given(request(), *(request(**job) for job in jobs), CancelTraining(job_id=DROPPED))
    spec.by(pool()).given(claim).by(worker()).given(start, epoch(1), epoch(2), checkpoint(), epoch(3))
    spec.by(platform).given(LinkMlflowRun(job_id=JOB, mlflow_run_id="r1"), lose(1))
    second = {"attempt": 2}
    spec.by(pool(W2)).given(claim.model_copy(update=second)).by(worker(2, W2))
    spec.given(start.model_copy(update=second), epoch(3, 2), complete.model_copy(update=second))
    for job_id in (STOPPED, BROKEN):
        spec.by(pool()).given(ClaimJob(job_id=job_id, attempt=1, worker="gpu-1")).by(worker(job_id=job_id))
        spec.given(ReportStart(job_id=job_id, attempt=1, device="cpu", environment={}, parameters={}))
    spec.by(ann).given(CancelTraining(job_id=STOPPED))
    for job_id in (STOPPED, BROKEN):
        spec.by(worker(job_id=job_id)).given(FailTraining(job_id=job_id, attempt=1, evidence=broken))


def recorded(spec: Spec) -> list[Recorded]:
    return [spec.mapper.recorded(row.stored, row.position, row.recorded_at) for row in spec.ledger.rows]


def tables(projection: Projection, events: Iterable[Recorded]) -> Tables:
    """Table → key → row."""
    folded: dict[str, dict[Key, Row | None]] = {view.table.name: {} for view in projection.views}
    for event in events:
        for view in projection.views:
            step(view, folded[view.table.name], event)
    return {name: {key: row for key, row in rows.items() if row} for name, rows in folded.items()}


def shown(row: Row, *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names}
