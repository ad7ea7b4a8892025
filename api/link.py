"""What every route does that has a link sent to an address, or is given one back."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from fastapi import BackgroundTasks
from pydantic import SecretStr

from api.edge import Body, Desk
from commands.access import Command
from commands.link import LinkIsOver, must_be_in_time
from commands.ports import Purpose
from domain.credentials import Email
from domain.values import Value
from infra.delays import Act
from infra.security import SecurityEventKind

log = logging.getLogger(__name__)


class EmailOnly(Body):
    """By which address."""

    email: Email


class LetterPromise(Value):
    """The same whether somebody has this address or not."""

    status: Literal["asked"] = "asked"


def may_be_written_to(email: str, desk: Desk) -> None:
    """Raises TooManyRequests."""
    asked = desk.house.accounts.digest(email) + desk.request.url.path.encode()
    desk.house.delays.take(Act.LETTER, desk.address, asked)


def write_to(email: str, wish: Callable[[UUID], Command], desk: Desk, after: BackgroundTasks) -> LetterPromise:
    """Who has the address is looked up once this is answered, so that no clock tells. Raises TooManyRequests."""
    may_be_written_to(email, desk)
    after.add_task(_write, email, wish, desk)
    return LetterPromise()


def whose(desk: Desk, token: SecretStr, *purposes: Purpose) -> tuple[Purpose, UUID]:
    """For which of these purposes a link was sent, and whom it is about. Raises LinkIsOver, TooManyRequests."""
    for purpose in purposes:
        if link := desk.house.links.find(purpose, token.get_secret_value()):
            must_be_in_time(link, datetime.now(UTC))
            return purpose, link.subject
    note_guess(desk)
    raise LinkIsOver("this link, or its code, was used already, or never sent")


def note_guess(desk: Desk) -> None:
    """Of a token that no link has; each waits longer than the one before. Raises TooManyRequests."""
    desk.house.delays.take(Act.LINK, desk.address)
    desk.house.security.note(SecurityEventKind.TOKEN_MADE_UP, desk.address)


def _write(email: str, wish: Callable[[UUID], Command], desk: Desk) -> None:
    try:
        if person_id := desk.house.accounts.person_of(email):
            desk(wish(person_id))
    except Exception:
        log.exception("somebody who asked for a link was sent none")
