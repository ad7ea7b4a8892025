"""Doubles for ports that are ours; each runs the same contract suite as the real part."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from commands.ports import Prepared
from domain.dataset import Content, Ratios, Split, SplitMethod, Task
from domain.errors import Invalid
from domain.training import OrganizationIsBusy
from infra.keys import Sealed
from infra.ledger import Append, Head, Row, Verdict
from infra.mapper import LARGEST_STATE, Stored


class MemoryLedger:
    """The Ledger port in memory: the same verdicts, without a chain worth the name."""

    def __init__(self, ledger: UUID) -> None:
        self.ledger = ledger
        self.rows: list[Row] = []
        self.commands: dict[UUID, Verdict] = {}
        self.taken: dict[str, str] = {}

    def append(self, commands: Sequence[Append]) -> list[Verdict]:
        return [self._judge(command) for command in commands]

    def events_of(self, id: UUID) -> list[Stored]:
        return [row.stored for row in self.rows if row.stored.originator_id == id]

    def command(self, id: UUID) -> Verdict | None:
        return self.commands.get(id)

    def read(self, after: int, limit: int) -> list[Row]:
        return self.rows[after : after + limit]

    def head(self) -> Head:
        return Head(self.ledger, 1, len(self.rows), self._chain())

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
        emails = {side["digest"]: side["person_id"] for side in command.sides if side["kind"] == "email"}
        if emails.keys() & self.taken.keys():
            return self._refuse("taken", command)
        self.taken |= emails
        for event in command.events:
            position = len(self.rows) + 1
            self.rows.append(Row(position, datetime.now(UTC), position.to_bytes(32, "big"), event))
        verdict = Verdict("repeated", len(self.rows), self._chain(), command.fingerprint, command.result)
        self.commands[command.command_id] = verdict
        return verdict._replace(verdict="accepted", fingerprint=None)

    def _refuse(self, verdict: Any, command: Append) -> Verdict:
        return Verdict(verdict, len(self.rows), self._chain(), None, command.result)

    def _chain(self) -> bytes:
        return len(self.rows).to_bytes(32, "big")


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
        person = self._ledger.taken.get(email.casefold())
        return UUID(person) if person else None

    def claim_email(self, email: str, person_id: UUID) -> None:
        self._sides.append({"kind": "email", "digest": email.casefold(), "person_id": str(person_id)})

    def set_password(self, person_id: UUID, password: str) -> None:
        self._sides.append({"kind": "password", "person_id": str(person_id), "hash": "hashed"})


class PreparedContents:
    """The Contents port with uploads that were prepared by hand."""

    def __init__(self) -> None:
        self.uploads: dict[UUID, Prepared] = {}

    def prepare(self, upload_id: UUID, dataset_id: UUID, organization_id: UUID, *, strict: bool) -> Prepared:
        if upload_id not in self.uploads:
            raise Invalid("there are no images in this upload")
        return self.uploads[upload_id]

    def split(self, organization_id: UUID, content: Content, method: SplitMethod, ratios: Ratios, seed: int) -> Split:
        test = round(content.images * ratios.test)
        val = round(content.images * ratios.val)
        return Split(
            sha256=f"{seed:064x}",
            root=content.root,
            method=method,
            ratios=ratios,
            seed=seed,
            train=content.images - val - test,
            val=val,
            test=test,
        )


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


class OneTrainer:
    """The Trainers port of a platform whose only trainer knows one model, `tiny`."""

    def check(
        self, framework: str, model: str, task: Task, parameters: Mapping[str, bool | int | float | str]
    ) -> dict[str, bool | int | float | str]:
        if (framework, model) != ("timm", "tiny"):
            raise Invalid(f"unknown model {model!r} of {framework}; there is: timm tiny")
        epochs = parameters.get("epochs", 3)
        if not isinstance(epochs, int) or not 1 <= epochs <= 10_000:
            raise Invalid("epochs must be a whole number from 1 to 10000")
        return {"epochs": epochs}
