"""Whatever is asked in whatever order, with whatever text: invariants hold, and what is stored loads."""

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from functools import reduce
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from commands import HANDLERS
from commands.acceptance import AcceptInvitation, DeclineInvitation, JoinByInvitation
from commands.access import Anyone, Caller, Command, Operator, Platform, Worker
from commands.closure import CloseOrganization, CloseOrganizationOf, ReopenOrganizationOf
from commands.dataset import (
    AcceptDataset,
    AddDatasetMember,
    ChangeDatasetRole,
    CreateDataset,
    DeclineDataset,
    LeaveDataset,
    MakeSplit,
    OfferDataset,
    RemoveDatasetMember,
    VacateDataset,
)
from commands.email import ChangeEmail, RequestEmailChange, RequestVerification, VerifyEmail
from commands.ending import (
    DissolveDataset,
    DissolveMembership,
    DissolveProject,
    DissolveServiceAccount,
    PurgeOrganization,
    StopDatasetOffer,
    StopInvitation,
    StopProjectOffer,
)
from commands.erasure import CancelErasure, ErasePerson, RequestErasure
from commands.invitation import (
    ExpireInvitation,
    InviteToDataset,
    InviteToOrganization,
    InviteToProject,
    PlaceByAddress,
)
from commands.membership import ApproveMember, DeactivateMember, RemoveMember
from commands.operator import AppointOperator
from commands.password import RequestPasswordReset, ResetPassword
from commands.ports import Purpose
from commands.project import (
    AcceptProject,
    AddProjectMember,
    ArchiveProject,
    ChangeProjectRole,
    CreateProject,
    DeclineProject,
    DeleteProject,
    LeaveProject,
    OfferProject,
    RemoveProjectMember,
    VacateProject,
)
from commands.registration import CompleteRegistration, DropRegistration, RequestRegistration
from commands.second_factor import (
    BeginSecondFactor,
    ConfirmSecondFactor,
    RenewRecoveryCodes,
    ResetSecondFactor,
    ResetSecondFactorOf,
    TurnOffSecondFactor,
)
from commands.service_account import DeleteServiceAccount, RevokeServiceToken
from commands.session import EndEverySession, EndSession, NoteFailedSignIns, SwitchOrganization
from commands.training_job import CompleteTraining
from commands.trash import DeleteDataset, PurgeDataset, PurgeDatasetInTime, PurgeProject, PurgeProjectInTime
from domain.dataset import Dataset
from domain.errors import DomainError
from domain.groups import ByFolder
from domain.language import Language
from domain.membership import Membership, membership_id
from domain.model import SYSTEM
from domain.organization import Admission, Organization, organization_id
from domain.project import Project
from domain.roles import DatasetRole, ProjectRole, Role, Scope, can_own
from domain.service_account import ServiceAccount, SubscriptionStart
from domain.session import Ending, Means
from domain.training import OVER, Checkpoint, EndReason, Evidence, Model
from domain.training_job import TrainingJob
from infra.unit import Errand, Unit
from tests.commands.conftest import ACME, ANN, BEN, CAT, ann, approve, ben, eve, register, verify
from tests.commands.test_api_token import nightly
from tests.commands.test_dataset import CRACKS, ONE, TWO, upload
from tests.commands.test_dataset import create as dataset
from tests.commands.test_experiment import create as experiment
from tests.commands.test_invitation import ASKED, invite
from tests.commands.test_project import CELLS
from tests.commands.test_project import create as project
from tests.commands.test_registration import ASKING, asking
from tests.commands.test_service_account import EXPORTER, ITS_TOKEN, exporter, exporter_token
from tests.commands.test_session import OTHER, SESSION, again
from tests.commands.test_training_job import request
from tests.doubles import link_token, shown
from tests.spec import NOBODY, START, Spec

