"""What every route does that is given a code of a second factor."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field, SecretStr

from api.edge import Desk
from commands.code import Code, WrongCode
from infra.delays import Act
from infra.second_factors import looks_like
from infra.security import BY_MEANS

Shown = Annotated[Code, Field(description="The six digits that the authenticator shows, or a recovery code")]

FAILED: Final = {means: kind for kind, means in BY_MEANS.items()}


@contextmanager
def tried(desk: Desk, person_id: UUID, code: SecretStr) -> Iterator[None]:
    """Counted before the code is looked at, and taken back where it was good. Raises TooManyRequests."""
    desk.house.delays.take(Act.SECOND_FACTOR, desk.address, person_id.bytes)
    try:
        yield
    except WrongCode:
        kind = FAILED[looks_like(code.get_secret_value())]
        desk.house.security.note(kind, desk.address, person_id=person_id)
        raise
    desk.house.delays.forgive(Act.SECOND_FACTOR, desk.address, person_id.bytes, person_id)
