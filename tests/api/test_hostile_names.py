"""What people call themselves and their organizations, as it lies in the mailbox that a real mail server fills."""

from html.parser import HTMLParser

import pytest
from fastapi.testclient import TestClient

from infra.mailbox import Kept
from tests.api.letters import Delivered
from tests.api.visitor import PASSWORD, Visitor

HEADERS = (
    *("subject", "from", "to", "date", "message-id", "auto-submitted", "vistory-about"),
    *("mime-version", "content-type"),
)
TAGS = {"html", "head", "meta", "title", "style", "body", "table", "tr", "td", "p", "a", "br", "code"}
HOSTILE = {
    "a picture": "<img src=x onerror=alert(1)>",
    "a script": "</title></p><script>alert(1)</script>",
    "a link": '<a href="https://evil.example">Acme</a>',
    "a header": "Acme =?utf-8?q?=0D=0ABcc:_eve=40example.org=0D=0A=0D=0Abody?=",
    "a template": "{{ link }}{% raw %}",
}


class Seen(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags, self.links = set[str](), set[str]()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links |= {value or "" for name, value in attributes if name in ("href", "src")}


def assert_harmless(letter: Kept, to: str) -> None:
    assert sorted(name.lower() for name, _ in letter.letter.items()) == sorted(HEADERS)
    assert letter.letter["to"].addresses[0].addr_spec == to
    seen = Seen(letter.html)
    assert seen.tags <= TAGS
    assert {link.partition("#")[0] for link in seen.links} <= {
        "https://vistory.example/verify-email",
        "https://vistory.example/invite",
    }


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_name_of_a_person_or_an_organization_does_nothing_in_a_letter(
    what: str, client: TestClient, delivered: Delivered
) -> None:
    name, eve = HOSTILE[what], Visitor(client).elsewhere()
    delivered()
    eve.email, guest = f"eve.{what.replace(' ', '.')}@example.org", f"to.{what.replace(' ', '.')}@example.org"
    who = {"email": eve.email, "full_name": name, "password": PASSWORD, "company": name, "division": name}
    eve.id = eve.post("/auth/register", who)["id"]
    (verification,) = delivered()
    assert_harmless(verification, eve.email)
    eve.sign_in().verified().post("/invitations", {"email": guest, "message": f"{name}\n{name}"})
    (invitation,) = delivered()
    assert_harmless(invitation, guest)
    # What could be taken for an address is nobody's name, and what a reader would decode is broken up.
    called, shown = "Somebody" if what in ("a link", "a header") else name, name.replace("=?", "=\u2060?")
    assert str(invitation.letter["subject"]) == f"{called} invites you to {shown} / {shown} on Vistory"