DAN = UUID(int=104)
OLD, FOR_EVE, FOR_ANYONE, DOUBTED, BEGUN = (UUID(int=number) for number in (194, 195, 196, 197, 198))
FAY, GUS, LEFT, LEFT_TOO, LEFT_OPEN = (UUID(int=number) for number in (109, 110, 14, 15, 199))
PAST = organization_id("Gone", "Vision")
THROWN, THROWN_TOO = UUID(int=13), UUID(int=3)
MEMBERSHIPS = [membership_id(ACME, person) for person in (ANN, BEN, CAT, DAN)]
IDS = {
    "person_id": st.sampled_from([ANN, BEN, CAT, DAN]),
    "token_id": st.sampled_from([UUID(int=81), UUID(int=82)]),
    "service_account_id": st.sampled_from([EXPORTER, UUID(int=92)]),
    "invitation_id": st.sampled_from([ASKED, UUID(int=192), UUID(int=193), UUID(int=199)]),
    "target_id": st.sampled_from([ACME, CELLS]),
    "membership_id": st.sampled_from(MEMBERSHIPS),
    "organization_id": st.just(ACME),
    "project_id": st.sampled_from([CELLS, CELLS, UUID(int=2)]),
    "dataset_id": st.sampled_from([CRACKS, CRACKS, UUID(int=12)]),
    "experiment_id": st.sampled_from([UUID(int=21), UUID(int=22)]),
    "new_experiment_id": st.just(UUID(int=23)),
    "job_id": st.sampled_from([UUID(int=31), UUID(int=32)]),
    "of": st.just(UUID(int=31)),
    "snapshot_id": st.just(UUID(int=33)),
    "session_id": st.sampled_from([SESSION, OTHER]),
    "upload_id": st.sampled_from([UUID(ONE[:32]), UUID(TWO[:32])]),
}
RECOVERY = ("2345-6789-abcd", "bcde-fghj-kmnp")
HOSTILE: st.SearchStrategy[Any] = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["\x00", "\ud800", "a\nb", "🙂" * 50, "\u202eשלום", "<b>&amp;", "'; DROP TABLE", "x" * 20_000, ""]),
    st.integers(-5, 2**60),
    st.floats(),
    st.just({}),
)
CHECKPOINTS = st.builds(Checkpoint, epoch=st.integers(0, 3), sha256=st.just("c" * 64), size=st.just(1))
EVIDENCE = st.builds(
    Evidence,
    reason=st.sampled_from(EndReason),
    message=st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=50),
    exit_code=st.none() | st.integers(-64, 255),
    last_lines=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=50), max_size=3).map(tuple),
)
SENSIBLE: dict[str, st.SearchStrategy[Any]] = {
    **IDS,
    "scopes": st.sets(st.sampled_from(Scope), min_size=1),
    "since": st.sampled_from(SubscriptionStart),
    "days": st.sampled_from([1, 30]),
    "for_anyone": st.booleans(),
    "prefix": st.sampled_from(["vst_00000001", "vst_00000002"]),
    "digest": st.sampled_from(["1" * 64, "2" * 64, "3" * 64]),
    "attempt": st.sampled_from([1, 1, 1, 2, 3]),
    "epoch": st.integers(1, 3),
    "epochs": st.just(3),
    "role": st.sampled_from(Role),
    "framework": st.just("timm"),
    "model": st.just("tiny"),
    "parameters": st.sampled_from([{}, {"epochs": 2}]),
    "metrics": st.dictionaries(st.sampled_from(["loss", "mAP50"]), st.floats() | st.integers(-3, 3)),
    "seconds": st.floats(0, 1e6),
    "checkpoint": CHECKPOINTS,
    "resumed_from": st.none() | CHECKPOINTS,
    "evidence": EVIDENCE,
    "environment": st.just({"torch": "2"}),
    "groups": st.none() | st.builds(ByFolder, by=st.just("folder")),
    "method": st.sampled_from(["auto", "stratified"]),
    "tag": st.sampled_from(["v1", "v2"]),
    "email": st.sampled_from(["dan@example.org", "eva@example.org", "ANN@example.org"]),
    "language": st.sampled_from(Language),
    "token": st.just(link_token(Purpose.PASSWORD_RESET, BEN, 3)),
    "password": st.just("correct horse battery"),
    "avatar_name": st.just("red-fox-9"),
    "result": st.just("e" * 64),
    "best_epoch": st.integers(1, 3),
    "weights": st.just({}),
    "admission": st.none() | st.sampled_from(Admission),
    "max_users": st.none() | st.sampled_from([0, 50]),
    "max_storage_gb": st.none() | st.just(7),
    "max_gpu_hours_per_month": st.none() | st.sampled_from([1, 100]),
    "device": st.sampled_from(["auto", "cpu"]),
    "gpus": st.just(0),
    "visibility": st.sampled_from(["organization", "private"]),
    "tags": st.just(()),
    "strict": st.booleans(),
    "seed": st.integers(0, 3),
    "ratios": st.just({"train": 0.5, "val": 0.25, "test": 0.25}),
    "picture": st.just("b" * 64),
    "means": st.just(("password",)),
    "refresh": st.just("a" * 64),
    "second_factor_required": st.none() | st.booleans(),
    "recovery_codes": st.just(RECOVERY),
    "code": st.sampled_from(RECOVERY),
    "password_version": st.just(1),
    "shown": st.sampled_from([1, 1, SESSION]),
    "failures": st.integers(1, 9),
    "upto": st.integers(0, 20),
    "first_at": st.just(START),
    "last_at": st.just(START),
    "reason": st.sampled_from(Ending),
}
# As Ann's phone shows it in the minutes in which a history goes on.
MINUTES = st.sampled_from([shown(ANN, START + timedelta(days=31), step) for step in range(9)])
NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=20)
ENDS = ("training_job.completed", "training_job.failed", "training_job.cancelled")
IN_PROJECT = (ChangeProjectRole, RemoveProjectMember)
IN_DATASET = (ChangeDatasetRole, RemoveDatasetMember)
PARTICULAR: dict[tuple[type[Command], str], st.SearchStrategy[Any]] = {
    (CompleteTraining, "model"): st.builds(Model, id=st.just(UUID(int=51)), sha256=st.just("d" * 64), size=st.just(9)),
    (ResetPassword, "person_id"): st.just(BEN),
    (CloseOrganization, "name"): st.just("Acme / Vision"),
    (CloseOrganization, "code"): st.sampled_from([None, *RECOVERY]),
    # Where it is closed most others are refused, so here the one is closed by its admin alone.
    (CloseOrganizationOf, "organization_id"): st.just(eve.organization_id),
    (ReopenOrganizationOf, "organization_id"): st.sampled_from([ACME, eve.organization_id]),
    (PurgeOrganization, "organization_id"): st.sampled_from([ACME, PAST, PAST]),
    (StopProjectOffer, "project_id"): st.sampled_from([CELLS, LEFT]),
    (StopDatasetOffer, "dataset_id"): st.sampled_from([CRACKS, LEFT_TOO]),
    (DissolveProject, "project_id"): st.sampled_from([CELLS, LEFT]),
    (DissolveDataset, "dataset_id"): st.sampled_from([CRACKS, LEFT_TOO]),
    (DissolveServiceAccount, "service_account_id"): st.sampled_from([EXPORTER, UUID(int=93)]),
    (DissolveMembership, "membership_id"): st.sampled_from([membership_id(PAST, person) for person in (FAY, GUS)]),
    (ChangeEmail, "person_id"): st.just(ANN),
    (ChangeEmail, "token"): st.just(link_token(Purpose.EMAIL_CHANGE, ANN, 3)),
    (NoteFailedSignIns, "means"): st.sampled_from(Means),
    (RequestRegistration, "person_id"): st.just(UUID(int=107)),
    (CompleteRegistration, "person_id"): st.just(ASKING),
    (CompleteRegistration, "token"): st.just(link_token(Purpose.REGISTRATION, ASKING, 1)),
    (DropRegistration, "person_id"): st.sampled_from([ASKING, UUID(int=108)]),
    (VerifyEmail, "person_id"): st.just(CAT),
    (VerifyEmail, "token"): st.just(link_token(Purpose.VERIFICATION, CAT, 2)),
    (RevokeServiceToken, "service_account_id"): st.just(EXPORTER),
    (RevokeServiceToken, "token_id"): st.just(ITS_TOKEN),
    (ConfirmSecondFactor, "code"): MINUTES,
    (ResetSecondFactor, "membership_id"): st.just(membership_id(ACME, BEN)),
    (ResetSecondFactorOf, "person_id"): st.just(BEN),
    **{(kind, "session_id"): st.just(BEGUN) for kind in (EndEverySession, EndSession, SwitchOrganization)},
    **{(kind, "target_id"): st.just(CELLS) for kind in (InviteToProject, PlaceByAddress)},
    **{(kind, "role"): st.sampled_from(ProjectRole) for kind in (InviteToProject, PlaceByAddress)},
    (InviteToOrganization, "target_id"): st.just(ACME),
    (InviteToDataset, "target_id"): st.just(CRACKS),
    (InviteToDataset, "role"): st.sampled_from(DatasetRole),
    (AcceptInvitation, "person_id"): st.just(eve.id),
    (AcceptInvitation, "token"): st.just(link_token(Purpose.INVITATION, FOR_EVE, 1)),
    (JoinByInvitation, "person_id"): st.sampled_from([UUID(int=111), UUID(int=112)]),
    (JoinByInvitation, "token"): st.just(link_token(Purpose.INVITATION, FOR_ANYONE, 1)),
    (DeclineInvitation, "token"): st.just(link_token(Purpose.INVITATION, DOUBTED, 1)),
    (ExpireInvitation, "invitation_id"): st.just(OLD),
    (StopInvitation, "invitation_id"): st.just(LEFT_OPEN),
    (DeactivateMember, "membership_id"): st.just(membership_id(ACME, BEN)),
    **{(kind, "dataset_id"): st.just(THROWN) for kind in (PurgeDataset, PurgeDatasetInTime)},
    **{(kind, "project_id"): st.just(THROWN_TOO) for kind in (PurgeProject, PurgeProjectInTime)},
    **{(kind, "name"): st.just("old") for kind in (PurgeDataset, PurgeProject)},
    (AddProjectMember, "role"): st.sampled_from(ProjectRole),
    (ChangeProjectRole, "role"): st.sampled_from(ProjectRole),
    (AddDatasetMember, "role"): st.sampled_from(DatasetRole),
    (ChangeDatasetRole, "role"): st.sampled_from(DatasetRole),
    # Few people are in a project or a dataset, and few draws would meet one of them.
    **{(kind, "person_id"): st.sampled_from([BEN, ANN]) for kind in (*IN_PROJECT, *IN_DATASET)},
    **{(kind, "project_id"): st.just(CELLS) for kind in IN_PROJECT},
    **{(kind, "dataset_id"): st.just(CRACKS) for kind in IN_DATASET},
}
# What only somebody else than the owner of everything can do.
OF_BEN = (
    AcceptDataset,
    AcceptProject,
    RequestErasure,
    CancelErasure,
    DeclineDataset,
    DeclineProject,
    LeaveDataset,
    LeaveProject,
    RenewRecoveryCodes,
    RequestEmailChange,
    TurnOffSecondFactor,
)


