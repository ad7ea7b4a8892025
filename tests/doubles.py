"""Doubles for ports that are ours; each runs the same contract suite as the real part."""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from commands.ports import Link, Prepared, Purpose, Registration
from domain.content import Content, Ratios, Split, SplitMethod, Task
from domain.errors import Invalid, NotFound
from domain.groups import Grouped, Rule
from domain.service_account import BusIsFull, SubscriptionStart
from domain.session import Means
from domain.training import OrganizationIsBusy
from domain.training_job import TrainingJob
from domain.values import Personal
from infra import api_tokens, bearer, invitation, links, registrations, second_factors
from infra.addresses import normalised
from infra.common_passwords import refuse_common
from infra.invitation import Invitations
from infra.keys import Sealed
from infra.ledger import NOW, Append, Head, Row, Verdict
from infra.mapper import LARGEST_STATE, Mapper, Stored
from infra.nats_users import PLACES
from infra.trainers import Parameter, ReportedTrainers, TrainableModel

ENDS: Final = frozenset({"training_job.completed", "training_job.failed", "training_job.cancelled"})
LINK_KEY: Final = b"the key of links in tests"
SPLIT: Final = Split(
    sha256="b" * 64, tables="c" * 64, root="a" * 64, method=SplitMethod.MANUAL, ratios=None, seed=None, grouped=None,
    train=1, val=1, test=1,
)  # fmt: skip


