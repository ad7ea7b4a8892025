"""What every command does that is given a code of a second factor."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, SecretStr

from commands.ports import Secrets
from domain.errors import Forbidden
from domain.session import Means

Code = Annotated[SecretStr, Field(min_length=6, max_length=40)]


class WrongCode(Forbidden):
    pass


def use_code(secrets: Secrets, person_id: UUID, code: SecretStr, now: datetime) -> Means:
    """What it is; it is used up with this command. Raises WrongCode."""
    means = secrets.use_code(person_id, code.get_secret_value(), now)
    if means is None:
        raise wrong_code()
    return means


def wrong_code() -> WrongCode:
    return WrongCode("this code is wrong, too old, or was used already; wait for the next one that is shown to you")