ENDING = frozenset(
    {
        ArchiveProject,
        CloseOrganization,
        CloseOrganizationOf,
        DeactivateMember,
        DeleteDataset,
        DeleteProject,
        DeleteServiceAccount,
        ErasePerson,
        PurgeDataset,
        PurgeDatasetInTime,
        PurgeProject,
        PurgeProjectInTime,
        RemoveDatasetMember,
        RemoveMember,
        RemoveProjectMember,
        VacateDataset,
        VacateProject,
    }
)


def callers(kind: type[Command], fields: dict[str, Any]) -> st.SearchStrategy[Caller]:
    """Mostly one who may; sometimes anybody."""
    anybody: list[Caller] = [ann, ben, eve, NOBODY, Caller(kind="system", id=SYSTEM)]
    match kind.ACCESS:
        case Platform():
            fitting = Caller(kind="system", id=SYSTEM)
        case Worker():
            fitting = Caller(
                kind="worker",
                id=UUID(int=41),
                framework="timm",
                job_id=fields.get("job_id"),
                attempt=fields.get("attempt"),
            )
        case Operator():
            fitting = eve
        case Anyone():
            fitting = NOBODY
        case _:
            fitting = ben if kind in OF_BEN else ann
    return st.one_of(st.just(fitting), st.just(fitting), st.just(fitting), st.sampled_from(anybody))