class MemoryLedger:
    """The Ledger port in memory: the same verdicts, without a chain worth the name."""

    def __init__(self, ledger: UUID) -> None:
        self.ledger = ledger
        self.rows: list[Row] = []
        self._of: dict[UUID, list[Stored]] = {}
        self.commands: dict[UUID, Verdict] = {}
        self.taken: dict[str, str] = {}
        self.sessions: dict[UUID, UUID] = {}
        self.registrations: dict[str, Registration] = {}
        self.links: dict[str, Mapping[str, Any]] = {}
        self.api_tokens: dict[str, Mapping[str, Any]] = {}
        self.factors: dict[str, Mapping[str, Any]] = {}
        self.recovery: dict[str, frozenset[str]] = {}
        self.invitations: dict[str, Mapping[str, Any]] = {}

    def append(self, commands: Sequence[Append]) -> list[Verdict]:
        return [self._judge(command) for command in commands]

    def events_of(self, id: UUID, after: int = 0, limit: int | None = None, upto: int = NOW) -> list[Stored]:
        since = sum(row.stored.originator_id == id for row in self.rows[upto:])
        of = self._of.get(id, [])
        return of[after : len(of) - since][:limit]

    def events_of_each(self, after: Mapping[UUID, int], limit: int, upto: int = NOW) -> dict[UUID, list[Stored]]:
        return {id: self.events_of(id, version, limit, upto) for id, version in after.items()}

    def command(self, id: UUID) -> Verdict | None:
        return self.commands.get(id)

    def read(self, after: int, limit: int) -> list[Row]:
        return self.rows[after : after + limit]

    def head(self) -> Head:
        return Head(self.ledger, 1, len(self.rows), self._chain())

    def alone(self) -> AbstractContextManager["MemoryLedger"]:
        return nullcontext(self)

    def _judge(self, command: Append) -> Verdict:
        if command.command_id in self.commands:
            return self.commands[command.command_id]
        if any(len(self.events_of(id)) != version for id, version in command.reads):
            return self._refuse("conflict", command)
        versions: dict[UUID, int] = {}
        for event in command.events:
            version = versions.get(event.originator_id, len(self.events_of(event.originator_id))) + 1
            if event.originator_version != version:
                return self._refuse("conflict", command)
            if len(event.state) > LARGEST_STATE:
                return self._refuse("too_large", command)
            versions[event.originator_id] = version
        claimed = [claim for side in command.sides for claim in _claimed(side)]
        moved = {side["person_id"] for side in command.sides if side["kind"] == "email_moved"}
        kept = {claim: person for claim, person in self.taken.items() if person not in moved}
        if len(dict(claimed)) < len(claimed) or dict(claimed).keys() & kept.keys():
            return self._refuse("taken", command)
        if any(self._is_longer(side) for side in command.sides):
            return self._refuse("taken", command)
        open_links, open_tokens, invitations = dict(self.links), dict(self.api_tokens), dict(self.invitations)
        factors, recovery = dict(self.factors), dict(self.recovery)
        if not all(
            _write_link(open_links, side)
            and _write_api_token(open_tokens, side)
            and _write_invitation(invitations, side)
            and _write_factor(factors, recovery, side)
            for side in command.sides
        ):
            return self._refuse("taken", command)
        self.factors, self.recovery = factors, recovery
        gone = {side["person_id"] for side in command.sides if side["kind"] == "forget"}
        self.taken = {digest: person for digest, person in kept.items() if person not in gone}
        open_links = {digest: link for digest, link in open_links.items() if link["subject"] not in gone}
        self.api_tokens = {digest: token for digest, token in open_tokens.items() if token["subject"] not in gone}
        self.taken |= claimed
        self._write_others(command.sides)
        self.links = open_links
        self.invitations = invitations
        for event in command.events:
            position = len(self.rows) + 1
            self.rows.append(Row(position, datetime.now(UTC), position.to_bytes(32, "big"), event))
            self._of.setdefault(event.originator_id, []).append(event)
        verdict = Verdict("repeated", len(self.rows), self._chain(), command.fingerprint, command.result)
        self.commands[command.command_id] = verdict
        return verdict._replace(verdict="accepted", fingerprint=None)

    def _is_longer(self, side: Mapping[str, Any]) -> bool:
        """Than it was when it was listed: the sessions or the API tokens of somebody."""
        if side["kind"] == "sessions_listed":
            there = {str(id) for id, person in self.sessions.items() if str(person) == side["person_id"]}
        elif side["kind"] == "api_tokens_listed":
            theirs = (each for each in self.api_tokens.values() if each["subject"] == side["subject"])
            at = side["organization_id"]
            there = {each["token_id"] for each in theirs if at in (None, each["organization_id"])}
        else:
            return False
        return not there <= set(side["ids"])

    def _write_others(self, sides: Sequence[Mapping[str, Any]]) -> None:
        for side in sides:
            if side["kind"] == "session":
                self.sessions[side["id"]] = side["person_id"]
            elif side["kind"] == "session_ended":
                self.sessions.pop(side["id"], None)
            elif side["kind"] == "registration":
                self.registrations[side["person_id"]] = side["registration"]
            elif side["kind"] in ("registration_over", "forget"):
                self.registrations.pop(side["person_id"], None)

    def _refuse(self, verdict: Any, command: Append) -> Verdict:
        return Verdict(verdict, len(self.rows), self._chain(), None, command.result)

    def _chain(self) -> bytes:
        return len(self.rows).to_bytes(32, "big")


