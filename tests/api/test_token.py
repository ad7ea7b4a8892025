import base64
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi.testclient import TestClient

from commands.access import Caller
from infra.config import Settings
from infra.embedded.passwords import write_private
from infra.tokens import ACCESS_LIFE, Tokens
from tests.api.visitor import Visitor


@pytest.fixture(scope="module")
def tokens(settings: Settings) -> Tokens:
    return Tokens.open(Path(settings.need("token_key_file")))


def caller(person: str, organization: str) -> Caller:
    return Caller(kind="person", id=UUID(person), organization_id=UUID(organization), session_id=uuid4())


def asked_with(client: TestClient, token: str) -> int:
    answer = Visitor(client, token)("GET", "/auth/me")
    assert token not in answer.text
    return answer.status_code


def test_a_token_tells_its_owner_who_they_are(ann: Visitor) -> None:
    claims = jwt.decode(ann.token or "", options={"verify_signature": False})
    assert claims["sub"] == ann.id
    assert (claims["email"], claims["role"], claims["organization_id"]) == (ann.email, "admin", ann.organization)
    assert claims["exp"] - claims["iat"] == ACCESS_LIFE.total_seconds()


def test_an_expired_token_is_refused(client: TestClient, ann: Visitor, tokens: Tokens) -> None:
    then = datetime.now(UTC) - ACCESS_LIFE - timedelta(seconds=1)
    assert asked_with(client, tokens.access(caller(ann.id, ann.organization), {}, then)) == 401


def test_a_token_of_another_house_is_refused(client: TestClient, ann: Visitor, tmp_path: Path) -> None:
    foreign = Tokens.open(write_private(tmp_path / "foreign.key", os.urandom(32)))
    assert asked_with(client, foreign.access(caller(ann.id, ann.organization), {}, datetime.now(UTC))) == 401


def test_a_token_without_a_signature_is_refused(client: TestClient, ann: Visitor) -> None:
    _, payload, signature = (ann.token or "").split(".")
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    assert asked_with(client, f"{header}.{payload}.") == 401
    assert asked_with(client, f"{header}.{payload}.{signature}") == 401


def test_a_token_signed_with_the_public_key_as_a_password_is_refused(
    client: TestClient, ann: Visitor, tokens: Tokens
) -> None:
    key = tokens.keys.valid()[0]
    public = key.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    claims = jwt.decode(ann.token or "", options={"verify_signature": False})
    assert asked_with(client, jwt.encode(claims, public, algorithm="HS256", headers={"kid": key.kid})) == 401


def test_a_token_of_a_job_is_no_token_of_a_person(client: TestClient, tokens: Tokens) -> None:
    assert asked_with(client, tokens.job(uuid4(), "timm", uuid4(), 1, datetime.now(UTC))) == 401


def test_a_token_for_an_organization_of_which_one_is_no_member_opens_nothing(
    client: TestClient, ann: Visitor, bob: Visitor, tokens: Tokens
) -> None:
    stray = tokens.access(caller(ann.id, bob.organization), {"role": "admin"}, datetime.now(UTC))
    assert Visitor(client, stray)("GET", "/projects").status_code == 403


def test_a_token_without_an_organization_opens_nothing(client: TestClient, ann: Visitor, tokens: Tokens) -> None:
    nowhere = caller(ann.id, ann.organization).model_copy(update={"organization_id": "nowhere"})
    stray = tokens.access(nowhere, {}, datetime.now(UTC))
    assert Visitor(client, stray)("GET", "/projects").status_code == 401


@pytest.mark.parametrize("token", ["x", "a.b.c", "..", "x" * 10_000])
def test_what_is_no_token_is_refused(client: TestClient, token: str) -> None:
    assert Visitor(client, token)("GET", "/auth/me").status_code == 401


def test_anybody_can_verify_a_token_with_what_is_told_of_the_keys(client: TestClient, ann: Visitor) -> None:
    told = client.get("/.well-known/jwks.json")
    keys = jwt.PyJWKSet.from_dict(told.json())
    key = keys[jwt.get_unverified_header(ann.token or "")["kid"]]
    assert jwt.decode(ann.token or "", key, algorithms=["EdDSA"], audience="access", issuer="vistory")["sub"] == ann.id
    assert "max-age" in told.headers["cache-control"]
    assert not {"d", "p", "q"} & told.json()["keys"][0].keys()
