"""What people find in their mail, and what nobody can put into it."""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from uuid import UUID

import pytest

from domain.language import Language
from domain.roles import DatasetRole, ProjectRole, Role
from infra.letters import TEMPLATES, AddressIsUnwritable, Letter, addressed, message, name, said, unlinked
from tests.ground import NOW

EVENT, ANN, BEN = UUID(int=7), UUID(int=101), UUID(int=102)
KINDS = sorted({file.name.partition(".")[0] for file in TEMPLATES.glob("*.jinja")})
# What is only told, and has no link.
NOTICES = {
    *("address_in_use", "email_change_asked", "email_changed", "password_changed"),
    *("second_factor_on", "second_factor_off", "second_factor_reset"),
    *("recovery_code_used", "recovery_codes_renewed"),
    *("organization_closed", "organization_reopened", "erasure_requested"),
}
WORDS = {
    "full_name": "Ann Ö",
    "until": "2026-01-02 04:04 UTC",
    "inviter": "Ann Ö",
    "organization": "Acme / Vision",
    "type": "project",
    "target": "cells",
    "role": "engineer_ii",
    "for_anyone": "",
    "message": "welcome",
    "actor": "person",
    "by": "Ann Ö",
}


def written(
    kind: str = "password_reset",
    language: Language = Language.ENGLISH,
    to: str = "ann@example.org",
    about: tuple[UUID, ...] = (ANN, BEN),
    **words: str,
) -> EmailMessage:
    """As it reads after its way through the wires."""
    letter = Letter(to, about, language, kind, "reset-password", "" if kind in NOTICES else "T0ken", {**WORDS, **words})
    made = message(letter, "Vistory <vistory@example.net>", "https://vistory.example", EVENT, NOW)
    read = message_from_bytes(made.as_bytes(policy=policy.SMTP), policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


def part(letter: EmailMessage, kind: str) -> str:
    found = letter.get_body((kind,))
    assert found is not None
    return str(found.get_content())


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_there_in_every_language_with_its_link_in_both_forms_if_it_has_one(
    kind: str, language: Language
) -> None:
    letter = written(kind, language)
    assert letter["subject"]
    for form in ("plain", "html"):
        assert ("https://vistory.example/reset-password#token=T0ken" in part(letter, form)) == (kind not in NOTICES)
        assert ("href" in part(letter, form)) == (form == "html" and kind not in NOTICES)
    assert f'<html lang="{language}">' in part(letter, "html")
    assert ("안녕하세요" in part(letter, "plain")) == (language is Language.KOREAN)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", KINDS)
def test_every_letter_is_html_that_is_whole_and_loads_nothing(kind: str, language: Language) -> None:
    html = part(written(kind, language), "html")
    seen, open_tags = set[str](), list[str]()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            seen.update(name for name, _ in attributes)
            if tag not in ("meta", "br"):
                open_tags.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert open_tags.pop() == tag

    reader = Reader()
    reader.feed(html)
    reader.close()
    assert open_tags == []
    assert not seen & {"src", "srcset", "background", "data", "action"}
    assert "url(" not in html
    assert "prefers-color-scheme: dark" in html


def test_the_plain_text_stands_first_and_says_the_same() -> None:
    letter = written()
    assert [each.get_content_type() for each in letter.iter_parts()] == ["text/plain", "text/html"]
    assert "Hello Ann Ö," in part(letter, "plain")
    assert "2026-01-02 04:04 UTC" in part(letter, "plain")


def test_the_same_event_makes_the_same_letter() -> None:
    first, second = written(), written()
    assert first["message-id"] == second["message-id"] == f"<{EVENT}@example.net>"
    assert first["date"] == second["date"]
    assert first["auto-submitted"] == "auto-generated"
    assert first["vistory-about"].strip() == f"{ANN}, {BEN}"


def test_html_in_a_name_is_text() -> None:
    html = part(written(full_name='<img src=x onerror=alert(1)> & "Co"'), "html")
    assert "<img" not in html
    assert "&lt;img src=x onerror=alert(1)&gt; &amp; &#34;Co&#34;" in html


@pytest.mark.parametrize("kind", ["password_reset", "invitation", "organization_closed"])
@pytest.mark.parametrize(
    "hostile",
    [
        *("Ann\r\nBcc: eve@example.org", "Ann\u2028Bcc: eve@example.org", "\u202eAnn\u2066", "A\x00n\x1bn"),
        *("=?utf-8?q?A=0D=0ABcc:_eve=40example.org?=", "=\u200b?utf-8?b?QQ0KQmNjOiBldmU=?=", "An=?utf-8?q?=0D=0A?=n"),
    ],
)
def test_a_name_makes_no_header_and_turns_no_text(hostile: str, kind: str) -> None:
    letter = written(kind, full_name=hostile, inviter=hostile, organization=hostile, target=hostile, by=hostile)
    assert set(letter.keys()) == {
        "Subject",
        "From",
        "To",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "Vistory-About",
        "MIME-Version",
        "Content-Type",
    }
    whole = part(letter, "plain") + part(letter, "html")
    assert not set(whole) & set("\u202e\u2066\u2028\x00\x1b")


@pytest.mark.parametrize(
    "advertising", ["buy at http://evil.example", "evil.example", "www evil", "go evil.example now"]
)
def test_nobody_sends_a_link_by_way_of_a_name(advertising: str) -> None:
    assert name(advertising) == ""
    assert "Hello," in part(written(full_name=advertising), "plain")


@pytest.mark.parametrize("ordinary", ["J. R. Smith", "김민수", "Ann-Marie O'Neil", "Dr. Ö. Müller"])
def test_ordinary_names_are_said(ordinary: str) -> None:
    assert name(ordinary) == ordinary


def test_what_is_said_is_one_line() -> None:
    assert said(" a\tb\r\nc ") == "a b c"


@pytest.mark.parametrize(
    ("email", "written_as"),
    [
        ("ann@example.org", "ann@example.org"),
        ("ann+tag@example.org", "ann+tag@example.org"),
        ("ann,ben@example.org", '"ann,ben"@example.org'),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("민수@example.org", "민수@example.org"),
    ],
)
def test_an_address_is_one_address(email: str, written_as: str) -> None:
    assert addressed(email).addr_spec == written_as
    assert [each.addr_spec for each in written(to="ann,ben@example.org")["to"].addresses] == ['"ann,ben"@example.org']


@pytest.mark.parametrize(
    "email",
    ["ann", "@example.org", "ann@", "ann@x>,<ben", "ann@exa mple.org", "ann@-x.org", "a\r\nBcc: b@example.org",
     "ann\u202e@example.org", "ann@[127.0.0.1]", "ann@" + "x" * 64 + ".org", "ann@x..org", "\udcff@example.org"],
)  # fmt: skip
def test_what_is_no_address_is_written_to_nobody_and_not_told(email: str) -> None:
    with pytest.raises(AddressIsUnwritable) as refused:
        addressed(email)
    assert email not in str(refused.value)


@pytest.mark.parametrize("language", Language)
def test_an_invitation_says_who_asks_into_what_as_what(language: Language) -> None:
    letter = written("invitation", language)
    for form in ("plain", "html"):
        text = part(letter, form)
        role = "engineer II" if language is Language.ENGLISH else "엔지니어 II"
        assert all(word in text for word in ("Ann Ö", "Acme / Vision", "cells", role, "welcome"))
        assert "\n\n\n" not in text
    assert "Acme / Vision" in letter["subject"]


@pytest.mark.parametrize("role", sorted({*Role, *ProjectRole, *DatasetRole}))
def test_every_role_has_a_name_in_korean(role: str) -> None:
    text = part(written("invitation", Language.KOREAN, role=role), "plain")
    assert re.search(r"역할: [가-힣]", text)


@pytest.mark.parametrize(
    ("language", "said"), [(Language.ENGLISH, "Anyone who has the link"), (Language.KOREAN, "누구나")]
)
def test_an_invitation_that_anyone_may_accept_says_so(language: Language, said: str) -> None:
    for form in ("plain", "html"):
        assert said in part(written("invitation", language, for_anyone="yes"), form)
        assert said not in part(written("invitation", language), form)


@pytest.mark.parametrize("where", ["inviter", "organization", "target", "message"])
def test_nobody_sends_markup_headers_or_links_by_way_of_an_invitation(where: str) -> None:
    hostile = "<b>hi</b>\r\nBcc: eve@evil.example\u202e http://evil.example/x www.evil.example"
    letter = written("invitation", Language.ENGLISH, "ann@example.org", (ANN,), **{where: hostile})
    assert letter["bcc"] is None
    assert "<b>hi" not in part(letter, "html")
    for form in ("plain", "html"):
        assert not any(word in part(letter, form) for word in ("evil.example", "://evil", "eve@evil", "\u202e"))


def test_a_message_keeps_its_lines_and_its_words() -> None:
    assert unlinked(" one\n\ntwo: a. b.\n") == "one\n\ntwo: a. b."
    assert unlinked("see evil.example") == "see evil.\u2060example"
