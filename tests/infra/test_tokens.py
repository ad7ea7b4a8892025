import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.errors import Unauthenticated
from infra import tokens
from infra.tokens import ACCESS_LIFE, Tokens

ANN, ACME = UUID(int=1), UUID(int=2)


@pytest.fixture
def signed() -> Tokens:
    return Tokens(Ed25519PrivateKey.generate())


def test_a_token_that_was_read_before_is_refused_once_it_has_expired(signed: Tokens) -> None:
    ends = datetime.now(UTC) + timedelta(seconds=2)
    token = signed.access(ANN, ACME, {}, ends - ACCESS_LIFE)
    assert signed.person(token) == signed.person(token)
    time.sleep(max(0.0, ends.timestamp() - time.time()))
    with pytest.raises(Unauthenticated, match="expired"):
        signed.person(token)


def test_a_token_that_was_read_as_one_kind_is_still_none_of_the_other(signed: Tokens) -> None:
    token = signed.job(ANN, "timm", UUID(int=3), 1, datetime.now(UTC))
    assert signed.worker(token).attempt == 1
    with pytest.raises(Unauthenticated):
        signed.person(token)


def test_a_token_of_another_key_is_refused_whatever_was_read_before(signed: Tokens) -> None:
    signed.person(signed.access(ANN, ACME, {}, datetime.now(UTC)))
    other = Tokens(Ed25519PrivateKey.generate())
    with pytest.raises(Unauthenticated):
        signed.person(other.access(ANN, ACME, {}, datetime.now(UTC)))


def test_what_is_remembered_of_tokens_is_bounded(signed: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "REMEMBERED", 3)
    for _ in range(10):
        assert signed.person(signed.access(ANN, ACME, {}, datetime.now(UTC))).id == ANN
    assert len(signed._read_before) <= 3
