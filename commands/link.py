"""What every command does that follows a link out of a mail."""

from datetime import datetime
from uuid import UUID

from commands.ports import Purpose, Secrets
from domain.errors import Refused


class LinkIsOver(Refused):
    pass


def follow_link(secrets: Secrets, purpose: Purpose, token: str, now: datetime) -> UUID:
    """What the link is for; it is used up with this command. Raises LinkIsOver."""
    link = secrets.link(purpose, token)
    if link is None:
        raise LinkIsOver("this link was used already, or another was sent in its place")
    if link.expires_at <= now:
        raise LinkIsOver("this link is too old; ask for another")
    secrets.use_link(token)
    return link.subject
