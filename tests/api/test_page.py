"""Where links in letters lead: a page that loads nothing from elsewhere and gives its code to nobody."""

import re
from typing import Final

import pytest
from fastapi.testclient import TestClient

from api.errors import type_of
from commands.link import LinkIsOver
from domain.errors import NotFound
from domain.invitation import InvitationIsOver
from infra.names import AS_TOLD, PROBLEM
from tests.api.visitor import PREFIX

PAGES: Final = {
    "reset-password": "/auth/reset-password",
    "verify-email": "/auth/verify-email",
    "invite": "/invitations/accept",
}
OF_ITS_OWN: Final = {"invite": ["/invite.js"]}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_runs_and_asks_for_nothing_but_its_own(client: TestClient, name: str) -> None:
    answer = client.get(f"/{name}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert re.findall(r'(?:src|href|action)="([^"]*)"', answer.text) == [
        "/link.css",
        "/link.js",
        *OF_ITS_OWN.get(name, []),
    ]
    assert not re.search(r"<script>|<style>|\s(?:on\w+|style)=", answer.text)


@pytest.mark.parametrize(
    ("name", "kind"), [("link.js", "text/javascript"), ("invite.js", "text/javascript"), ("link.css", "text/css")]
)
def test_what_a_page_asks_for_is_there(client: TestClient, name: str, kind: str) -> None:
    answer = client.get(f"/{name}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, f"{kind}; charset=utf-8")
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_a_link_that_is_over_is_told_with_a_way_on(client: TestClient) -> None:
    script = client.get("/link.js").text
    kinds = re.findall(r'"([a-z-]+)"', re.findall(r"const OVER = \[([^\]]+)\]", script)[0])
    assert [f"{PROBLEM}{kind}" for kind in kinds] == [
        type_of(each.__name__) for each in (LinkIsOver, InvitationIsOver, NotFound)
    ]
    assert client.post(f"{PREFIX}/invitations/info", json={"token": "guess"}).json()["type"] == f"{PROBLEM}not-found"
    assert "refusal(told, " in client.get("/invite.js").text
    for name, word in {
        "invite": "ask whoever invited you",
        "reset-password": "forgot",
        "verify-email": "resend",
    }.items():
        (way_on,) = re.findall(r'data-over="([^"]+)"', client.get(f"/{name}").text)
        assert word in way_on


def test_whoever_has_to_wait_is_told_for_how_long(client: TestClient) -> None:
    script = client.get("/link.js").text
    assert re.findall(r'const AS_TOLD = "([^"]+)"', script) == [AS_TOLD.removeprefix("; ")]
    for name in ("link.js", "invite.js"):
        assert 'answer.headers.get("Retry-After")' in client.get(f"/{name}").text


def test_no_address_that_a_page_asks_holds_its_code(client: TestClient) -> None:
    """Whatever stands between writes addresses down."""
    scripts = client.get("/link.js").text, client.get("/invite.js").text
    asked = [address for script in scripts for address in re.findall(r"fetch\(([^,)]+)", script)]
    assert asked == ["to.dataset.post", f'"{PREFIX}/invitations/info"']


@pytest.mark.parametrize("name", PAGES)
def test_a_form_goes_where_the_api_answers(client: TestClient, name: str) -> None:
    html = client.get(f"/{name}").text
    (asked,) = re.findall(r'<form id="form" data-post="([^"]+)"', html)
    assert asked == f"{PREFIX}{PAGES[name]}"
    fields = re.findall(r'<input id="[^"]+" name="([^"]+)"( type="checkbox")?', html)
    given = {name: True if is_ticked else "correct@horse.battery" for name, is_ticked in fields}
    answer = client.post(asked, json={"token": "guess", **given})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:link-is-over")
