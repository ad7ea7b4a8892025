"""What the handlers need from outside, in their own words."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar
from uuid import UUID

from domain.content import Content, Ratios, Split, SplitMethod, Task
from domain.groups import Rule
from domain.language import Language
from domain.model import Aggregate
from domain.service_account import SubscriptionStart
from domain.session import Means
from domain.values import Line, Name, Personal, Slug, Value

A = TypeVar("A", bound=Aggregate)


class Accepted(Value):
    """A command's answer: what it made or changed, and the place in the ledger that it reached.

    `position` and `chain` (SHA-256, hex) are a receipt: whoever keeps them can tell whether history was edited.
    """

    id: UUID
    ledger: UUID
    position: int
    chain: str


class Store(Protocol):
    """The aggregates as one command sees them; everything read is asserted unchanged when it saves."""

    def get(self, kind: type[A], id: UUID) -> A:
        """Raises NotFound where there is none inside the actor's wall."""
        ...

    def find(self, kind: type[A], id: UUID) -> A | None: ...

    def is_verified(self, person_id: UUID) -> bool: ...

    def look_ahead(self, *ids: UUID) -> None:
        """What will be got or found of these comes in one reading; nothing else is changed by it."""
        ...

    def note(self, id: UUID) -> Accepted:
        """What the command writes beside events, where it records none; the answer has this id. Raises Conflict."""
        ...

    def save(self, first: Aggregate, *others: Aggregate, on_behalf_of: Mapping[UUID, UUID] | None = None) -> Accepted:
        """One append, all or nothing. The first aggregate names the answer's id. Raises Conflict.

        `on_behalf_of`: by aggregate, the person on whose rights it rests what happens to it, if that is not who acts.
        """
        ...


class Registration(Value):
    """What somebody gave who asked for an account and has not proven the address yet."""

    person_id: UUID
    email: Line
    full_name: Name
    avatar_name: Slug
    company: Name
    division: Name
    language: Language


class Purpose(StrEnum):
    """What a one-use link is good for."""

    VERIFICATION = "verification"
    EMAIL_CHANGE = "email_change"
    REGISTRATION = "registration"
    PASSWORD_RESET = "password_reset"
    INVITATION = "invitation"


class Link(Value):
    """Whom or what it is about, by id."""

    subject: UUID
    expires_at: datetime


