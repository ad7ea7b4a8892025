"""What keeps the account of a data folder from being signed in as the platform starts."""

from typing import cast

import pytest

from cli.client import Problem
from cli.platform import PasswordIsLost, Platform
from cli.up import register


class Shut:
    """A platform that lets nobody sign in."""

    def __init__(self, why: Exception) -> None:
        self.why = why

    def sign_in(self) -> None:
        raise self.why


@pytest.mark.parametrize(
    "why", [PasswordIsLost("it is lost"), Problem(429, {"detail": "this failed too often", "wait": 900.0})]
)
def test_the_platform_runs_also_where_its_account_cannot_be_signed_in(
    why: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    register(cast(Platform, Shut(why)))
    assert capsys.readouterr().err == f"vistory: {why}\n"


def test_another_refusal_of_its_account_is_no_running_platform() -> None:
    with pytest.raises(Problem, match="something went wrong"):
        register(cast(Platform, Shut(Problem(500, {"detail": "something went wrong"}))))
