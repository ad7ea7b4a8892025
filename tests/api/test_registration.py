"""Registration over HTTP where the address is proven first: one answer for everybody, and an account by a link."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from httpx2 import Response
from psycopg.conninfo import conninfo_to_dict
from uuid_utils.compat import uuid7

from commands.access import Caller
from commands.registration import RequestRegistration
from consumers.acting import Platform
from consumers.mail import Desk, MailReaction
from consumers.registrations import NewcomersDesk
from infra.config import Settings
from infra.erased import destroy_keys_of_dropped, gone
from infra.mailbox import Kept, Mailbox
from infra.parked import Parked
from infra.post import Post
from infra.provision import OWNER
from infra.unit import Errand
from infra.wiring import Core
from tests.api.letters import UNNAMED, Delivered, records_of, token_in
from tests.api.visitor import PASSWORD, Visitor
from tests.servers import Servers

PAGE = "verify-email"
Look = Callable[..., list[Kept]]


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"verify_first": True})


@pytest.fixture(scope="module")
def owner_url(settings: Settings, servers: Servers) -> str:
    """Of the same database, as the one who may lock its tables."""
    name = conninfo_to_dict(settings.need("database_url"))["dbname"]
    return servers.parts.database_url(OWNER, str(name))


@pytest.fixture(scope="module")
def look(settings: Settings, servers: Servers) -> Iterator[Look]:
    """What came by mail for those who wait, the newest first."""
    box = Mailbox.inside(servers.stack.folder.path)
    with Core.open(settings) as core:
        accounts = core.accounts()
        desk = Desk(
            Platform(core.store, core.mapper, core.dispatch(accounts, UNNAMED)), core.links(), accounts.person_of
        )
        mail = MailReaction(desk, Post(servers.parts.mail_settings), "https://vistory.example")
        newcomers = NewcomersDesk(
            core.registrations(), mail, records_of(core), lambda person_id: box.forget([person_id])
        )

        def look(later: timedelta = timedelta()) -> list[Kept]:
            before = {each.number for each in box.letters()}
            asyncio.run(newcomers.look(datetime.now(UTC) + later))
            return [each for each in box.letters() if each.number not in before]

        yield look


def ask(stranger: Visitor, email: str, **other: str) -> Response:
    who: dict[str, Any] = {"email": email, "full_name": "Ida Ö", "password": PASSWORD, "division": "One"}
    return stranger("POST", "/auth/register", who | {"company": email} | other)


def follow(stranger: Visitor, letter: Kept) -> Response:
    return stranger("POST", "/auth/verify-email", {"token": token_in(letter, PAGE)})


def begun(stranger: Visitor, look: Look, email: str) -> dict[str, Any]:
    assert ask(stranger, email).status_code == 202
    (letter,) = look()
    assert follow(stranger, letter).status_code == 200
    found: dict[str, Any] = stranger.post("/auth/login", {"email": email, "password": PASSWORD})
    return found


def test_an_account_begins_when_the_link_is_followed(stranger: Visitor, look: Look, delivered: Delivered) -> None:
    assert (ask(stranger, "ida@example.org").status_code, delivered()) == (202, [])
    assert stranger("POST", "/auth/login", {"email": "ida@example.org", "password": PASSWORD}).status_code == 401
    (letter,) = look()
    assert letter.letter["to"] == "ida@example.org"
    assert "Hello Ida Ö," in letter.text
    assert look() == []
    made = follow(stranger, letter)
    assert made.json() == {"id": letter.letter["vistory-about"].strip()}
    assert follow(stranger, letter).status_code == 409
    signed_in = stranger.post("/auth/login", {"email": "ida@example.org", "password": PASSWORD})
    person = signed_in["person"]
    assert (person["email_verified"], person["role"], person["status"]) == (True, "admin", "active")
    assert delivered() == []


def test_no_answer_tells_who_has_an_address_and_whoever_has_it_hears_of_it(stranger: Visitor, look: Look) -> None:
    begun(stranger, look, "known@example.org")
    known, unknown = ask(stranger, "KNOWN@example.org"), ask(stranger, "unknown@example.org")
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text) == (202, '{"status":"asked"}')
    assert set(known.headers) == set(unknown.headers)
    letters = {str(each.letter["to"]): each for each in look()}
    assert letters["known@example.org"].letter["subject"] == "You already have an account at Vistory"
    assert "#token" not in letters["known@example.org"].text
    assert follow(stranger, letters["unknown@example.org"]).status_code == 200


def test_no_clock_tells_it_either(stranger: Visitor, owner_url: str) -> None:
    """Addresses are not looked up: here, where they cannot be looked up at all for now."""
    with psycopg.connect(owner_url) as owner:
        owner.execute("LOCK TABLE secrets.email_index IN ACCESS EXCLUSIVE MODE")
        assert ask(stranger, "locked@example.org").status_code == 202


def test_what_somebody_gave_is_in_no_event_and_sealed_until_then(
    stranger: Visitor, look: Look, settings: Settings
) -> None:
    with psycopg.connect(settings.need("database_url")) as connection:

        def count() -> int:
            row = connection.execute("SELECT position FROM ledger.head").fetchone()
            connection.commit()
            assert row
            return int(row[0])

        before = count()
        ask(stranger, "sealed@example.org")
        assert count() == before
        rows = connection.execute("SELECT t::text, sealed FROM secrets.registrations t").fetchall()
        assert rows
        assert not [row for row in rows if "sealed@" in row[0] or b"sealed@" in bytes(row[1])]
    look()


def test_who_never_follows_the_link_is_forgotten_after_a_day(
    stranger: Visitor, look: Look, settings: Settings, servers: Servers
) -> None:
    ask(stranger, "never@example.org")
    (letter,) = look()
    person_id = letter.letter["vistory-about"].strip()
    box = Mailbox.inside(servers.stack.folder.path)
    assert letter.number in {each.number for each in box.letters()}
    look(timedelta(hours=25))
    assert letter.number not in {each.number for each in box.letters()}
    with psycopg.connect(settings.need("database_url")) as connection:
        for table, column in (("registrations", "person_id"), ("passwords", "person_id"), ("links", "subject")):
            query = f"SELECT count(*) FROM secrets.{table} WHERE {column} = %s"
            assert connection.execute(query.encode(), (person_id,)).fetchone() == (0,), table
    with Core.open(settings) as core:
        assert core.keys.kept_of([person_id]) == []
    assert follow(stranger, letter).status_code == 409


def test_a_registration_that_was_dropped_does_not_come_back_with_an_older_copy_of_the_keys(
    stranger: Visitor, look: Look, settings: Settings
) -> None:
    ask(stranger, "dropped@example.org")
    (letter,) = look()
    person_id = UUID(letter.letter["vistory-about"].strip())
    look(timedelta(hours=25))
    with Core.open(settings) as core, core.pool.connection() as connection:
        assert person_id in gone(connection)
        core.keys.seal(person_id, b"as an older copy brings it back", b"")
        destroy_keys_of_dropped(core)
        assert core.keys.kept_of([person_id]) == []


def test_what_keeps_one_letter_from_going_keeps_no_other(
    stranger: Visitor, look: Look, settings: Settings, owner_url: str
) -> None:
    ask(stranger, "broken@example.org")
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("UPDATE secrets.registrations SET nonce = '\\x00' WHERE written_at IS NULL")
    ask(stranger, "whole@example.org")
    assert [each.letter["to"] for each in look()] == ["whole@example.org"]
    look(timedelta(hours=25))


def test_a_letter_waits_for_the_mail_server_and_goes_once(
    stranger: Visitor, look: Look, settings: Settings, servers: Servers
) -> None:
    """And one that was refused goes once somebody asks for it again."""
    ask(stranger, "patient@example.org")
    with Core.open(settings) as core:
        desk = Desk(Platform(core.store, core.mapper, core.dispatch(core.accounts(), UNNAMED)), core.links(),
                    core.accounts().person_of)  # fmt: skip
        nowhere = servers.parts.mail_settings.model_copy(update={"host": "127.0.0.1", "port": 1})
        down = NewcomersDesk(
            core.registrations(), MailReaction(desk, Post(nowhere), "https://x.example"), records_of(core), print
        )
        for _ in range(2):
            asyncio.run(down.look(datetime.now(UTC)))
        assert Parked(core.pool).listed() == []
        ((person_id, *_),) = core.registrations().unwritten(datetime.now(UTC), 2)
        asyncio.run(records_of(core).park("write-to-newcomers", 0, "registration", "refused", 1, str(person_id)))
        core.registrations().note_written(person_id)
        assert look() == []
        assert Parked(core.pool).redrive(Parked(core.pool).listed()[0]["id"])
        assert [each.letter["to"] for each in look()] == ["patient@example.org"]
        assert (look(), Parked(core.pool).listed()) == ([], [])


def test_of_whoever_came_in_nothing_stays_set_aside(stranger: Visitor, look: Look, settings: Settings) -> None:
    """A server may have refused a letter that came all the same."""
    ask(stranger, "late@example.org")
    (letter,) = look()
    person_id = str(letter.letter["vistory-about"]).strip()
    with Core.open(settings) as core:
        subject = f"registration.{person_id}"
        asyncio.run(records_of(core).park("write-to-newcomers", 0, subject, "refused", 1, person_id))
        assert look() == []
        assert [row["subject"] for row in Parked(core.pool).listed()] == [subject]
        assert follow(stranger, letter).status_code == 200
        assert (look(), Parked(core.pool).listed()) == ([], [])


def test_how_often_somebody_is_written_to_is_limited(stranger: Visitor, look: Look) -> None:
    answers = [ask(stranger, "often@example.org") for _ in range(4)]
    assert [each.status_code for each in answers] == [202, 202, 202, 429]
    assert len(look()) == 3


def test_whoever_sends_a_registration_again_under_one_key_is_written_to_once(stranger: Visitor, look: Look) -> None:
    who = {"email": "key@example.org", "full_name": "Ida", "password": PASSWORD, "company": "Key", "division": "One"}
    for _ in range(2):
        assert stranger("POST", "/auth/register", who, key="k1").status_code == 202
    assert len(look()) == 1


def test_a_letter_that_no_server_takes_is_not_tried_for_ever(stranger: Visitor, look: Look, settings: Settings) -> None:
    asked = RequestRegistration(
        person_id=uuid7(), email="nobody@-nowhere-.example", full_name="Ida", avatar_name="calm-fox-1",
        password=PASSWORD, company="Nowhere", division="One",
    )  # fmt: skip
    with Core.open(settings) as core:
        errand = Errand(Caller(kind="anonymous", id=UUID(int=0)), datetime.now(UTC), uuid7())
        core.dispatch(core.accounts(), UNNAMED)(asked, errand)
        assert look() == []
        (row,) = Parked(core.pool).listed()
        assert (row["consumer"], row["subject"]) == ("write-to-newcomers", f"registration.{asked.person_id}")
        assert row["reason"].startswith("AddressIsUnwritable: ")
        assert Parked(core.pool).redrive(row["id"])
        assert look() == []
        (again,) = Parked(core.pool).listed()
        assert (again["attempts"], again["reason"].startswith("tried again: ")) == (2, True)
        look(timedelta(hours=25))
        assert Parked(core.pool).listed() == []
    assert ask(stranger, "nobody@-nowhere-.example").status_code == 422
    assert ask(stranger, "after@example.org").status_code == 202
    assert [each.letter["to"] for each in look()] == ["after@example.org"]