class Secrets(Protocol):
    """What may never be an event. Writes become part of the command's append."""

    def person_of(self, email: str) -> UUID | None: ...

    def claim_email(self, email: str, person_id: UUID) -> None: ...

    def move_email(self, email: str, person_id: UUID) -> None:
        """The one address of a person from here on."""
        ...

    def has_avatar_name(self, name: str) -> bool:
        """Whether somebody goes, or went, by it."""
        ...

    def claim_avatar_name(self, name: str, person_id: UUID) -> None:
        """With this command, which is a lost race where another one claimed it meanwhile."""
        ...

    def set_password(self, person_id: UUID, password: str, about: Iterable[Personal[str]]) -> None:
        """`about` is what is known of the person, and so counts for nothing in one. Raises PasswordIsCommon."""
        ...

    def hold_registration(self, registration: Registration, now: datetime, until: datetime) -> None:
        """Sealed, until it is completed or dropped."""
        ...

    def registration(self, person_id: UUID) -> Registration | None:
        """What is held; None where nothing is, or nobody can read it any more."""
        ...

    def end_registration(self, person_id: UUID) -> None: ...

    def open_link(self, purpose: Purpose, subject: UUID, number: int, now: datetime, until: datetime) -> None:
        """Whoever sends it makes its token from purpose, subject and number, which never come together twice."""
        ...

    def link(self, purpose: Purpose, token: str) -> Link | None:
        """What a token is for, also where it is too old by now."""
        ...

    def use_link(self, token: str) -> None:
        """With this command, which is a lost race where another one used or closed it meanwhile."""
        ...

    def close_links(self, purpose: Purpose, subject: UUID) -> None:
        """None that was sent before is good any more."""
        ...

    def open_invitation(
        self, invitation_id: UUID, email: str, target_id: UUID, organization_id: UUID, inviter_id: UUID, until: datetime
    ) -> None:
        """A lost race where another one is pending to the same address and target."""
        ...

    def extend_invitation(self, invitation_id: UUID, until: datetime) -> None: ...

    def close_invitation(self, invitation_id: UUID) -> None:
        """It is over: its address is forgotten here at once, and the key that sealed it is destroyed soon."""
        ...

    def invitation_to(self, target_id: UUID, email: str) -> UUID | None:
        """The pending one."""
        ...

    def invitations_to(self, person_id: UUID) -> Sequence[UUID]:
        """Those that are pending to any address of the person."""
        ...

    def invitations_by(self, person_id: UUID) -> Sequence[UUID]:
        """Those that the person sent, and that are pending."""
        ...

    def invitations_into(self, target_id: UUID) -> Sequence[UUID]:
        """Those that are pending."""
        ...

    def addresses_invited(self, organization_id: UUID, beside: str) -> int:
        """How many addresses, beside one, have an invitation of the organization that is pending."""
        ...

    def open_api_token(
        self, digest: str, token_id: UUID, organization_id: UUID, owner_id: UUID, until: datetime
    ) -> None: ...

    def close_api_token(self, token_id: UUID) -> None:
        """Whoever carries it is unknown from then on."""
        ...

    def api_tokens_of(self, organization_id: UUID | None, owner_id: UUID) -> Sequence[UUID]:
        """Those that were opened and not closed since, in one organization or, where none is named, in any."""
        ...

    def every_api_token_of(self, organization_id: UUID | None, owner_id: UUID) -> Sequence[UUID]:
        """As `api_tokens_of`; where there is another before this is saved, it is not (Conflict)."""
        ...

    def offer_second_factor(self, person_id: UUID, until: datetime) -> None:
        """A fresh secret, in place of one that was offered before."""
        ...

    def confirm_second_factor(self, person_id: UUID, code: str, now: datetime) -> bool:
        """Whether the code is of the secret that is offered, which is then good from here on, and the code used up."""
        ...

    def use_code(self, person_id: UUID, code: str, now: datetime) -> Means | None:
        """What a good code is; with this command it is used up, a lost race where another one used it meanwhile."""
        ...

    def keep_recovery_codes(self, person_id: UUID, codes: Sequence[str]) -> None:
        """In place of all that there were before."""
        ...

    def drop_second_factor(self, person_id: UUID) -> None:
        """With its recovery codes."""
        ...

    def forget(self, person_id: UUID) -> None:
        """All that is kept here of a person: addresses, password, whatever lets it in."""
        ...

    def sessions_of(self, person_id: UUID) -> Sequence[UUID]:
        """Those that are alive, the one that was used last first."""
        ...

    def every_session_of(self, person_id: UUID) -> Sequence[UUID]:
        """As `sessions_of`; where another has begun before this is saved, it is not (Conflict)."""
        ...

    def begin_session(self, id: UUID, person_id: UUID, organization_id: UUID, refresh: str) -> None:
        """`refresh` is the SHA-256 of its first refresh token, in hex."""
        ...

    def move_session(self, id: UUID, organization_id: UUID) -> None: ...

    def end_session(self, id: UUID) -> None:
        """Its tokens are good for nothing from here on."""
        ...


class Prepared(Value):
    """An upload, read and stored, ready to become a revision."""

    content: Content
    report: str
    base: str | None
    split: Split | None


class Contents(Protocol):
    """Dataset content: uploads, manifests, splits."""

    def prepare(self, upload_id: UUID, dataset_id: UUID, organization_id: UUID, *, strict: bool) -> Prepared:
        """Read what was uploaded, write manifest and report. Raises Invalid, NotFound."""
        ...

    def split(
        self,
        organization_id: UUID,
        content: Content,
        method: SplitMethod,
        ratios: Ratios,
        seed: int,
        groups: Rule | None = None,
    ) -> Split:
        """Each image is on one side, and a group is; the same seed makes the same split. Raises Invalid."""
        ...


class Places(Protocol):
    """How many trainings each organization may run at once."""

    def take(self, organization_id: UUID, job_id: UUID) -> None:
        """Raises OrganizationIsBusy."""
        ...


class Subscribers(Protocol):
    """Which places on the bus the downstream systems have."""

    def take(self, organization_id: UUID, service_account_id: UUID, since: SubscriptionStart, *, anew: bool) -> None:
        """One that has a place keeps it; it goes on where it was, or begins anew there. Raises BusIsFull."""
        ...


class Usage(Protocol):
    """What an organization has used up of what is limited."""

    def gpu_hours(self, organization_id: UUID, since: datetime, until: datetime) -> float:
        """That trainings were on a GPU between two moments, those that run now among them."""
        ...


class Trainings(Protocol):
    """The trainings that were ever asked for."""

    def unfinished(self, of: UUID) -> int:
        """How many in a project, or on a dataset, are not over, of all that were asked for before this moment."""
        ...


class Trainers(Protocol):
    """What the trainers can train, as they themselves reported it."""

    def check(
        self, framework: str, model: str, task: Task, parameters: Mapping[str, bool | int | float | str]
    ) -> dict[str, bool | int | float | str]:
        """With defaults filled in. Raises Invalid, or Refused where no such trainer has reported, and names those."""
        ...

    def have_gpus(self, framework: str) -> bool:
        """Whether the one that reported last could train on one; not where none has reported."""
        ...
