"""Objects in a real store: only the bytes that were promised, only behind one's own wall, only for minutes."""

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest
from obstore.store import S3Store

from infra.config import Settings
from infra.objects import Address, ObjectIsMissing, Objects, StoreIsUnusable, StoreRefusesUs, incoming
from infra.presign import Presigner
from tests.servers import Servers

HERE, THERE = uuid4(), uuid4()


def name(data: bytes) -> str:
    return sha256(data).hexdigest()


def send(address: Address, data: bytes, **headers: str) -> int:
    return httpx.put(address.url, content=data, headers=address.headers | headers).status_code


@pytest.fixture(scope="module")
def settings(servers: Servers) -> Settings:
    return servers.settings("api")


@pytest.fixture(scope="module")
def objects(settings: Settings) -> Objects:
    return Objects.open(settings)


@pytest.fixture(scope="module")
def store(settings: Settings) -> S3Store:
    return S3Store(
        settings.s3_bucket, endpoint=settings.need("s3_url"), region=settings.s3_region,
        access_key_id=settings.need("s3_access_key"), secret_access_key=settings.need("s3_secret_key"),
        virtual_hosted_style_request=False, client_options={"allow_http": True},
    )  # fmt: skip


def test_what_is_put_is_there_by_its_hash_until_it_is_deleted(objects: Objects) -> None:
    data = b"an image"
    objects.put(HERE, name(data), data)
    objects.put(HERE, name(data), data)
    assert objects.get(HERE, name(data)) == data
    assert objects.size(HERE, name(data)) == len(data)
    objects.delete(HERE, [name(data)])
    assert objects.size(HERE, name(data)) is None
    with pytest.raises(ObjectIsMissing):
        objects.get(HERE, name(data))


def test_bytes_are_never_written_under_another_hash(objects: Objects) -> None:
    with pytest.raises(ValueError, match="do not have the hash"):
        objects.put(HERE, name(b"one"), b"other")


def test_one_organization_does_not_see_what_another_has(objects: Objects) -> None:
    data = b"theirs"
    objects.put(THERE, name(data), data)
    assert objects.sizes(HERE, [name(data)]) == {}
    assert objects.sizes(THERE, [name(data), name(b"nothing")]) == {name(data): 6}


def test_the_store_checks_hashes_by_itself(objects: Objects) -> None:
    assert objects.checks_hashes


@pytest.mark.parametrize("data", [b"", b"x", b"an image" * 100_000])
def test_promised_bytes_may_be_sent_without_credentials(objects: Objects, data: bytes) -> None:
    assert send(objects.presigned_put(HERE, name(data), len(data)), data) == 200
    assert objects.get(HERE, name(data)) == data


def test_other_bytes_than_were_promised_are_refused(objects: Objects) -> None:
    promised, other = b"promised" * 9, b"somewhat" * 9
    address = objects.presigned_put(HERE, name(promised), len(promised))
    dressed = objects.presigned_put(HERE, name(other), len(other)).headers
    for status in (
        send(address, other),
        send(address, other, **dressed),
        httpx.put(address.url, content=other).status_code,
        send(address, promised + b"more"),
        send(address._replace(url=address.url.replace(name(promised), name(other))), promised),
        httpx.request("DELETE", address.url, headers=address.headers).status_code,
    ):
        assert 400 <= status < 500
    assert objects.size(HERE, name(promised)) is None
    assert objects.size(HERE, name(other)) is None


def test_more_bytes_than_were_named_are_refused_before_they_are_kept(objects: Objects) -> None:
    data = b"larger than it was said to be"
    assert send(objects.presigned_put(HERE, name(data), 3), data) == 403
    assert objects.size(HERE, name(data)) is None


def test_an_address_to_read_shows_images_and_only_downloads_the_rest(objects: Objects) -> None:
    data = b"<script>"
    objects.put(HERE, name(data), data)
    for path, kind, shown in (
        ("train/caf\u00e9 \U0001f600.PNG", "image/png", "inline; filename*=UTF-8''caf%C3%A9%20%F0%9F%98%80.PNG"),
        ("page.html", "application/octet-stream", "attachment; filename*=UTF-8''page.html"),
        ("drawing.svg", "application/octet-stream", "attachment; filename*=UTF-8''drawing.svg"),
        (None, "application/octet-stream", "attachment"),
    ):
        answer = httpx.get(objects.presigned_get(HERE, name(data), path))
        assert (answer.status_code, answer.content) == (200, data)
        assert answer.headers["content-type"] == kind
        assert answer.headers["content-disposition"] == shown


def test_an_address_to_read_serves_nothing_else(objects: Objects) -> None:
    data = b"secret"
    for organization in (HERE, THERE):
        objects.put(organization, name(data), data)
    url = objects.presigned_get(HERE, name(data))
    assert httpx.get(url.replace(str(HERE), str(THERE))).status_code == 403
    assert httpx.get(url.split("?")[0]).status_code == 403
    assert httpx.put(url, content=b"other").status_code == 403


