"""What every command does that follows a link out of a mail."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from pydantic import SecretStr

from commands.ports import Link, Purpose, Secrets
from domain.errors import Refused
from domain.person import Person

VERIFIED_WITHIN: Final = timedelta(days=1)


class LinkIsOver(Refused):
    pass


def follow_link(secrets: Secrets, purpose: Purpose, token: str, now: datetime) -> UUID:
    """What the link is for; it is used up with this command. Raises LinkIsOver."""
    link = secrets.link(purpose, token)
    if link is None:
        raise LinkIsOver("this link was used already, or what it was for is over")
    must_be_in_time(link, now)
    secrets.use_link(token)
    return link.subject


def must_be_in_time(link: Link, now: datetime) -> None:
    """Raises LinkIsOver."""
    if link.expires_at <= now:
        raise LinkIsOver("this link is too old; ask for another")


def follow_own_link(secrets: Secrets, purpose: Purpose, token: SecretStr, person_id: UUID, now: datetime) -> None:
    """Of a link that is about the person who acts. Raises LinkIsOver."""
    if follow_link(secrets, purpose, token.get_secret_value(), now) != person_id:
        raise LinkIsOver("this link is for somebody else")


def ask_to_verify(secrets: Secrets, person: Person, now: datetime) -> None:
    """A link for the letter that is written on the person's last event. Those that were sent before stay good."""
    secrets.open_link(Purpose.VERIFICATION, person.id, person.version, now, now + VERIFIED_WITHIN)