Wish = tuple[Caller, type[Command], dict[str, Any]]


@st.composite
def histories(draw: st.DrawFn) -> list[Wish]:
    """Every command twice, in any order: what is drawn freely leaves some out for whole runs.

    At first without those after which most others are refused.
    """
    gentle = [kind for kind in HANDLERS if kind not in ENDING]
    twice = [*draw(st.permutations(gentle)), *draw(st.permutations(list(HANDLERS)))]
    return [wish(draw, kind) for kind in twice]


def wish(draw: st.DrawFn, kind: type[Command]) -> Wish:
    fields: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        if not field.is_required() and draw(st.booleans()):
            continue
        sensible = PARTICULAR.get((kind, name), SENSIBLE.get(name, NAMES))
        fields[name] = draw(st.one_of(HOSTILE, sensible) if draw(st.integers(0, 39)) == 7 else sensible)
    try:
        return draw(callers(kind, fields)), kind, fields
    except ValidationError:
        return NOBODY, kind, fields


def attempt(spec: Spec, caller: Caller, kind: type[Command], fields: dict[str, Any], accepted: Counter[str]) -> None:
    try:
        command = kind.model_validate(fields)
    except ValidationError:
        return
    with suppress(DomainError):
        spec.by(caller).do(command)
        accepted[kind.__name__] += 1


