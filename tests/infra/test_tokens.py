import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import jwt
import pytest

from commands.access import Caller
from domain.errors import Unauthenticated
from infra import signing_keys, tokens
from infra.embedded.passwords import write_private
from infra.signing_keys import rotate
from infra.tokens import ACCESS_LIFE, Tokens

ANN = Caller(kind="person", id=UUID(int=1), organization_id=UUID(int=2), session_id=UUID(int=3))


def with_a_key(file: Path) -> Tokens:
    write_private(file, os.urandom(32))
    return Tokens.open(file)


@pytest.fixture
def signed(tmp_path: Path) -> Tokens:
    return with_a_key(tmp_path / "token.key")


def access(tokens: Tokens) -> str:
    return tokens.access(ANN, {}, datetime.now(UTC))


def test_a_token_that_was_read_before_is_refused_once_it_has_expired(signed: Tokens) -> None:
    ends = datetime.now(UTC) + timedelta(seconds=2)
    token = signed.access(ANN, {}, ends - ACCESS_LIFE)
    assert signed.person(token) == signed.person(token)
    time.sleep(max(0.0, ends.timestamp() - time.time()))
    with pytest.raises(Unauthenticated, match="expired"):
        signed.person(token)


def test_a_token_that_was_read_as_one_kind_is_still_none_of_the_other(signed: Tokens) -> None:
    token = signed.job(ANN.id, "timm", UUID(int=3), 1, datetime.now(UTC))
    assert signed.worker(token).attempt == 1
    with pytest.raises(Unauthenticated):
        signed.person(token)


def test_a_token_of_another_key_is_refused_whatever_was_read_before(signed: Tokens, tmp_path: Path) -> None:
    signed.person(signed.access(ANN, {}, datetime.now(UTC)))
    other = with_a_key(tmp_path / "other.key")
    with pytest.raises(Unauthenticated):
        signed.person(other.access(ANN, {}, datetime.now(UTC)))


def test_what_is_remembered_of_tokens_is_bounded(signed: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "REMEMBERED", 3)
    for _ in range(10):
        assert signed.person(signed.access(ANN, {}, datetime.now(UTC))).id == ANN.id
    assert len(signed._read_before) <= 3


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_keys, "LOOKED_AT_EVERY", 0.0)


def test_a_token_says_with_which_key_it_was_signed(signed: Tokens) -> None:
    (key,) = signed.keys.valid()
    assert jwt.get_unverified_header(access(signed))["kid"] == key.kid
    assert jwt.PyJWK(key.jwk()).key_id == key.kid
    jwt.decode(access(signed), jwt.PyJWK(key.jwk()).key, algorithms=["EdDSA"], audience="access")


@pytest.mark.usefixtures("at_once")
def test_two_keys_are_valid_at_a_time(signed: Tokens) -> None:
    first, before = access(signed), signed.keys.valid()
    rotate(signed.keys.file)
    second = access(signed)
    assert signed.person(first) == signed.person(second) == ANN
    assert [key.kid for key in signed.keys.valid()] == [jwt.get_unverified_header(second)["kid"], before[0].kid]
    rotate(signed.keys.file)
    assert signed.person(second) == ANN
    with pytest.raises(Unauthenticated, match="no key"):
        signed.person(first)


@pytest.mark.usefixtures("at_once")
def test_what_a_leaked_key_signed_is_good_for_nothing_also_where_it_was_read_before(signed: Tokens) -> None:
    token = access(signed)
    signed.person(token)
    rotate(signed.keys.file, leaked=True)
    with pytest.raises(Unauthenticated):
        signed.person(token)


def test_another_process_learns_of_a_new_key_from_the_first_token_that_it_signed(signed: Tokens) -> None:
    other = Tokens.open(signed.keys.file)
    rotate(signed.keys.file)
    signed.keys.look()
    assert other.person(access(signed)) == ANN


def test_nobody_but_its_owner_can_read_a_key(signed: Tokens) -> None:
    rotate(signed.keys.file)
    for file in (signed.keys.file, signing_keys.before(signed.keys.file)):
        assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("header", [{}, {"kid": "x"}, {"kid": "../token.key"}])
def test_a_token_of_no_known_key_is_refused(signed: Tokens, header: dict[str, object]) -> None:
    claims = jwt.decode(access(signed), options={"verify_signature": False})
    with pytest.raises(Unauthenticated):
        signed.person(jwt.encode(claims, signed.keys.valid()[0].key, algorithm="EdDSA", headers=header))