def test_an_address_is_good_for_five_minutes_at_most(objects: Objects, settings: Settings) -> None:
    address = objects.presigned_put(HERE, name(b"x"), 1)
    for url in (address.url, objects.presigned_get(HERE, name(b"x"))):
        assert 0 < int(parse_qs(urlsplit(url).query)["X-Amz-Expires"][0]) <= 300
    with pytest.raises(ValueError, match="at most 300 seconds"):
        signer(settings).url("GET", "vistory/x", seconds=301)
    earlier = datetime.now(UTC) - timedelta(seconds=301)
    assert httpx.get(signer(settings).url("GET", "vistory/x", now=earlier)).status_code == 403


def signer(settings: Settings) -> Presigner:
    return Presigner(
        settings.need("s3_url"), settings.s3_region, settings.need("s3_access_key"), settings.need("s3_secret_key")
    )


def test_where_the_store_checks_nothing_bytes_are_hashed_again_before_they_count(
    objects: Objects, store: S3Store
) -> None:
    careless = Objects(store, objects._presigner, "vistory", checks_hashes=False)
    promised, other = b"what was promised" * 1_100_000, b"what was sent"
    address = careless.presigned_put(HERE, name(promised), len(promised))
    assert send(address, promised) == 200
    assert objects.size(HERE, name(promised)) is None
    store.put(incoming(HERE, name(b"a claim")), other)
    assert careless.sizes(HERE, [name(promised), name(b"a claim"), name(b"nothing")]) == {name(promised): len(promised)}
    assert objects.get(HERE, name(promised)) == promised
    assert [each["path"] for page in store.list(f"orgs/{HERE}/incoming") for each in page] == []
    assert objects.size(HERE, name(b"a claim")) is None


class Careless(BaseHTTPRequestHandler):
    """An object store that takes whatever it is sent."""

    kept: ClassVar[dict[str, bytes]]
    status: ClassVar[int]
    failing: ClassVar[list[int]]

    def do_PUT(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        if self.failing:
            return self._answer(self.failing.pop(), b"")
        self.kept[urlsplit(self.path).path] = sent
        self._answer(self.status, b"")

    def do_GET(self) -> None:
        self._answer(200, self.kept[urlsplit(self.path).path])

    def do_POST(self) -> None:
        wanted = self.rfile.read(int(self.headers["Content-Length"]))
        keys = b"".join(b"<Deleted>%b</Deleted>" % key for key in re.findall(b"<Key>.*?</Key>", wanted))
        self._answer(200, b"<DeleteResult>%b</DeleteResult>" % keys)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Mon, 23 Nov 2026 20:00:00 GMT")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def careless_store() -> Iterator[Settings]:
    Careless.kept, Careless.status, Careless.failing = {}, 200, []
    with ThreadingHTTPServer(("127.0.0.1", 0), Careless) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        told = {"s3_url": f"http://127.0.0.1:{server.server_port}", "s3_access_key": "a", "s3_secret_key": "b"}
        yield Settings.model_validate(told)
        server.shutdown()
        thread.join()


def test_a_store_that_checks_nothing_is_found_out_at_start(careless_store: Settings) -> None:
    objects = Objects.open(careless_store)
    assert not objects.checks_hashes
    assert "/incoming/" in objects.presigned_put(HERE, name(b"x"), 1).url


def test_a_store_that_takes_nothing_is_asked_again_and_gets_no_address_meanwhile(
    careless_store: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    Careless.status = 500
    objects = Objects.open(careless_store)
    assert "the object store answers 500 to a signed upload" in caplog.text
    with pytest.raises(StoreIsUnusable):
        objects.presigned_put(HERE, name(b"x"), 1)
    Careless.status = 200
    assert "/incoming/" in objects.presigned_put(HERE, name(b"x"), 1).url


def test_a_store_that_is_away_keeps_nobody_from_starting(caplog: pytest.LogCaptureFixture) -> None:
    away = {"s3_url": "http://127.0.0.1:9", "s3_access_key": "a", "s3_secret_key": "b"}
    objects = Objects.open(Settings.model_validate(away))
    assert (
        "cannot be used yet: StoreIsUnusable: the object store does not answer: ConnectionRefusedError" in caplog.text
    )
    with pytest.raises(StoreIsUnusable):
        objects.presigned_put(HERE, name(b"x"), 1)


@pytest.mark.parametrize("status", [503, 429])
def test_a_store_that_fails_on_other_bytes_is_asked_again(careless_store: Settings, status: int) -> None:
    Careless.failing = [status]
    objects = Objects.open(careless_store)
    assert not Careless.failing
    assert not objects.checks_hashes


@pytest.mark.parametrize("status", [403, 404])
def test_a_store_that_does_not_know_us_keeps_a_process_from_starting(careless_store: Settings, status: int) -> None:
    Careless.status = status
    with pytest.raises(StoreRefusesUs, match=f"answers {status} .*: are its keys and bucket right"):
        Objects.open(careless_store)