def begun() -> Spec:
    """Four people, one waiting; a shared project, an experiment, a dataset with a split, two uploads, a training.

    Another dataset and another project have been in the trash for a month, as another organization was closed.
    """
    spec = Spec().by(NOBODY)
    _closed(spec)
    people = (register(ANN, "ann"), register(BEN, "ben"), register(CAT, "cat"), register(eve.id, "eve", "Evil", "Corp"))
    spec.given(*people, *(verify(each) for each in (ANN, BEN, eve.id))).by(ann).given(
        again(BEGUN), nightly.model_copy(update={"days": 1})
    )
    spec.given(invite("old@example.org", invitation_id=OLD, days=1))
    spec.given(CreateDataset(dataset_id=THROWN, name="old"), DeleteDataset(dataset_id=THROWN))
    spec.given(CreateProject(project_id=THROWN_TOO, name="old"), DeleteProject(project_id=THROWN_TOO))
    spec.now += timedelta(days=31)
    spec.by(NOBODY).given(RequestPasswordReset(person_id=BEN), RequestVerification(person_id=CAT)).by(ann)
    spec.given(RequestEmailChange(email="ann@example.com")).by(NOBODY).given(asking).by(ann)
    code = shown(BEN, spec.now + timedelta(seconds=2))
    spec.by(ben).given(BeginSecondFactor(), ConfirmSecondFactor(code=code, recovery_codes=RECOVERY)).by(ann)
    spec.given(
        invite(), invite("eve@example.org", invitation_id=FOR_EVE), invite("d@example.org", invitation_id=DOUBTED)
    )
    spec.given(invite("any@example.org", invitation_id=FOR_ANYONE, for_anyone=True, role=Role.GUEST))
    spec.given(approve(BEN, Role.ENGINEER_I), project, AddProjectMember(project_id=CELLS, person_id=BEN))
    spec.by(Caller(kind="system", id=SYSTEM)).given(AppointOperator(person_id=eve.id)).by(ann)
    spec.given(OfferProject(project_id=CELLS, person_id=BEN)).by(ben).given(RequestErasure()).by(ann)
    spec.given(experiment, dataset, upload(spec, ONE), MakeSplit(dataset_id=CRACKS), request())
    spec.given(*(wish(dataset_id=CRACKS, person_id=BEN) for wish in (AddDatasetMember, OfferDataset)))
    spec.given(exporter, exporter_token)
    upload(spec, TWO, base=ONE)
    return spec


def _closed(spec: Spec) -> None:
    fay = Caller(kind="person", id=FAY, organization_id=PAST)
    spec.given(register(FAY, "fay", "Gone", "Vision"), verify(FAY)).by(fay)
    spec.given(invite("gil@example.org", invitation_id=LEFT_OPEN, target_id=PAST))
    spec.given(CreateProject(project_id=LEFT, name="left"), CreateDataset(dataset_id=LEFT_TOO, name="left"))
    spec.by(NOBODY).given(register(GUS, "gus", "Gone", "Vision"), verify(GUS)).by(fay)
    spec.given(ApproveMember(membership_id=membership_id(PAST, GUS), role=Role.ENGINEER_I))
    spec.given(OfferProject(project_id=LEFT, person_id=GUS), OfferDataset(dataset_id=LEFT_TOO, person_id=GUS))
    spec.given(exporter.model_copy(update={"service_account_id": UUID(int=93)}))
    spec.given(CloseOrganization(organization_id=PAST, name="Gone / Vision")).by(NOBODY)


