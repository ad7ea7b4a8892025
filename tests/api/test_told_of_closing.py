"""Who is written to as an organization is closed and reopened, and what they read."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from cli.local import hosting
from commands.closure import CloseOrganizationOf
from commands.person import RegisterPerson
from consumers.closure import ClosureReaction
from consumers.errors import Park, verdict
from domain.membership import membership_id
from infra.config import Settings
from infra.host import Host
from infra.mailbox import Kept, Mailbox
from infra.post import LettersAreRefused
from tests.api.letters import Delivered, mail_of, records_of
from tests.api.test_closure import close
from tests.api.visitor import PASSWORD, Visitor
from tests.servers import Servers

BY_THE_HOST = "Whoever runs this platform"


@pytest.fixture
def admin(founder: Callable[[], Visitor]) -> Visitor:
    return founder()


def told(letters: list[Kept], *, of: str) -> dict[str, Kept]:
    """By address, each but once."""
    found = [each for each in letters if of in each.letter["Subject"]]
    by_address = {str(each.letter["To"]): each for each in found}
    assert len(by_address) == len(found)
    return by_address


def test_every_member_is_told_once_who_closed_it_what_ends_and_what_is_left(
    admin: Visitor, delivered: Delivered
) -> None:
    member, korean, left, out = (admin.colleague("guest") for _ in range(4))
    Visitor(admin.client).register(admin.company)
    korean("PUT", "/auth/me/language", {"language": "ko"})
    admin("DELETE", f"/admin/users/{left.id}")
    admin("POST", f"/admin/users/{out.id}/deactivate")
    delivered()
    until = datetime.fromisoformat(close(admin).json()["purge_at"])
    letters = told(delivered(), of=f"{admin.company} / Vision")
    assert set(letters) == {each.email for each in (admin, member, korean)}
    english, hangul = letters[member.email], letters[korean.email]
    for word in ("Ann Ö closed", admin.company, f"{until:%Y-%m-%d %H:%M} UTC", "trainings", "person export", "admins"):
        assert word in english.text
        assert word.split()[0] in english.html
    assert "Ann Ö 님이" in hangul.text
    assert "폐쇄" in hangul.letter["Subject"]
    assert str(english.letter["Vistory-About"]).strip() == f"{member.id}, {admin.id}"
    assert len({each.letter["Message-ID"] for each in letters.values()}) == 3
    assert delivered() == []
    admin.post("/organization/reopen")
    assert set(told(delivered(), of="is open again")) == {admin.email, member.email}


def test_where_it_was_reopened_at_once_nobody_is_told_that_it_is_closed(admin: Visitor, delivered: Delivered) -> None:
    delivered()
    close(admin)
    admin.post("/organization/reopen")
    (letter,) = delivered()
    assert "is open again" in letter.letter["Subject"]


def test_whoever_keeps_the_machine_is_not_named(admin: Visitor, delivered: Delivered, settings: Settings) -> None:
    delivered()
    with hosting(settings) as host:
        host.give(CloseOrganizationOf(organization_id=UUID(admin.organization)))
    (letter,) = delivered()
    assert BY_THE_HOST in letter.text
    assert "Ann Ö closed" not in letter.text


def test_where_it_was_closed_and_reopened_twice_nobody_is_told_twice_that_it_is_open(
    admin: Visitor, delivered: Delivered
) -> None:
    delivered()
    for _ in range(2):
        close(admin)
        admin.post("/organization/reopen")
    (letter,) = delivered()
    assert "is open again" in letter.letter["Subject"]


def test_what_some_addresses_refuse_keeps_no_letter_from_another_brings_none_twice_and_names_all_of_them(
    admin: Visitor, settings: Settings, servers: Servers
) -> None:
    cat = admin.colleague("guest")
    unwritable = [unwritable_colleague(admin, settings, word) for word in ("ben", "dan")]
    admin.colleague("guest")
    close(admin)
    box = Mailbox(servers.stack.folder / "mail")
    before = {each.number for each in box.letters()}
    with Host.open(settings) as host:
        mail, head = mail_of(host.core, servers), host.core.store.head().position
        (closed, _) = ClosureReaction(mail, records_of(host.core), host.reading).reactions()
        (row,) = host.core.store.read(head - 1, 1)
        recorded = host.core.mapper.recorded(row.stored, row.position, row.recorded_at)
        for _ in range(2):
            with pytest.raises(LettersAreRefused) as refused:
                asyncio.run(closed.effect(recorded))
            assert all(f"person {id}: " in str(refused.value) for id in unwritable)
            assert "@" not in str(refused.value)
            assert isinstance(verdict(refused.value, 1), Park)
    came = told([each for each in box.letters() if each.number not in before], of="was closed")
    assert {admin.email, cat.email} < set(came)
    assert len(came) == 3


def unwritable_colleague(admin: Visitor, settings: Settings, word: str) -> UUID:
    """Of an address that no door lets in."""
    id = uuid7()
    who = {"email": f"{word}@{'x' * 64}.org", "full_name": word.title(), "password": PASSWORD}
    called = {"avatar_name": f"blue-fox-{id.int % 10**9}"}
    with hosting(settings) as host:
        host.give(RegisterPerson(person_id=id, **who, **called, company=admin.company, division="Vision"))
    admin.post(f"/members/{membership_id(UUID(admin.organization), id)}/approve")
    return id
