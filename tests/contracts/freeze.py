"""Writes a stored example of every shape that has none yet: `python -m tests.contracts.freeze`. What is there stays.

`SHA256SUMS` holds the hash of each; lines are added to it and never changed: what was stored once is stored for ever.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final
from uuid import UUID

from domain import EVENTS
from domain.api_token import ApiToken, OwnerKind
from domain.closure import Closure
from domain.content import Content, Layout, Ratios, Split, SplitMethod, Task
from domain.dataset import Dataset, Visibility
from domain.experiment import Experiment
from domain.groups import ByPattern, Grouped
from domain.invitation import CancelReason, Invitation, InvitationType
from domain.language import Language
from domain.membership import Membership
from domain.model import PLATFORM, Actor, Aggregate, Client, Envelope, Event
from domain.organization import Admission, Organization, Quotas
from domain.person import Person
from domain.project import Project
from domain.roles import DatasetRole, ProjectRole, Role, Scope
from domain.second_factor import SecondFactor
from domain.security_policy import SecurityPolicy
from domain.service_account import ServiceAccount, SubscriptionStart
from domain.session import Ending, Means, Session
from domain.training import Checkpoint, Device, EndReason, Evidence, Model, Outcome, Recipe, Start, Weights
from domain.training_job import TrainingJob
from infra.mapper import Mapper
from tests.contracts.keyring import LEDGER, ExampleKeys

FOLDER: Final = Path(__file__).parent / "stored_events"
SUMS: Final = FOLDER / "SHA256SUMS"
TOPICS: Final = {kind: topic for topic, kind in EVENTS.items()}
OF_WORKERS: Final = {
    f"training_job.{name}"
    for name in ("claimed", "started", "epoch_completed", "checkpoint_saved", "lost", "requeued", "completed", "failed")
}
NOW: Final = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def id(number: int) -> UUID:
    return UUID(f"0198c0de-0000-7000-8000-{number:012x}")


ANN, BEN, WORKER = id(10), id(11), id(12)
CHECKPOINT = Checkpoint(epoch=2, sha256="c" * 64, size=5_368_709)
EVIDENCE = Evidence(
    reason=EndReason.OUT_OF_MEMORY,
    message="the GPU ran out of memory",
    exit_code=4,
    last_lines=("step 7", "out of memory"),
)


def people() -> tuple[Organization, Person, Membership]:
    organization = Organization.found("Acme", "Vision", NOW)
    organization.add_admin(ANN, NOW)
    organization.seat(ANN, NOW)
    organization.add_admin(BEN, NOW)
    organization.seat(BEN, NOW)
    organization.let_go(BEN, NOW)
    organization.rename("Acme Vision", NOW)
    organization.admit_by(Admission.INVITATION, NOW)
    organization.change_quotas(Quotas(max_users=7, max_storage_gb=2_000, max_gpu_hours_per_month=0), NOW)
    membership = Membership.request(organization.id, ANN, NOW)
    membership.approve(Role.ENGINEER_I, NOW)
    membership.change_role(Role.MANAGER, NOW)
    membership.own_project(id(20), NOW)
    membership.release_project(id(20), NOW)
    membership.deactivate(NOW)
    membership.reactivate(NOW)
    membership.end(NOW)
    return organization, somebody(organization.id), membership


def somebody(organization: UUID) -> Person:
    person = Person.register(ANN, "ann@example.org", "Ann Ångström", "red-fox-1", organization, NOW)
    person.rename("Ann Ångström-Öst", organization, NOW)
    person.choose_language(Language.KOREAN, organization, NOW)
    person.request_verification(NOW)
    person.verify_email(NOW)
    person.request_email_change("ann@example.com", organization, NOW)
    person.change_email(NOW)
    person.request_password_reset(NOW)
    person.change_password(NOW)
    person.note_failed_sign_ins(Means.PASSWORD, 12, NOW - timedelta(minutes=50), NOW, NOW)
    person.request_erasure(organization, NOW, NOW)
    person.cancel_erasure(organization, NOW)
    person.become_operator(NOW)
    person.stop_being_operator(NOW)
    person.erase(NOW)
    return person


def elsewhere(organization: UUID) -> Person:
    person = Person.register(BEN, "ben@example.org", "Ben", "blue-owl-2", organization, NOW)
    person.join(id(71), NOW)
    return person


def signed_in(organization: UUID) -> Session:
    session = Session.begin(id(70), ANN, organization, (Means.PASSWORD, Means.TOTP), NOW)
    session.switch(id(71), NOW)
    session.end(Ending.SIGNED_OUT_ELSEWHERE, NOW)
    return session


def service_account(organization: Organization) -> ServiceAccount:
    account = ServiceAccount.create(id(90), organization.id, "warehouse-export", Role.ENGINEER_I, NOW)
    organization.add_service_account(account.id, NOW)
    organization.remove_service_account(account.id, NOW)
    account.rename("warehouse-export-2", NOW)
    account.change_role(Role.MANAGER, NOW)
    account.disable(NOW)
    account.enable(NOW)
    account.subscribe(SubscriptionStart.BEGINNING, NOW)
    account.unsubscribe(NOW)
    account.delete(NOW)
    return account


def secured(organization: UUID) -> tuple[SecondFactor, SecurityPolicy]:
    factor = SecondFactor.begin(ANN, organization, NOW)
    factor.turn_on(organization, NOW)
    factor.renew_recovery_codes(organization, Means.TOTP, NOW)
    factor.turn_off(organization, Means.RECOVERY_CODE, NOW)
    factor.turn_on(organization, NOW)
    factor.reset(organization, NOW)
    policy = SecurityPolicy.begin(organization, NOW)
    policy.require_second_factor(True, NOW)
    return factor, policy


def ended(organization: UUID) -> Closure:
    closure = Closure.begin(organization, NOW)
    closure.close(NOW + timedelta(days=30), NOW)
    closure.reopen(NOW)
    closure.close(NOW, NOW)
    closure.purge(NOW)
    return closure


def tokens(organization: UUID) -> tuple[ApiToken, ApiToken]:
    scopes, life = frozenset({Scope.TRAIN, Scope.READ}), timedelta(days=90)
    named = (organization, (OwnerKind.PERSON, ANN), "nightly", "vst_0aB9zZ7k", scopes)
    revoked = ApiToken.create(id(80), *named, NOW + life, NOW)
    revoked.revoke(NOW)
    expired = ApiToken.create(id(81), *named, NOW, NOW - life)
    expired.expire(NOW)
    return revoked, expired


def invitations(organization: UUID) -> tuple[Invitation, ...]:
    def sent(number: int, until: datetime = NOW + timedelta(days=7)) -> Invitation:
        to = InvitationType.PROJECT, id(20), "Digits"
        letter = "민수@example.org", "Welcome!\nWe look for cracks.", Language.KOREAN
        return Invitation.send(id(number), organization, to, "maintainer", ANN, letter, False, until, NOW)

    accepted, declined, expired, cancelled = sent(90), sent(91), sent(92, NOW), sent(93)
    accepted.send_again(NOW + timedelta(days=8), NOW)
    accepted.accept(BEN, NOW)
    declined.decline(NOW)
    expired.expire(NOW)
    cancelled.cancel(CancelReason.REPLACED, NOW)
    return accepted, declined, expired, cancelled


def work(organization: UUID) -> tuple[Project, Dataset, Experiment]:
    project = Project.create(id(20), organization, ANN, "Цифры 🙂", "handwritten digits\nin two tasks", NOW)
    project.rename("Digits", NOW)
    project.describe("digits that people wrote", NOW)
    project.add_member(BEN, ProjectRole.MEMBER, NOW)
    project.change_role(BEN, ProjectRole.MAINTAINER, NOW)
    project.remove_member(BEN, NOW)
    project.archive(NOW)
    project.restore(NOW)
    project.delete(NOW, NOW)
    project.undelete(NOW)
    project.offer_ownership(BEN, NOW)
    project.decline_ownership(NOW)
    project.offer_ownership(BEN, NOW)
    project.accept_ownership(BEN, ProjectRole.MAINTAINER, NOW)
    dataset = Dataset.create(id(30), organization, ANN, "scenes", "", Visibility.ORGANIZATION, ("digits", "yolo"), NOW)
    content = Content(
        root="a" * 64,
        images=100,
        labelled_images=99,
        annotations=412,
        bytes=1_234_567,
        task=Task.DETECTION,
        layout=Layout.YOLO,
        classes=("zero", "один", "二"),
    )
    dataset.commit_revision(content, "b" * 64, None, NOW)
    ratios = Ratios(train=0.6, val=0.2, test=0.2)
    dataset.make_split(
        Split(
            sha256="d" * 64,
            tables="e" * 64,
            root="a" * 64,
            method=SplitMethod.STRATIFIED,
            ratios=ratios,
            seed=7,
            grouped=Grouped(rule=ByPattern(by="pattern", pattern="patient-{group}_*.png"), groups=12, alone=3),
            train=60,
            val=20,
            test=20,
        ),
        NOW,
    )
    dataset.take_snapshot(id(31), "v1", "the first one that is good", NOW)
    dataset.add_member(BEN, DatasetRole.VIEWER, NOW)
    dataset.change_role(BEN, DatasetRole.EDITOR, NOW)
    dataset.remove_member(BEN, NOW)
    dataset.offer_ownership(BEN, NOW)
    dataset.decline_ownership(NOW)
    dataset.offer_ownership(BEN, NOW)
    dataset.accept_ownership(BEN, DatasetRole.MAINTAINER, NOW)
    experiment = Experiment.create(id(40), organization, ANN, project.id, "first try", "", ("baseline",), NOW)
    experiment.link_mlflow("17", NOW)
    return project, dataset, experiment


def thrown_away(organization: UUID) -> tuple[Project, Dataset]:
    project = Project.create(id(21), organization, ANN, "letters", "", NOW)
    dataset = Dataset.create(id(32), organization, ANN, "letters", "", Visibility.PRIVATE, (), NOW)
    for each in (project, dataset):
        each.delete(NOW, NOW)
        each.undelete(NOW)
        each.delete(NOW, NOW)
        each.purge_in_time(NOW)
    return project, dataset


def request(number: int, dataset: Dataset) -> TrainingJob:
    recipe = Recipe(
        framework="timm",
        task=Task.CLASSIFICATION,
        model="resnet18",
        parameters={"epochs": 3, "lr": 1e-7, "augment": True, "optimizer": "adamw"},
        weights=Weights(sha256="e" * 64),
        device=Device.CUDA,
        gpus=1,
        code_version="0.1.0+abcdef1",
    )
    snapshot = dataset.snapshots["v1"]
    return TrainingJob.request(
        id(number), dataset.organization_id, ANN, id(20), id(40), dataset.id, snapshot, recipe, NOW
    )


def trainings(dataset: Dataset) -> tuple[TrainingJob, ...]:
    good, lost, bad, unwanted = (request(50 + n, dataset) for n in range(4))
    for job in (good, lost, bad):
        job.claim(1, WORKER, "worker-7 · RTX 4090", NOW)
    good.start(1, Start(Device.CUDA, {"python": "3.11.7", "torch": "2.15.0"}, {"epochs": 3, "lr": 1e-7}, None), NOW)
    good.link_mlflow("0123456789abcdef0123456789abcdef", NOW)
    good.complete_epoch(1, 1, 3, {"val_loss": "NaN", "accuracy": 0.5, "step": 1e21}, 12.5, NOW)
    good.save_checkpoint(1, CHECKPOINT, NOW)
    good.cancel(NOW)
    model = Model(id=id(60), sha256="f" * 64, size=44_700_000)
    good.complete(1, Outcome(2, {"accuracy": 0.9875}, model, "1" * 64, "2" * 64), NOW)
    lost.save_checkpoint(1, CHECKPOINT, NOW)
    lost.lose(1, EVIDENCE.model_copy(update={"reason": EndReason.WORKER_LOST, "exit_code": None}), NOW)
    bad.fail(1, EVIDENCE, NOW)
    unwanted.cancel(NOW)
    return good, lost, bad, unwanted


def examples() -> Iterator[tuple[Aggregate, Event]]:
    """One of every TOPIC, the first that the story brings."""
    organization, person, membership = people()
    project, dataset, experiment = work(organization.id)
    seen: set[str] = set()
    standing = (organization, person, membership, signed_in(organization.id), service_account(organization))
    asked = *secured(organization.id), *tokens(organization.id), *invitations(organization.id)
    worked: tuple[Aggregate, ...] = project, dataset, experiment, *trainings(dataset), *thrown_away(organization.id)
    everything: tuple[Aggregate, ...] = (*standing, *asked, *worked, ended(organization.id), elsewhere(organization.id))
    for aggregate in everything:
        for event in aggregate.pending_events:
            assert isinstance(event, Event)
            if TOPICS[type(event)] not in seen:
                seen.add(TOPICS[type(event)])
                yield aggregate, event


def envelope(n: int, aggregate: Aggregate, event: Event) -> Envelope:
    of_worker = TOPICS[type(event)] in OF_WORKERS
    wall = aggregate.organization
    worker = Actor(kind="worker", id=WORKER, role="timm", organization_id=wall)
    person = Actor(kind="person", id=ANN, role="admin" if wall else None, organization_id=wall)
    return Envelope(
        schema_version=type(event).SCHEMA_VERSION,
        event=id(1000 + n),
        ledger=LEDGER,
        organization=aggregate.organization or PLATFORM,
        actor=worker if of_worker else person,
        command=id(2000 + n),
        correlation=id(3000 + n),
        causation=id(4000 + n) if of_worker else None,
        traceparent=f"00-{n + 1:032x}-{n + 1:016x}-01",
        context=None if of_worker else Client(address="192.0.2.7", agent="vistory/0.1 ✓"),
        decided_at=NOW,
    )


def main() -> None:
    mapper = Mapper(LEDGER, ExampleKeys())
    for n, (aggregate, event) in enumerate(examples()):
        file = FOLDER / f"{TOPICS[type(event)]}@{type(event).SCHEMA_VERSION}.json"
        if file.exists():
            continue
        stored = mapper.encode(event, envelope(n, aggregate, event))
        told = stored._asdict() | {"originator_id": str(stored.originator_id), "state": stored.state.decode()}
        file.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        with SUMS.open("a", encoding="utf-8") as sums:
            sums.write(f"{sha256(file.read_bytes()).hexdigest()}  {file.name}\n")


if __name__ == "__main__":
    main()
