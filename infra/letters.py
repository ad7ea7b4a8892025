"""Letters from templates: one template for each kind and language, read once as HTML and once as plain text."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from domain.language import Language
from domain.roles import DatasetRole, ProjectRole, Role
from infra.mailbox import ABOUT

# RFC 5321, 4.5.3.1.1, in octets.
MOST_OF_A_USER: Final = 64
TEMPLATES: Final = Path(__file__).with_name("templates")
LAYOUTS: Final = {"plain": "layout.txt", "html": "layout.html"}
# What a mail program would make a link of: whoever is called so may not use us to send one.
_ADDRESS_OF_A_PAGE: Final = re.compile(r"://|\bwww\b|[\w-]\.\w\w", re.IGNORECASE)
# Where a link may be made of what is on both sides, a joiner of no width is put between.
_LINKING: Final = re.compile(r"(?<=\S)[.:/@](?=\S)")
# What begins so in a header is decoded by whoever reads it, with the ends of lines that are hidden in it (RFC 2047).
_ENCODED: Final = re.compile(r"=(?=\?)")
_LDH: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")


ROLES_IN_KOREAN: Final[Mapping[str, str]] = {
    Role.ADMIN: "관리자",
    Role.MANAGER: "매니저",
    Role.ENGINEER_II: "엔지니어 II",
    Role.ENGINEER_I: "엔지니어 I",
    Role.GUEST: "게스트",
    ProjectRole.MAINTAINER: "유지 관리자",
    ProjectRole.MEMBER: "멤버",
    ProjectRole.VIEWER: "뷰어",
    DatasetRole.EDITOR: "편집자",
}


class AddressIsUnwritable(Exception):
    """No letter can reach this address. Which it is, is not said: this ends in logs."""


class Letter(NamedTuple):
    """To whom, in which language, of which kind; `token` goes into its link to `page`, `words` into its template.

    One without a token has no link. What sets one of several about the same event `apart` is part of its Message-ID.

    `about` are the persons of whom it tells, the one (or the invitation) that it goes to first: kept letters go with
    each of them.
    """

    to: str
    about: tuple[UUID, ...]
    language: Language
    kind: str
    page: str
    token: str
    words: Mapping[str, str]
    apart: str = ""


def message(letter: Letter, sender: str, frontend_url: str, event: UUID, at: datetime) -> EmailMessage:
    """The same for the same event. The token stands behind a #, which no browser sends to a server.

    Raises AddressIsUnwritable.
    """
    made = EmailMessage()
    link = f"{frontend_url}/{letter.page}#token={letter.token}"
    words = {**letter.words, "link": link, "token": letter.token, "language": letter.language.value}
    text, html = _Form("plain", letter, words), _Form("html", letter, words)
    made["Subject"] = said(text.block("subject"))
    made["From"], made["To"] = sender, addressed(letter.to)
    number = f"{event}.{letter.apart}" if letter.apart else str(event)
    made["Date"], made["Message-ID"] = format_datetime(at), f"<{number}@{sender.rpartition('@')[2].rstrip('>')}>"
    made["Auto-Submitted"] = "auto-generated"
    made[ABOUT] = ", ".join(map(str, letter.about))
    made.set_content(text.whole())
    made.add_alternative(html.whole(), subtype="html")
    return made


def addressed(email: str) -> Address:
    """An address is one address, whatever it looks like. Raises AddressIsUnwritable."""
    user, _, domain = unicodedata.normalize("NFC", email).rpartition("@")
    try:
        ascii = domain.encode("idna").decode()
        if (
            user
            and len(user.encode()) <= MOST_OF_A_USER
            and len(ascii) <= 255
            and _LDH.fullmatch(ascii)
            and said(user) == user
        ):
            return Address(username=user, domain=ascii)
    except (UnicodeError, ValueError):
        pass
    raise AddressIsUnwritable("the address of this person is none that mail can be sent to")


def said(text: str) -> str:
    """In one line, without what steers or turns the text around it, or would be read as something else."""
    line = " ".join(text.split())
    plain = "".join(c for c in line if not unicodedata.category(c).startswith("C") or c in "\u200c\u200d")
    return _ENCODED.sub("=\u2060", plain)


def name(text: str) -> str:
    """What somebody calls themselves, as far as it looks like a name."""
    line = said(text)[:100]
    return "" if _ADDRESS_OF_A_PAGE.search(line) else line


def unlinked(text: str) -> str:
    """As it was written, line by line, but no mail program makes a link or an address of it."""
    lines = (said(line) for line in text.strip().splitlines())
    return "\n".join(_LINKING.sub("\\g<0>\u2060", line) for line in lines)


@pass_context
def role(context: Context, name: str) -> str:
    """As people write it: an engineer II is no engineer ii."""
    if context["language"] == Language.KOREAN:
        return ROLES_IN_KOREAN[name]
    return " ".join(word.upper() if set(word) == {"i"} else word for word in name.split("_"))


class _Form:
    """One letter in one of the forms that it is read in."""

    def __init__(self, form: str, letter: Letter, words: Mapping[str, str]) -> None:
        self._template = _environment(form).get_template(f"{letter.kind}.{letter.language}.jinja")
        self._words = {**words, "layout": LAYOUTS[form]}

    def whole(self) -> str:
        return self._template.render(self._words)

    def block(self, name: str) -> str:
        return "".join(self._template.blocks[name](self._template.new_context(self._words)))


@cache
def _environment(form: str) -> Environment:
    loader = FileSystemLoader(TEMPLATES)
    made = Environment(loader=loader, autoescape=form == "html", undefined=StrictUndefined)
    made.filters |= {"said": said, "name": name, "unlinked": unlinked, "role": role}
    return made
