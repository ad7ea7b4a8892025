import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi.testclient import TestClient

from infra.config import Settings
from infra.tokens import Tokens
from tests.api.visitor import Visitor


@pytest.fixture(scope="module")
def tokens(settings: Settings) -> Tokens:
    return Tokens.open(Path(settings.need("token_key_file")))


def asked_with(client: TestClient, token: str) -> int:
    answer = Visitor(client, token)("GET", "/auth/me")
    assert token not in answer.text
    return answer.status_code


def test_a_token_tells_its_owner_who_they_are(ann: Visitor) -> None:
    claims = jwt.decode(ann.token or "", options={"verify_signature": False})
    assert claims["sub"] == ann.id
    assert (claims["email"], claims["role"], claims["organization_id"]) == (ann.email, "admin", ann.organization)
    assert claims["exp"] - claims["iat"] == 3600


def test_an_expired_token_is_refused(client: TestClient, ann: Visitor, tokens: Tokens) -> None:
    then = datetime.now(UTC) - timedelta(hours=1, seconds=1)
    assert asked_with(client, tokens.access(UUID(ann.id), UUID(ann.organization), {}, then)) == 401


def test_a_token_of_another_house_is_refused(client: TestClient, ann: Visitor) -> None:
    foreign = Tokens(Ed25519PrivateKey.generate())
    assert asked_with(client, foreign.access(UUID(ann.id), UUID(ann.organization), {}, datetime.now(UTC))) == 401


def test_a_token_without_a_signature_is_refused(client: TestClient, ann: Visitor) -> None:
    _, payload, signature = (ann.token or "").split(".")
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    assert asked_with(client, f"{header}.{payload}.") == 401
    assert asked_with(client, f"{header}.{payload}.{signature}") == 401


def test_a_token_signed_with_the_public_key_as_a_password_is_refused(
    client: TestClient, ann: Visitor, tokens: Tokens
) -> None:
    public = tokens.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    claims = jwt.decode(ann.token or "", options={"verify_signature": False})
    assert asked_with(client, jwt.encode(claims, public, algorithm="HS256")) == 401


def test_a_token_of_a_job_is_no_token_of_a_person(client: TestClient, tokens: Tokens) -> None:
    assert asked_with(client, tokens.job(uuid4(), "timm", uuid4(), 1, datetime.now(UTC))) == 401


def test_a_token_for_an_organization_of_which_one_is_no_member_opens_nothing(
    client: TestClient, ann: Visitor, bob: Visitor, tokens: Tokens
) -> None:
    stray = tokens.access(UUID(ann.id), UUID(bob.organization), {"role": "admin"}, datetime.now(UTC))
    assert Visitor(client, stray)("GET", "/projects").status_code == 403


def test_a_token_without_an_organization_opens_nothing(client: TestClient, ann: Visitor, tokens: Tokens) -> None:
    stray = tokens.access(UUID(ann.id), cast(Any, "nowhere"), {}, datetime.now(UTC))
    assert Visitor(client, stray)("GET", "/projects").status_code == 401


@pytest.mark.parametrize("token", ["x", "a.b.c", "..", "x" * 10_000])
def test_what_is_no_token_is_refused(client: TestClient, token: str) -> None:
    assert Visitor(client, token)("GET", "/auth/me").status_code == 401
