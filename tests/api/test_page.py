"""Where links in letters lead: a page that loads nothing from elsewhere and gives its code to nobody."""

import re

import pytest
from fastapi.testclient import TestClient

from tests.api.visitor import PREFIX


@pytest.fixture
def html(client: TestClient) -> str:
    answer = client.get("/reset-password")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    return answer.text


def test_the_page_runs_and_asks_for_nothing_but_its_own(client: TestClient, html: str) -> None:
    policy = client.get("/reset-password").headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert re.findall(r'(?:src|href|action)="([^"]*)"', html) == ["/reset-password.js"]
    assert not re.search(r"<script>|\son\w+=", html)


def test_the_script_asks_what_the_api_answers(client: TestClient) -> None:
    answer = client.get("/reset-password.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["referrer-policy"] == "no-referrer"
    asked = re.findall(r'fetch\("([^"]+)"', answer.text)
    assert asked == [f"{PREFIX}/auth/reset-password"]
    assert client.post(asked[0], json={"token": "guess", "password": "correct horse battery"}).status_code == 409
