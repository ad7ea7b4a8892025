"""A person: known everywhere by one id, a member of organizations, erasable."""

from datetime import datetime
from typing import Annotated, ClassVar, Self
from uuid import UUID

from domain.errors import Refused
from domain.language import Language
from domain.model import Aggregate, Event, InitialEvent
from domain.session import Means
from domain.values import About, Count, Line, Personal, Slug


class PersonIsErased(Refused):
    pass


class ErasureIsNotAskedFor(Refused):
    pass


class AddressIsNotVerified(Refused):
    """Whoever does more than read, or is given something, is reached at the address that they gave."""


class NoOtherAddressIsWished(Refused):
    pass


class Person(Aggregate):
    """Events name the organization where they were asked for, or where it began: the first of `organizations`."""

    TOPIC: ClassVar[str] = "person"

    class Registered(InitialEvent):
        TOPIC: ClassVar[str] = "person.registered"
        email: Annotated[Personal[Line], About("originator_id")]
        full_name: Annotated[Personal[Line], About("originator_id")]
        avatar_name: Slug
        organization_id: UUID

        def apply(self, aggregate: "Person") -> None:
            aggregate.organizations = [self.organization_id]
            aggregate.operator = False
            aggregate.erased = False
            aggregate.erasure_due_at = None
            aggregate.email, aggregate.full_name = self.email, self.full_name
            aggregate.language = Language.ENGLISH
            aggregate.verified = False
            aggregate.wished_email = aggregate.wished_at = None
            aggregate.password_version = self.originator_version

    class Joined(Event):
        """Came into another organization than those that the person was in at any time before."""

        TOPIC: ClassVar[str] = "person.joined"
        organization_id: UUID

        def apply(self, aggregate: "Person") -> None:
            aggregate.organizations = [*aggregate.organizations, self.organization_id]

    class SignedIn(Event):
        TOPIC: ClassVar[str] = "person.signed_in"
        organization_id: UUID

    class Renamed(Event):
        """By the person, where they are signed in; or by whoever manages members, where the person began."""

        TOPIC: ClassVar[str] = "person.renamed"
        organization_id: UUID
        full_name: Annotated[Personal[Line], About("originator_id")]

        def apply(self, aggregate: "Person") -> None:
            aggregate.full_name = self.full_name

    class ErasureRequested(Event):
        """Until it is due, the person may stay after all."""

        TOPIC: ClassVar[str] = "person.erasure_requested"
        organization_id: UUID
        due_at: datetime

        def apply(self, aggregate: "Person") -> None:
            aggregate.erasure_due_at = self.due_at

    class ErasureCancelled(Event):
        TOPIC: ClassVar[str] = "person.erasure_cancelled"
        organization_id: UUID

        def apply(self, aggregate: "Person") -> None:
            aggregate.erasure_due_at = None

    class Erased(Event):
        """From this position on, what is personal about the person is nowhere; the organization is where it began."""

        TOPIC: ClassVar[str] = "person.erased"
        organization_id: UUID

        def apply(self, aggregate: "Person") -> None:
            aggregate.erased = True
            aggregate.operator = False
            aggregate.erasure_due_at = None

    class OperatorAppointed(Event):
        """Of the platform: sees all organizations and their use. The organization is where the person began."""

        TOPIC: ClassVar[str] = "person.operator_appointed"
        organization_id: UUID

        def apply(self, aggregate: "Person") -> None:
            aggregate.operator = True

    class OperatorDismissed(Event):
        TOPIC: ClassVar[str] = "person.operator_dismissed"
        organization_id: UUID

        def apply(self, aggregate: "Person") -> None:
            aggregate.operator = False

    class LanguageChosen(Event):
        TOPIC: ClassVar[str] = "person.language_chosen"
        organization_id: UUID
        language: Annotated[Personal[Language], About("originator_id")]

        def apply(self, aggregate: "Person") -> None:
            aggregate.language = self.language

    class VerificationRequested(Event):
        TOPIC: ClassVar[str] = "person.verification_requested"
        organization_id: UUID

    class EmailVerified(Event):
        """Somebody who reads the mail to this address says that it is the person's."""

        TOPIC: ClassVar[str] = "person.email_verified"
        organization_id: UUID

        def apply(self, aggregate: "Person") -> None:
            aggregate.verified = True

    class EmailChangeRequested(Event):
        """A link goes to the address that is wished for; the one of before is the person's until it is followed."""

        TOPIC: ClassVar[str] = "person.email_change_requested"
        organization_id: UUID
        email: Annotated[Personal[Line], About("originator_id")]

        def apply(self, aggregate: "Person") -> None:
            aggregate.wished_email, aggregate.wished_at = self.email, self.organization_id

    class EmailChanged(Event):
        """Somebody who reads the mail to the new address wishes it; a notice goes to the one of before."""

        TOPIC: ClassVar[str] = "person.email_changed"
        organization_id: UUID
        email: Annotated[Personal[Line], About("originator_id")]
        previous: Annotated[Personal[Line], About("originator_id")]

        def apply(self, aggregate: "Person") -> None:
            aggregate.email, aggregate.wished_email, aggregate.wished_at = self.email, None, None
            aggregate.verified = True

    class PasswordResetRequested(Event):
        """Somebody without the password says that it is theirs; a link to set another goes to the address."""

        TOPIC: ClassVar[str] = "person.password_reset_requested"
        organization_id: UUID

    class SignInsFailed(Event):
        """In one hour, by these means, somebody did not show that they are the person. From where is not kept."""

        TOPIC: ClassVar[str] = "person.sign_ins_failed"
        organization_id: UUID
        means: Means
        failures: Count
        first_at: datetime
        last_at: datetime

    class PasswordChanged(Event):
        """What was given for the old one is worth nothing any more."""

        TOPIC: ClassVar[str] = "person.password_changed"
        organization_id: UUID

        def apply(self, aggregate: "Person") -> None:
            aggregate.password_version = self.originator_version

    organizations: list[UUID]
    email: Personal[Line]
    wished_email: Personal[Line] | None
    wished_at: UUID | None  # in which organization that was asked for
    full_name: Personal[Line]
    verified: bool
    language: Personal[Language]
    operator: bool
    erased: bool
    erasure_due_at: datetime | None
    password_version: int
    """The place in this history where the password was set that is good."""

    @classmethod
    def register(
        cls, id: UUID, email: str, full_name: str, avatar_name: str, organization_id: UUID, now: datetime
    ) -> Self:
        return cls._create(
            cls.Registered,
            id=id,
            email=email,
            full_name=full_name,
            avatar_name=avatar_name,
            organization_id=organization_id,
            timestamp=now,
        )

    def rename(self, full_name: str, organization_id: UUID, now: datetime) -> None:
        self.must_be_somebody()
        if full_name != self.full_name:
            self._happened(self.Renamed, now, organization_id, full_name=full_name)

    def join(self, organization_id: UUID, now: datetime) -> None:
        self.must_be_somebody()
        if organization_id not in self.organizations:
            self._happened(self.Joined, now, organization_id)

    def become_operator(self, now: datetime) -> None:
        self.must_be_somebody()
        if not self.operator:
            self._happened(self.OperatorAppointed, now)

    def stop_being_operator(self, now: datetime) -> None:
        if self.operator:
            self._happened(self.OperatorDismissed, now)

    def request_erasure(self, organization_id: UUID, due_at: datetime, now: datetime) -> None:
        self.must_be_somebody()
        if self.erasure_due_at is None:
            self.trigger_event(self.ErasureRequested, organization_id=organization_id, due_at=due_at, timestamp=now)

    def cancel_erasure(self, organization_id: UUID, now: datetime) -> None:
        if self.erasure_due_at is None:
            raise ErasureIsNotAskedFor("nobody has asked to erase this account")
        self.trigger_event(self.ErasureCancelled, organization_id=organization_id, timestamp=now)

    def erase(self, now: datetime) -> None:
        self.must_be_somebody()
        self._happened(self.Erased, now)

    def choose_language(self, language: Language, organization_id: UUID, now: datetime) -> None:
        self.must_be_somebody()
        if language != self.language:
            self._happened(self.LanguageChosen, now, organization_id, language=language)

    def request_verification(self, now: datetime) -> None:
        self.must_be_somebody()
        if not self.verified:
            self._happened(self.VerificationRequested, now)

    def verify_email(self, now: datetime) -> None:
        self.must_be_somebody()
        if not self.verified:
            self._happened(self.EmailVerified, now)

    def request_email_change(self, email: str, organization_id: UUID, now: datetime) -> None:
        self.must_be_somebody()
        self._happened(self.EmailChangeRequested, now, organization_id, email=email)

    def change_email(self, now: datetime) -> None:
        self.must_be_somebody()
        if self.wished_email is None:
            raise NoOtherAddressIsWished("nobody has asked for another address of this account")
        self._happened(self.EmailChanged, now, self.wished_at, email=self.wished_email, previous=self.email)

    def must_be_verified(self) -> None:
        if not self.verified:
            raise AddressIsNotVerified(
                "the address of this account is not verified; follow the link that was sent there, or have "
                "another sent (`vistory email resend EMAIL`)"
            )

    def request_password_reset(self, now: datetime) -> None:
        self.must_be_somebody()
        self._happened(self.PasswordResetRequested, now)

    def change_password(self, now: datetime) -> None:
        self.must_be_somebody()
        self._happened(self.PasswordChanged, now)

    def note_failed_sign_ins(
        self, means: Means, failures: int, first_at: datetime, last_at: datetime, now: datetime
    ) -> None:
        self.must_be_somebody()
        self._happened(self.SignInsFailed, now, means=means, failures=failures, first_at=first_at, last_at=last_at)

    def must_be_somebody(self) -> None:
        if self.erased:
            raise PersonIsErased("this person was erased")

    def _happened(self, kind: type[Event], now: datetime, at: UUID | None = None, **data: object) -> None:
        """In the organization that it was asked for in; where nobody was signed in, where the person began."""
        self.trigger_event(kind, organization_id=at or self.organizations[0], timestamp=now, **data)