def _claimed(side: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is one's alone, and whose it is; what stays when that person goes is nobody's."""
    match side["kind"]:
        case "email" | "email_moved":
            return [(side["digest"], side["person_id"])]
        case "avatar_name":
            return [(side["name"], "nobody")]
    return []


def _write_link(open_links: dict[str, Mapping[str, Any]], side: Mapping[str, Any]) -> bool:
    """Whether this side row can be written, of which the links then know."""
    match side["kind"]:
        case "link" if side["digest"] in open_links:
            return False
        case "link":
            open_links[side["digest"]] = side
        case "link_used":
            return open_links.pop(side["digest"], None) is not None
        case "forget":
            for digest in [digest for digest, link in open_links.items() if link["subject"] == side["person_id"]]:
                del open_links[digest]
        case "links_closed":
            about = side["purpose"], side["subject"]
            for digest in [
                digest for digest, link in open_links.items() if (link["purpose"], link["subject"]) == about
            ]:
                del open_links[digest]
    return True


def _write_invitation(pending: dict[str, Mapping[str, Any]], side: Mapping[str, Any]) -> bool:
    match side["kind"]:
        case "invitation":
            to = side["target_id"], side["digest"]
            if any((each["target_id"], each["digest"]) == to for each in pending.values()):
                return False
            pending[side["invitation_id"]] = side
        case "invitation_extended" if side["invitation_id"] in pending:
            pending[side["invitation_id"]] = {**pending[side["invitation_id"]], "expires_at": side["expires_at"]}
        case "invitation_closed":
            pending.pop(side["invitation_id"], None)
    return True


def _write_api_token(open_tokens: dict[str, Mapping[str, Any]], side: Mapping[str, Any]) -> bool:
    match side["kind"]:
        case "api_token" if side["digest"] in open_tokens:
            return False
        case "api_token":
            open_tokens[side["digest"]] = side
        case "api_token_closed":
            for digest in [d for d, token in open_tokens.items() if token["token_id"] == side["token_id"]]:
                del open_tokens[digest]
    return True


def _write_factor(
    factors: dict[str, Mapping[str, Any]], recovery: dict[str, frozenset[str]], side: Mapping[str, Any]
) -> bool:
    """Whether this side row can be written; of each factor until when it is offered, and the last step."""
    who = str(side.get("person_id"))
    match side["kind"]:
        case "second_factor_offered":
            factors[who] = {**side, "last_step": 0}
        case "second_factor_used":
            factor = factors.get(who)
            if factor is None or factor["nonce"] != side["nonce"] or factor["last_step"] >= side["step"]:
                return False
            factors[who] = {**factor, "until": None, "last_step": side["step"]}
        case "recovery_codes":
            recovery[who] = frozenset(side["digests"])
        case "recovery_code_used":
            left = recovery.get(who, frozenset())
            recovery[who] = left - {side["digest"]}
            return side["digest"] in left
        case "second_factor_dropped" | "forget":
            factors.pop(who, None)
            recovery.pop(who, None)
    return True


class MemoryKeys:
    """The Keyring port in memory."""

    def __init__(self) -> None:
        self.keys: dict[UUID, bytes] = {}
        self.erased: set[UUID] = set()

    def seal(self, subject: UUID, plaintext: bytes, about: bytes) -> Sealed:
        nonce = os.urandom(12)
        fresh = AESGCM.generate_key(256)
        key = fresh if subject in self.erased else self.keys.setdefault(subject, fresh)
        return Sealed(1, nonce, AESGCM(key).encrypt(nonce, plaintext, about))

    def open(self, subject: UUID, sealed: Sealed, about: bytes) -> bytes | None:
        key = self.keys.get(subject)
        return AESGCM(key).decrypt(sealed.nonce, sealed.ciphertext, about) if key else None

    def erase(self, subject: UUID) -> None:
        self.keys.pop(subject, None)
        self.erased.add(subject)


class MemorySecrets:
    """The Secrets port in memory, over the side rows of a MemoryLedger."""

    def __init__(self, ledger: MemoryLedger, sides: list[Mapping[str, Any]]) -> None:
        self._ledger = ledger
        self._sides = sides

    def person_of(self, email: str) -> UUID | None:
        person = self._ledger.taken.get(_digest(email))
        return UUID(person) if person else None

    def claim_email(self, email: str, person_id: UUID) -> None:
        self._sides.append({"kind": "email", "digest": _digest(email), "person_id": str(person_id)})

    def move_email(self, email: str, person_id: UUID) -> None:
        self._sides.append({"kind": "email_moved", "digest": _digest(email), "person_id": str(person_id)})

    def has_avatar_name(self, name: str) -> bool:
        return name in self._ledger.taken

    def claim_avatar_name(self, name: str, person_id: UUID) -> None:
        self._sides.append({"kind": "avatar_name", "name": name, "person_id": str(person_id)})

    def set_password(self, person_id: UUID, password: str, about: Iterable[Personal[str]]) -> None:
        refuse_common(password, about)
        salted = os.urandom(16) + password.encode()
        self._sides.append(
            {"kind": "password", "person_id": str(person_id), "hash": hashlib.sha256(salted).hexdigest()}
        )

    def sessions_of(self, person_id: UUID) -> Sequence[UUID]:
        return [id for id, person in reversed(self._ledger.sessions.items()) if person == person_id]

    def every_session_of(self, person_id: UUID) -> Sequence[UUID]:
        ids = self.sessions_of(person_id)
        self._sides.append({"kind": "sessions_listed", "person_id": str(person_id), "ids": [*map(str, ids)]})
        return ids

    def begin_session(self, id: UUID, person_id: UUID, organization_id: UUID, refresh: str) -> None:
        self._sides.append({"kind": "session", "id": id, "person_id": person_id})

    def move_session(self, id: UUID, organization_id: UUID) -> None:
        self._sides.append({"kind": "session_moved", "id": id})

    def end_session(self, id: UUID) -> None:
        self._sides.append({"kind": "session_ended", "id": id})

    def hold_registration(self, registration: Registration, now: datetime, until: datetime) -> None:
        person_id = str(registration.person_id)
        self._sides.append({"kind": "registration", "person_id": person_id, "registration": registration})

    def registration(self, person_id: UUID) -> Registration | None:
        return self._ledger.registrations.get(str(person_id))

    def end_registration(self, person_id: UUID) -> None:
        self._sides.append(registrations.over(person_id))

    def open_link(self, purpose: Purpose, subject: UUID, number: int, now: datetime, until: datetime) -> None:
        self._sides.append(links.opened(LINK_KEY, purpose, subject, number, now, until))

    def link(self, purpose: Purpose, token: str) -> Link | None:
        found = self._ledger.links.get(bearer.digest(token).hex())
        if found is None or found["purpose"] != purpose:
            return None
        return Link(subject=UUID(found["subject"]), expires_at=datetime.fromisoformat(found["expires_at"]))

    def use_link(self, token: str) -> None:
        self._sides.append(links.used(token))

    def close_links(self, purpose: Purpose, subject: UUID) -> None:
        self._sides.append(links.closed(purpose, subject))

    def open_api_token(
        self, digest: str, token_id: UUID, organization_id: UUID, owner_id: UUID, until: datetime
    ) -> None:
        self._sides.append(api_tokens.opened(digest, token_id, organization_id, owner_id, until))

    def close_api_token(self, token_id: UUID) -> None:
        self._sides.append(api_tokens.closed(token_id))

    def api_tokens_of(self, organization_id: UUID | None, owner_id: UUID) -> list[UUID]:
        theirs = [each for each in self._ledger.api_tokens.values() if each["subject"] == str(owner_id)]
        at = {each["organization_id"] for each in theirs} if organization_id is None else {str(organization_id)}
        return [UUID(each["token_id"]) for each in theirs if each["organization_id"] in at]

    def every_api_token_of(self, organization_id: UUID | None, owner_id: UUID) -> list[UUID]:
        ids = self.api_tokens_of(organization_id, owner_id)
        self._sides.append(api_tokens.listed(organization_id, owner_id, ids))
        return ids

    def open_invitation(
        self, invitation_id: UUID, email: str, target_id: UUID, organization_id: UUID, inviter_id: UUID, until: datetime
    ) -> None:
        hashed = Invitations(None, lambda email: bytes.fromhex(_digest(email)))  # type: ignore[arg-type]
        self._sides.append(hashed.opened(invitation_id, email, target_id, organization_id, inviter_id, until))

    def extend_invitation(self, invitation_id: UUID, until: datetime) -> None:
        self._sides.append(invitation.extended(invitation_id, until))

    def close_invitation(self, invitation_id: UUID) -> None:
        self._sides.append(invitation.closed(invitation_id))

    def invitation_to(self, target_id: UUID, email: str) -> UUID | None:
        return next(iter(self._pending(target_id=str(target_id), digest=_digest(email))), None)

    def invitations_to(self, person_id: UUID) -> list[UUID]:
        addresses = [digest for digest, person in self._ledger.taken.items() if person == str(person_id)]
        return [id for digest in addresses for id in self._pending(digest=digest)]

    def invitations_by(self, person_id: UUID) -> list[UUID]:
        return self._pending(inviter_id=str(person_id))

    def invitations_into(self, target_id: UUID) -> list[UUID]:
        return self._pending(target_id=str(target_id))

    def addresses_invited(self, organization_id: UUID, beside: str) -> int:
        pending = self._ledger.invitations.values()
        of = {each["digest"] for each in pending if each["organization_id"] == str(organization_id)}
        return len(of - {_digest(beside)})

    def _pending(self, **like: str) -> list[UUID]:
        rows = self._ledger.invitations.items()
        return [UUID(id) for id, row in rows if all(row[name] == value for name, value in like.items())]

    def forget(self, person_id: UUID) -> None:
        self._sides.append({"kind": "forget", "person_id": str(person_id)})

    def offer_second_factor(self, person_id: UUID, until: datetime) -> None:
        offered = {"person_id": str(person_id), "nonce": os.urandom(12).hex(), "until": until}
        self._sides.append({"kind": "second_factor_offered", **offered})

    def confirm_second_factor(self, person_id: UUID, code: str, now: datetime) -> bool:
        factor = self._ledger.factors.get(str(person_id))
        if factor is None or factor["until"] is None or factor["until"] <= now:
            return False
        return self._use(person_id, factor, code, now)

    def use_code(self, person_id: UUID, code: str, now: datetime) -> Means | None:
        factor = self._ledger.factors.get(str(person_id))
        if factor is None or factor["until"] is not None:
            return None
        if self._use(person_id, factor, code, now):
            return Means.TOTP
        given = _recovery_digest(code)
        if given.hex() not in self._ledger.recovery.get(str(person_id), ()):
            return None
        self._sides.append(second_factors.recovery_used(person_id, given))
        return Means.RECOVERY_CODE

    def _use(self, person_id: UUID, factor: Mapping[str, Any], code: str, now: datetime) -> bool:
        step = second_factors.step_of(secret_of(person_id), second_factors.plain(code), now, factor["last_step"])
        if step:
            self._sides.append(second_factors.used(person_id, bytes.fromhex(factor["nonce"]), step))
        return step is not None

    def keep_recovery_codes(self, person_id: UUID, codes: Sequence[str]) -> None:
        digests = [_recovery_digest(code).hex() for code in codes]
        self._sides.append({"kind": "recovery_codes", "person_id": str(person_id), "digests": digests})

    def drop_second_factor(self, person_id: UUID) -> None:
        self._sides.append(second_factors.dropped(person_id))


def secret_of(person_id: UUID) -> bytes:
    """The same however often one is offered: the double needs none to be hard to guess."""
    return hashlib.sha1(person_id.bytes).digest()


def shown(person_id: UUID, now: datetime, steps: int = 0) -> str:
    """By somebody's authenticator, whose clock goes wrong by so many steps."""
    return second_factors.code_at(secret_of(person_id), int(now.timestamp()) // second_factors.SECONDS + steps).decode()


def _recovery_digest(code: str) -> bytes:
    return hashlib.sha256(second_factors.plain(code).encode()).digest()


def link_token(purpose: Purpose, subject: UUID, number: int) -> str:
    """What somebody finds in a mail."""
    return links.token(LINK_KEY, purpose, subject, number)


def _digest(email: str) -> str:
    return hashlib.sha256(normalised(email).encode()).hexdigest()


class Trained:
    """The Trainings port: whatever was asked for in a MemoryLedger."""

    def __init__(self, ledger: MemoryLedger, mapper: Mapper) -> None:
        self._ledger = ledger
        self._mapper = mapper

    def unfinished(self, of: UUID) -> int:
        stored = [row.stored for row in self._ledger.rows]
        over = {each.originator_id for each in stored if each.topic in ENDS}
        asked = [self._mapper.decode(each)[0] for each in stored if each.topic == "training_job.requested"]
        jobs = {
            each.originator_id
            for each in asked
            if isinstance(each, TrainingJob.Requested) and of in (each.project_id, each.dataset_id)
        }
        return len(jobs - over)


@dataclass
class PreparedContents:
    """The Contents port with uploads that were prepared by hand; one without images is prepared as nothing."""

    uploads: dict[tuple[UUID, UUID, UUID], Prepared | None] = field(default_factory=dict)

    def offer(self, upload_id: UUID, dataset_id: UUID, organization_id: UUID, prepared: Prepared | None) -> None:
        self.uploads[upload_id, dataset_id, organization_id] = prepared

    def prepare(self, upload_id: UUID, dataset_id: UUID, organization_id: UUID, *, strict: bool) -> Prepared:
        upload = (upload_id, dataset_id, organization_id)
        if upload not in self.uploads:
            raise NotFound(f"there is no upload {upload_id} into this dataset")
        prepared = self.uploads[upload]
        if prepared is None:
            raise Invalid("there are no images in this upload")
        return prepared

    def split(
        self,
        organization_id: UUID,
        content: Content,
        method: SplitMethod,
        ratios: Ratios,
        seed: int,
        groups: Rule | None = None,
    ) -> Split:
        shares = {side: share for side, share in ratios if share}
        if content.images < len(shares):
            raise Invalid(f"{len(shares)} sides need as many images that differ; there are {content.images}")
        counts = {"val": round(content.images * ratios.val), "test": round(content.images * ratios.test)}
        said = f"{content.root} {method} {ratios} {seed} {groups}"
        return Split(
            sha256=hashlib.sha256(said.encode()).hexdigest(),
            tables=hashlib.sha256(f"tables of {said}".encode()).hexdigest(),
            grouped=Grouped(rule=groups, groups=content.images, alone=0) if groups else None,
            root=content.root,
            method=method,
            ratios=ratios,
            seed=seed,
            train=content.images - sum(counts.values()),
            **counts,
        )


@dataclass
class FewPlaces:
    """The Subscribers port in memory."""

    places: int = PLACES
    taken: set[UUID] = field(default_factory=set)

    def take(self, organization_id: UUID, service_account_id: UUID, since: SubscriptionStart, *, anew: bool) -> None:
        if len(self.taken - {service_account_id}) >= self.places:
            raise BusIsFull("every place is taken")
        self.taken.add(service_account_id)


class Room:
    """The Places port of a platform where nothing ever ends: so many jobs of an organization, and no more."""

    def __init__(self, limit: int = 1_000) -> None:
        self.limit = limit
        self._taken: dict[UUID, set[UUID]] = {}

    def take(self, organization_id: UUID, job_id: UUID) -> None:
        taken = self._taken.setdefault(organization_id, set())
        if len(taken - {job_id}) >= self.limit:
            raise OrganizationIsBusy("there is no place")
        taken.add(job_id)


class Used:
    """The Usage port of a platform that is told which stretches of time were spent on a GPU."""

    def __init__(self) -> None:
        self.on_gpus: list[tuple[UUID, datetime, datetime | None]] = []

    def gpu_hours(self, organization_id: UUID, since: datetime, until: datetime) -> float:
        spent = [
            min(ended or until, until) - max(begun, since)
            for organization, begun, ended in self.on_gpus
            if organization == organization_id
        ]
        return sum(max(0.0, each.total_seconds()) for each in spent) / 3600


TINY: Final = TrainableModel(
    name="tiny",
    task=Task.DETECTION,
    metric="map50",
    parameters=(
        Parameter(name="epochs", type="integer", default=3, min=1, max=10_000),
        Parameter(name="rate", type="number", default=0.1, min=0, max=1),
        Parameter(name="augment", type="boolean", default=True),
        Parameter(name="optimizer", type="string", default="adamw", choices=("adamw", "sgd")),
    ),
)


class OneTrainer(ReportedTrainers):
    """The Trainers port of a platform whose only trainer knows one model: the real rules over a report in memory."""

    def __init__(self, gpus: int = 1) -> None:
        """Without a database."""
        self.gpus = gpus

    def have_gpus(self, framework: str) -> bool:
        return self.gpus > 0 and framework in self.all()

    def all(self) -> dict[str, tuple[TrainableModel, ...]]:
        return {"timm": (TINY,)}
