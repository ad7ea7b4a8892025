"""Heads that are kept outside, in the object store and in a place of the operator's own; what they bring to light."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from uuid import UUID, uuid4

import obstore
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from cli.exits import Exit, Stop
from cli.replay import verified
from infra.config import Settings
from infra.heads import EVERY, Heads, Receipt, named_place, places
from infra.ledger import Head
from infra.objects import s3_store
from tests.ground import Ground, ground
from tests.servers import Databases, Servers

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.fixture(params=["object store", "folder", "address with a key"])
def place(request: pytest.FixtureRequest, servers: Servers, tmp_path: Path) -> Heads:
    settings = servers.settings("consumers")
    if request.param == "object store":
        return Heads(s3_store(settings))
    if request.param == "folder":
        return Heads(named_place(str(tmp_path), ""))
    host = settings.need("s3_url").removeprefix("http://")
    keys = f"{settings.need('s3_access_key')}:{settings.need('s3_secret_key')}"
    return Heads(named_place(f"http://{keys}@{host}/{settings.s3_bucket}/beside", settings.s3_region))


def head(ledger: UUID, position: int) -> Head:
    return Head(ledger, 1, position, position.to_bytes(32, "big"))


def receipt(position: int) -> Receipt:
    return Receipt(position, position.to_bytes(32, "big").hex())


def test_a_head_is_kept_once_per_stretch_of_time_and_never_written_over(place: Heads) -> None:
    ledger = uuid4()
    for position, later in ((0, 0), (5, 0), (6, 0), (7, 1), (7, 2), (8, 3)):
        place.keep(head(ledger, position), NOW + later * EVERY)
    Heads(place.store).keep(head(ledger, 99), NOW)
    assert list(place.receipts(ledger)) == [receipt(5), receipt(7), receipt(8)]
    assert list(place.receipts(uuid4())) == []


def test_of_days_long_gone_the_last_head_stays(place: Heads) -> None:
    ledger = uuid4()
    for hours in range(0, 96, 6):
        place.keep(head(ledger, hours + 1), NOW.replace(hour=0) + timedelta(hours=hours))
    assert [found.position for found in place.receipts(ledger)] == [19, *range(25, 97, 6)]


@pytest.fixture
def edited(fresh_database: Callable[..., Databases]) -> Iterator[Ground]:
    with ground(fresh_database()) as ready:
        yield ready


def edit(databases: Databases, position: int) -> None:
    """What a superuser can do: change an event, and make the chain and the head anew over it, without a flaw."""
    url = make_conninfo(databases.admin_url, dbname=databases.names.ledger)
    with psycopg.connect(url) as superuser:
        superuser.execute("ALTER TABLE ledger.events DISABLE TRIGGER ALL")
        changed = superuser.execute(
            "UPDATE ledger.events SET state = convert_to(replace(convert_from(state, 'UTF8'), 'Z\"', '1Z\"'), 'UTF8')"
            " WHERE notification_id = %s AND position('Z\"'::bytea IN state) > 0",
            (position,),
        )
        assert changed.rowcount == 1
        superuser.execute(
            """
            DO $$
            DECLARE
                at ledger.events%ROWTYPE;
                h ledger.head%ROWTYPE;
            BEGIN
                SELECT * INTO h FROM ledger.head;
                h.chain := ledger.genesis(h.ledger);
                FOR at IN SELECT * FROM ledger.events ORDER BY notification_id LOOP
                    h.chain := ledger.link(h.ledger, h.chain, at.notification_id, at.originator_id,
                        at.originator_version, at.topic, ledger.micros(at.recorded_at), at.state);
                    UPDATE ledger.events SET chain = h.chain WHERE notification_id = at.notification_id;
                END LOOP;
                UPDATE ledger.head SET chain = h.chain;
            END $$
            """
        )
        superuser.execute("ALTER TABLE ledger.events ENABLE TRIGGER ALL")


def test_history_that_a_superuser_edited_without_a_flaw_is_found_out_by_a_head_kept_outside(
    servers: Servers, edited: Ground, tmp_path: Path
) -> None:
    told = servers.settings("consumers", edited.databases)
    settings = Settings.model_validate(told.model_dump() | {"heads_url": SecretStr(str(tmp_path / "own"))})
    for at, count in enumerate((30, 20, 10)):
        edited.write(count)
        for each in places(settings):
            each.keep(edited.ledger.head(), NOW + at * EVERY)
    assert verified(settings, [], kept=True)["receipts"] == 3
    edit(edited.databases, 40)
    assert verified(settings, [])["events"] == 60
    for witnesses in ({"heads": tmp_path / "own"}, {"kept": True}):
        with pytest.raises(Stop, match=r"position 50: the receipt says .* history was edited") as stopped:
            verified(settings, [], **witnesses)
        assert stopped.value.exit_code == Exit.NOT_VERIFIED


def test_a_ledger_of_which_no_head_is_kept_is_not_verified_by_heads(
    servers: Servers, edited: Ground, tmp_path: Path
) -> None:
    edited.write(3)
    settings = servers.settings("consumers", edited.databases)
    for witnesses in ({"heads": tmp_path}, {"kept": True}):
        with pytest.raises(Stop, match="no head") as stopped:
            verified(settings, [], **witnesses)
        assert stopped.value.exit_code == Exit.NOT_VERIFIED


OLD = "".join(
    f"<Contents><Key>heads/{UUID(int=1)}/2026-01-01/00-{minute}.json</Key><Size>1</Size>"
    "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
    for minute in ("00", "10")
)


class OnlyCreatesAndLists(BaseHTTPRequestHandler):
    """An object store, to a key that may do no more."""

    def do_GET(self) -> None:
        self.answer(200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{OLD}</ListBucketResult>")

    def do_PUT(self) -> None:
        self.answer(200, "", ETag='"1"')

    def do_POST(self) -> None:
        self.answer(403, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>")

    do_DELETE = do_POST

    def answer(self, status: int, body: str, **headers: str) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked.append(self.command)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


asked: list[str] = []


def test_where_nothing_may_be_deleted_all_heads_stay_and_more_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), OnlyCreatesAndLists) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        place = Heads(named_place(f"http://key:secret@127.0.0.1:{server.server_port}/bucket", "us-east-1"))
        for position in range(1, 4):
            place.keep(head(UUID(int=1), position), NOW + position * EVERY)
        server.shutdown()
        thread.join()
    assert asked.count("PUT") == 3
    assert (asked.count("GET"), asked.count("POST") + asked.count("DELETE")) == (1, 1), "the day has seen its try"
    (told,) = [record.getMessage() for record in caplog.records if record.name == "infra.heads"]
    assert "stay" in told
    assert "secret" not in told


def test_an_address_says_nothing_of_its_key_where_the_place_is_away() -> None:
    away = Heads(named_place("http://key:secret@127.0.0.1:9/bucket", "us-east-1"))
    with pytest.raises(obstore.exceptions.BaseError) as raised:
        list(away.receipts(uuid4()))
    assert "secret" not in str(raised.value)
