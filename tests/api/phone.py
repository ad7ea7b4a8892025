"""An authenticator app, as a person has it on a phone."""

import base64
import time
from collections.abc import Callable

from infra.second_factors import SECONDS, code_at
from tests.api.visitor import PASSWORD, Visitor

Phone = Callable[..., str]


def phone(secret: str) -> Phone:
    """Shows the code of this moment, by a clock that goes wrong by so many steps."""
    key = base64.b32decode(secret)
    return lambda steps=0: code_at(key, int(time.time()) // SECONDS + steps).decode()


def secured(person: Visitor) -> tuple[Phone, list[str]]:
    """Whose second factor is on from here on; its code of this moment is used up."""
    shows = phone(person.post("/auth/second-factor/begin", {"password": PASSWORD})["secret"])
    return shows, person.post("/auth/second-factor/confirm", {"code": shows()})["recovery_codes"]
