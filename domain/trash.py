"""What can be thrown away: into the trash first, from where it comes back, and for good after that."""

from datetime import datetime, timedelta
from typing import Final

from domain.errors import Refused
from domain.model import Aggregate, Event

IN_THE_TRASH: Final = timedelta(days=30)


class IsDeleted(Refused):
    """It is in the trash."""


class IsPurged(Refused):
    """It is gone for good; its history stays."""


class IsNotDeleted(Refused):
    """What is to go for good is in the trash before."""


class NameIsAnother(Refused):
    """Whoever purges a thing names it, so that nothing goes for good by mistake."""


class IsInUse(Refused):
    """Trainings that are not over need it."""


class Disposable(Aggregate):
    """An aggregate with a name and a trash.

    Its first event must call `begin_kept`; a subclass gives each event below a TOPIC of its own.
    """

    class Deleted(Event):
        """Into the trash: from `purge_at` on it goes for good, until then it can come back."""

        purge_at: datetime

        def apply(self, aggregate: "Disposable") -> None:
            aggregate.purge_at = self.purge_at

    class Undeleted(Event):
        def apply(self, aggregate: "Disposable") -> None:
            aggregate.purge_at = None

    class Purged(Event):
        """What it held is freed from now on, where nothing else holds it."""

        def apply(self, aggregate: "Disposable") -> None:
            aggregate.purged = True

    name: str
    purge_at: datetime | None
    purged: bool

    def begin_kept(self) -> None:
        self.purge_at = None
        self.purged = False

    @property
    def _called(self) -> str:
        return f"{self.TOPIC} {self.name!r}"

    def must_be_there(self) -> None:
        """Raises IsDeleted, IsPurged."""
        self.must_be_kept()
        if self.purge_at is not None:
            raise IsDeleted(f"{self._called} is in the trash; take it out first (`undelete`)")

    def must_be_kept(self) -> None:
        """Raises IsPurged."""
        if self.purged:
            raise IsPurged(f"{self._called} was purged; what it held is gone, and its history stays")

    def delete(self, purge_at: datetime, now: datetime) -> None:
        self.must_be_kept()
        if self.purge_at is None:
            self.trigger_event(self.Deleted, purge_at=purge_at, timestamp=now)

    def undelete(self, now: datetime) -> None:
        self.must_be_kept()
        if self.purge_at is not None:
            self.trigger_event(self.Undeleted, timestamp=now)

    def purge(self, name: str, now: datetime) -> None:
        """Before its time, by whoever names it. Raises IsNotDeleted, NameIsAnother."""
        self._must_be_deleted()
        if name != self.name:
            raise NameIsAnother(f"its name is another; repeat it exactly to purge {self.TOPIC} {self.id}")
        self._purge(now)

    def is_due(self, now: datetime) -> bool:
        """Whether it has lain in the trash for its time."""
        return self.purge_at is not None and self.purge_at <= now

    def purge_in_time(self, now: datetime) -> None:
        """Raises IsNotDeleted."""
        if self._must_be_deleted() > now:
            raise IsNotDeleted(f"{self._called} stays in the trash until {self.purge_at}")
        self._purge(now)

    def purge_now(self, now: datetime) -> None:
        """Where what held it has ended. Raises IsNotDeleted."""
        self._must_be_deleted()
        self._purge(now)

    def _must_be_deleted(self) -> datetime:
        if self.purge_at is None:
            raise IsNotDeleted(f"{self._called} is not in the trash; delete it first")
        return self.purge_at

    def _purge(self, now: datetime) -> None:
        if not self.purged:
            self.trigger_event(self.Purged, timestamp=now)