@pytest.mark.timeout(600)
def test_any_sequence_of_commands_leaves_the_invariants_whole() -> None:
    """What is drawn depends on what is loaded: until every command was accepted, and some dozen times at least."""
    accepted: Counter[str] = Counter()

    @settings(max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(histories())
    def any_history(history: list[Wish]) -> None:
        spec = begun()
        for caller, kind, fields in history:
            attempt(spec, caller, kind, fields, accepted)
        _positions_are_whole(spec)
        _the_organization_is_whole(spec)
        _projects_belong_to_who_owns_them(spec)
        _nobody_has_two_places_in_a_dataset(spec)
        _every_job_has_at_most_one_end(spec)
        _what_is_known_is_what_is_true(spec)

    missing = {kind.__name__ for kind in HANDLERS}
    for number in range(20):
        seed(number)(any_history)()
        if number >= 2 and not missing - set(accepted):
            break
    assert missing - set(accepted) == set(), "these were never accepted"


def _positions_are_whole(spec: Spec) -> None:
    assert [row.position for row in spec.ledger.rows] == list(range(1, len(spec.ledger.rows) + 1))
    assert len(spec.events()) == len(spec.ledger.rows)


def _the_organization_is_whole(spec: Spec) -> None:
    unit = Unit(spec.ledger, spec.mapper, Errand(Caller(kind="system", id=SYSTEM), spec.now, UUID(int=1)))
    organization = unit.get(Organization, ACME)
    assert organization.admins
    for person in (ANN, BEN, CAT):
        membership = unit.get(Membership, membership_id(ACME, person))
        assert (membership.active and membership.role is Role.ADMIN) == (person in organization.admins)
        assert membership.active == (person in organization.seats)
        assert membership.role is None or can_own(membership.role, len(membership.projects))
    accounts = filter(None, (unit.find(ServiceAccount, id) for id in (EXPORTER, UUID(int=92))))
    there = {each.id for each in accounts if each.organization_id == ACME and not each.deleted}
    assert there == organization.service_accounts


def _projects_belong_to_who_owns_them(spec: Spec) -> None:
    unit = Unit(spec.ledger, spec.mapper, Errand(Caller(kind="system", id=SYSTEM), spec.now, UUID(int=1)))
    for each in filter(None, (unit.find(Project, id) for id in (CELLS, UUID(int=2)))):
        places = (
            unit.find(Membership, membership_id(each.organization_id, person)) for person in (ANN, BEN, CAT, eve.id)
        )
        owned_by = [place.person_id for place in places if place and each.id in place.projects]
        assert owned_by == ([each.owner_id] if each.purge_at is None else [])
        assert each.owner_id not in each.members


def _nobody_has_two_places_in_a_dataset(spec: Spec) -> None:
    unit = Unit(spec.ledger, spec.mapper, Errand(Caller(kind="system", id=SYSTEM), spec.now, UUID(int=1)))
    for each in filter(None, (unit.find(Dataset, id) for id in (CRACKS, UUID(int=12)))):
        assert each.owner_id not in each.members
        assert each.owner_id != each.offered_to


def _every_job_has_at_most_one_end(spec: Spec) -> None:
    unit = Unit(spec.ledger, spec.mapper, Errand(Caller(kind="system", id=SYSTEM), spec.now, UUID(int=1)))
    for id in {row.stored.originator_id for row in spec.ledger.rows}:
        job = unit.find(TrainingJob, id)
        if job is not None:
            topics = [stored.topic for stored in spec.ledger.events_of(id)]
            assert sum(topic in ENDS for topic in topics) == (job.status in OVER)
            assert topics.count("training_job.requeued") == job.attempt - 1


def _what_is_known_is_what_is_true(spec: Spec) -> None:
    """However often it was copied, changed and read on from, an aggregate is the fold of its events."""
    for id in {row.stored.originator_id for row in spec.ledger.rows}:
        known = spec.dispatch.known.get(id)
        if known is not None:
            _, aggregate = known
            events = [spec.mapper.decode(stored)[0] for stored in spec.ledger.events_of(id)[: aggregate.version]]
            assert vars(aggregate) == vars(reduce(lambda before, event: event.mutate(before), events, None))
