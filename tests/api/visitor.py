"""Somebody who uses the API, and notes when an answer is not one that the API's description promised."""

import re
from copy import copy
from functools import cache
from itertools import count
from typing import Any, Final, Self
from uuid import UUID

from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response

from commands.ports import Purpose

PREFIX: Final = "/api/v1"
PASSWORD: Final = "correct horse battery"
_numbers: Final = count(1)
_networks: Final = count(1)


class Visitor:
    def __init__(self, client: TestClient, token: str | None = None) -> None:
        self.client = client
        self.token = token
        self.id = self.organization = self.email = self.company = self.seen = ""

    def __call__(self, method: str, path: str, body: Any = None, key: str | None = None, **headers: str) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            named.setdefault("Authorization", f"Bearer {self.token}")
        if key:
            named["Idempotency-Key"] = key
        answer = self.client.request(method, PREFIX + path, json=body, headers=named)
        assert_documented(self.client, method, PREFIX + path.partition("?")[0], answer)
        self.seen = answer.headers.get("Vistory-Position", self.seen)
        return answer

    def get(self, path: str, **headers: str) -> Any:
        """What the read models say once they know what this visitor has done."""
        if self.seen:
            headers = {"Vistory_Min_Position": self.seen} | headers
        return good(self("GET", path, **headers)).json()

    def post(self, path: str, body: Any = None, key: str | None = None) -> Any:
        return good(self("POST", path, body if body is not None else {}, key)).json()

    def colleague(self, role: str) -> "Visitor":
        """Somebody of the same organization, let in with a role."""
        return self.approve(Visitor(self.client).register(self.company), role)

    def approve(self, other: "Visitor", role: str) -> "Visitor":
        """Who waits."""
        waiting = self.get("/members?waiting=true", Vistory_Min_Position=other.seen)["items"]
        self.post(f"/members/{next(m['id'] for m in waiting if m['person_id'] == other.id)}/approve", {"role": role})
        return other

    def elsewhere(self) -> "Visitor":
        """The same, at a network where nobody has used up what is allowed there."""
        app = self.client.app
        assert isinstance(app, FastAPI)
        other = copy(self)
        other.client = TestClient(app, client=(f"10.77.{next(_networks)}.1", 1))
        return other

    def program(self, *scopes: str) -> "Visitor":
        """Something that carries an API token of this visitor's."""
        token = self.post("/tokens", {"name": "program", "scopes": list(scopes)})["token"]
        other = Visitor(self.client, token)
        other.id, other.organization, other.company = self.id, self.organization, self.company
        return other

    def service(self, role: str, *scopes: str) -> "Visitor":
        """A service account of this visitor's organization, with a token: to read, if no scope is named."""
        id = self.post("/service-accounts", {"name": "exporter", "role": role})["id"]
        wanted = {"name": "program"} | ({"scopes": list(scopes)} if scopes else {})
        other = Visitor(self.client, self.post(f"/service-accounts/{id}/tokens", wanted)["token"])
        other.id, other.organization, other.company = id, self.organization, self.company
        return other

    def register(self, company: str = "Acme", division: str = "Vision") -> Self:
        """Signed in, and the address verified."""
        self.arrive(company, division)
        self.post("/auth/verify-email", {"token": self.link(Purpose.VERIFICATION, self.id)})
        return self

    def arrive(self, company: str = "Acme", division: str = "Vision") -> Self:
        """Signed in, and the address not verified yet."""
        self.company = company
        self.email = f"person{next(_numbers)}@example.org"
        who = {"email": self.email, "full_name": "Ann Ö", "password": PASSWORD}
        made = self.post("/auth/register", who | {"company": company, "division": division})
        self.id, self.organization = made["id"], made["organization_id"]
        return self.sign_in()

    def verified(self) -> Self:
        """By the link that was sent when this visitor registered, if not before."""
        if self.get("/auth/me")["email_verified"]:
            return self
        self.post("/auth/verify-email", {"token": self.link(Purpose.VERIFICATION, self.id)})
        return self

    def link(self, purpose: Purpose, id: str, number: int = 1) -> str:
        """What the letter about its event of that number holds."""
        app = self.client.app
        assert isinstance(app, FastAPI)
        return str(app.state.house.core.links().token(purpose, UUID(id), number))

    def come_into(self, by: "Visitor", **asked: str) -> Any:
        """By an invitation of another's, accepted from wherever one is; the answer's token is for there."""
        made = by.verified().post("/invitations", {"email": self.email, **asked})
        return self.post("/invitations/accept", {"token": by.link(Purpose.INVITATION, made["id"])})

    def sign_in(self) -> Self:
        self.token = self.post("/auth/login", {"email": self.email, "password": PASSWORD})["access_token"]
        return self


def good(answer: Response) -> Response:
    assert answer.is_success, answer.text
    return answer


def assert_documented(client: TestClient, method: str, path: str, answer: Response) -> None:
    app = client.app
    assert isinstance(app, FastAPI)
    documented = _promised(app, method, path)
    if documented is None:
        assert answer.status_code in (404, 405), f"{method} {path} is not described"
    else:
        assert str(answer.status_code) in documented, f"{method} {path} answered {answer.status_code}: {answer.text}"
    if answer.is_error:
        assert answer.headers["content-type"] in ("application/problem+json", "application/json")


def _promised(app: FastAPI, method: str, path: str) -> frozenset[str] | None:
    operations = [
        operations[method.lower()]
        for template, operations in app.openapi()["paths"].items()
        if method.lower() in operations and _pattern(template).fullmatch(path)
    ]
    return frozenset(status for each in operations for status in each["responses"]) if operations else None


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{[^}]+\}", "[^/]+", template))
