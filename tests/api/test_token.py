"""Access tokens over HTTP: what they tell, which of them are refused, and the keys that verify them."""

import base64
import json
import os
from collections.abc import Iterator
from copy import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi.testclient import TestClient
from typer.testing import CliRunner, Result

from api import create_app
from cli.exits import Stop
from cli.hint import hear_data
from cli.signing import app
from commands.access import Caller
from infra.config import Settings
from infra.embedded.passwords import write_private
from infra.tokens import ACCESS_LIFE, Tokens
from tests.api.visitor import Visitor
from tests.serving import told


@pytest.fixture
def rotating(
    settings: Settings, holding: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TestClient]:
    """With a key of its own, which its processes look at whenever they use it."""
    monkeypatch.setattr("infra.signing_keys.LOOKED_AT_EVERY", 0.0)
    own = settings.model_copy(update={"token_key_file": write_private(tmp_path / "token.key", os.urandom(32))})
    (tmp_path / "run").mkdir()
    told(own, tmp_path / "run")
    with TestClient(create_app(own)) as client:
        yield client
    hear_data(None)


@pytest.fixture(scope="module")
def tokens(settings: Settings) -> Tokens:
    return Tokens.open(Path(settings.need("token_key_file")))


def caller(person: str, organization: str, session: str | None = None) -> Caller:
    session_id = UUID(session) if session else uuid4()
    return Caller(kind="person", id=UUID(person), organization_id=UUID(organization), session_id=session_id)


def session_of(visitor: Visitor) -> str:
    return str(jwt.decode(visitor.token or "", options={"verify_signature": False})["sid"])


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
    ours = caller(ann.id, ann.organization, session_of(ann))
    assert asked_with(client, tokens.access(ours, {}, datetime.now(UTC))) == 200
    assert asked_with(client, tokens.access(ours, {}, then)) == 401


def test_a_token_of_another_house_is_refused(client: TestClient, ann: Visitor, tmp_path: Path) -> None:
    foreign = Tokens.open(write_private(tmp_path / "foreign.key", os.urandom(32)))
    ours = caller(ann.id, ann.organization, session_of(ann))
    assert asked_with(client, foreign.access(ours, {}, datetime.now(UTC))) == 401


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


@pytest.mark.parametrize("claim", ["organization_id", "sub", "sid", "role", "exp"])
def test_a_token_whose_claims_were_changed_is_refused(
    client: TestClient, ann: Visitor, bob: Visitor, claim: str
) -> None:
    head, payload, signature = (ann.token or "").split(".")
    claims = jwt.decode(ann.token or "", options={"verify_signature": False})
    others = jwt.decode(bob.token or "", options={"verify_signature": False})
    others |= {"exp": claims["exp"] + 86_400, "role": "guest"}
    assert claims[claim] != others[claim]
    changed = json.dumps(claims | {claim: others[claim]}).encode()
    payload = base64.urlsafe_b64encode(changed).rstrip(b"=").decode()
    assert asked_with(client, f"{head}.{payload}.{signature}") == 401


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


def kid_of(visitor: Visitor) -> str:
    return str(jwt.get_unverified_header(visitor.token or "")["kid"])


def test_after_a_rotation_both_keys_are_told_until_one_has_leaked(rotating: TestClient, tmp_path: Path) -> None:
    def rotate(*words: str) -> Result:
        words = ("rotate", "--data", str(tmp_path), "--json", *words)
        return CliRunner().invoke(app, list(words), catch_exceptions=False)

    def keys() -> dict[str, jwt.PyJWK]:
        told = jwt.PyJWKSet.from_dict(rotating.get("/.well-known/jwks.json").json())
        return {str(key.key_id): key for key in told.keys}

    before = Visitor(rotating).register("Rotation")
    assert list(keys()) == [kid_of(before)]
    newer = json.loads(rotate().output)["kid"]
    after = copy(before).sign_in()
    assert list(keys()) == [kid_of(after), kid_of(before)] == [newer, kid_of(before)]
    for each in (before, after):
        assert each.get("/auth/me")["id"] == before.id
        assert jwt.decode(each.token or "", keys()[kid_of(each)], audience="access", issuer="vistory")
    with pytest.raises(Stop, match="tokens of the key before are still about"):
        rotate()
    assert list(keys()) == [newer, kid_of(before)]
    newest = json.loads(rotate("--leaked").output)["kid"]
    assert list(keys()) == [newest]
    assert [asked_with(rotating, each.token or "") for each in (before, after)] == [401, 401]
