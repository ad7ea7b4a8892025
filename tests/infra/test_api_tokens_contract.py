"""What every Secrets promises about API tokens, asked of the real one and of the double that stands in for it."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from commands.ports import Secrets
from infra.api_tokens import FORM, is_whole, mint
from tests.ground import NOW
from tests.infra.test_secrets_contract import ANN, BEN, Desk, RealDesk, desk, real

__all__ = ["desk", "real"]

ACME, EVIL = UUID(int=11), UUID(int=12)
ONE, TWO = UUID(int=21), UUID(int=22)


def opens(token_id: UUID, owner: UUID = ANN, at: UUID = ACME, digest: str = "1" * 64) -> Callable[[Secrets], None]:
    return lambda secrets: secrets.open_api_token(digest, token_id, at, owner, NOW + timedelta(days=1))


def closes(token_id: UUID) -> Callable[[Secrets], None]:
    return lambda secrets: secrets.close_api_token(token_id)


def test_a_token_is_there_once_its_command_is_appended(desk: Desk) -> None:
    sides = desk.sides(opens(ONE))
    assert list(desk.look().api_tokens_of(ACME, ANN)) == []
    assert desk.append(sides) == "accepted"
    assert list(desk.look().api_tokens_of(ACME, ANN)) == [ONE]


def test_tokens_are_their_owner_s_in_one_organization(desk: Desk) -> None:
    desk.give(opens(ONE), opens(TWO, BEN, digest="2" * 64))
    assert list(desk.look().api_tokens_of(ACME, BEN)) == [TWO]
    assert list(desk.look().api_tokens_of(EVIL, ANN)) == []
    assert list(desk.look().api_tokens_of(None, BEN)) == [TWO]


def test_a_closed_token_is_gone(desk: Desk) -> None:
    desk.give(opens(ONE), opens(TWO, digest="2" * 64))
    assert desk.give(closes(ONE)) == "accepted"
    assert list(desk.look().api_tokens_of(ACME, ANN)) == [TWO]
    assert desk.give(closes(ONE)) == "accepted"


def test_two_tokens_are_never_the_same(desk: Desk) -> None:
    assert desk.give(opens(ONE)) == "accepted"
    assert desk.give(opens(TWO)) == "taken"


def test_who_is_forgotten_has_no_tokens(desk: Desk) -> None:
    desk.give(opens(ONE), opens(TWO, BEN, digest="2" * 64))
    desk.give(lambda secrets: secrets.forget(ANN))
    assert list(desk.look().api_tokens_of(ACME, ANN)) == []
    assert list(desk.look().api_tokens_of(ACME, BEN)) == [TWO]


def test_those_whose_time_is_over_are_found_until_they_are_closed(real: RealDesk) -> None:
    real.give(lambda secrets: secrets.open_api_token("3" * 64, ONE, ACME, ANN, NOW - timedelta(days=400)))
    assert real.tokens.expired(10) == [ONE]
    real.give(closes(ONE))
    assert real.tokens.expired(10) == []


def test_every_minted_token_is_whole_and_another() -> None:
    minted = [mint() for _ in range(200)]
    assert len({each.token for each in minted}) == 200
    for token, prefix, digest in minted:
        assert FORM.fullmatch(token)
        assert is_whole(token)
        assert token.startswith(f"{prefix}_")
        assert len(digest) == 64


@pytest.mark.parametrize("place", [4, 12, 13, 30, 55, 60])
def test_a_slip_in_a_token_is_seen_without_asking_anybody(place: int) -> None:
    token = mint().token
    assert not is_whole(token[:place] + ("x" if token[place] != "x" else "y") + token[place + 1 :])
