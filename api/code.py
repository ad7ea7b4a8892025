"""What every route does that is given a code of a second factor."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated
from uuid import UUID

from pydantic import Field

from api.edge import Desk
from commands.code import Code, WrongCode
from infra.delays import Act
from infra.security import Kind

Shown = Annotated[Code, Field(description="The six digits that the authenticator shows, or a recovery code")]


@contextmanager
def tried(desk: Desk, person_id: UUID) -> Iterator[None]:
    """Counted before the code is looked at, and taken back where it was good. Raises TooManyRequests."""
    desk.house.delays.take(Act.SECOND_FACTOR, desk.address, person_id.bytes)
    try:
        yield
    except WrongCode:
        desk.house.security.note(Kind.SECOND_FACTOR_FAILED, desk.address, person_id=person_id)
        raise
    desk.house.delays.forgive(Act.SECOND_FACTOR, desk.address, person_id.bytes, person_id)
