"""What every command does that is given a code of a second factor."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, SecretStr

from commands.inside import has_second_factor
from commands.ports import Secrets, Store
from domain.errors import Forbidden
from domain.session import Means

Code = Annotated[SecretStr, Field(min_length=6, max_length=40)]


class WrongCode(Forbidden):
    pass


class CodeIsNeeded(Forbidden):
    pass


def must_show_second_factor(
    store: Store, secrets: Secrets, person_id: UUID, code: SecretStr | None, now: datetime
) -> None:
    """Where one is on; the code is used up with this command. Raises CodeIsNeeded, WrongCode."""
    must_give_code(store, person_id, code)
    if code is not None and has_second_factor(person_id, store):
        use_code(secrets, person_id, code, now)


def must_give_code(store: Store, person_id: UUID, code: SecretStr | None) -> None:
    """Where a second factor is on; whether it is a good one is not looked at. Raises CodeIsNeeded."""
    if code is None and has_second_factor(person_id, store):
        raise CodeIsNeeded("a second factor is on; send a code of it as well, or a recovery code")


def use_code(secrets: Secrets, person_id: UUID, code: SecretStr, now: datetime) -> Means:
    """What it is; it is used up with this command. Raises WrongCode."""
    means = secrets.use_code(person_id, code.get_secret_value(), now)
    if means is None:
        raise wrong_code()
    return means


def wrong_code() -> WrongCode:
    return WrongCode("this code is wrong, too old, or was used already; wait for the next one that is shown to you")
