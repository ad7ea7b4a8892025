"""Looks for people who were erased, in every place that holds anything."""

import asyncio
import json
import re
import unicodedata
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from functools import cached_property
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

import psycopg

from cli.client import Api
from infra import bus, scrub
from infra.config import Settings
from infra.objects import s3_store
from tests.e2e.answers import Answers, known_to

GZIP: Final = b"\x1f\x8b\x08"
STREAMS: Final = ("EVENTS", "TELEMETRY", "PARKED", "KV_LEASES")
TABLES: Final = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables ORDER BY 1"


@dataclass(frozen=True)
class Forgotten:
    settings: Settings
    owner: Settings
    words: Sequence[str]

    def named_in(self, text: bytes) -> list[str]:
        lower = text.lower()
        return [word for word, forms in self._forms.items() if any(form in lower for form in forms)]

    @cached_property
    def _forms(self) -> Mapping[str, set[bytes]]:
        return {word: set(forms(word)) for word in self.words}

    def assert_nobody_is_named(self, data: Path, *apis: Api) -> None:
        """In no table of any database, on no stream, in no log, in no object, nowhere in MLflow, by no answer."""
        found = self.found(data, *apis)
        assert not found, found

    def found(self, data: Path, *apis: Api) -> dict[str, list[str]]:
        """Who is named where, asked of each place as whoever keeps it would."""
        places: dict[str, set[str]] = {}
        for place, text in self.places(data, *apis):
            places.setdefault(place, set()).update(self.named_in(text))
        return {place: sorted(found) for place, found in places.items() if found}

    def found_in_files(self, data: Path) -> dict[str, list[str]]:
        """Also in what no server would tell any more."""
        files = [file for file in data.rglob("*") if file.is_file()]
        return {str(file.relative_to(data)): found for file in files if (found := self.named_in(read(file)))}

    def places(self, data: Path, *apis: Api) -> Iterator[tuple[str, bytes]]:
        """What each place holds, by its name; of `apis`, which ask, the first is an admin's."""
        yield from self._rows()
        for stream, message in asyncio.run(everything_on_the_bus(self.owner.need("nats_url"))):
            yield f"stream {stream}", message
        for folder in ("logs", "mlflow", "run", "mail"):
            yield from ((str(file), read(file)) for file in (data / folder).rglob("*") if file.is_file())
        store = s3_store(self.settings)
        for path in [str(each["path"]) for batch in store.list() for each in batch]:
            yield f"object {path}", path.encode() + bytes(store.get(path).bytes())
        known = known_to(apis[0]) if apis else {}
        for api in apis:
            yield from ((f"answer {template}", text) for template, text in Answers(api, known).every())

    def _rows(self) -> Iterator[tuple[str, bytes]]:
        """Of every table of every database of the server, what PostgreSQL keeps for itself among them."""
        admin = scrub.administrator(self.settings)
        with psycopg.connect(admin) as connection:
            names = [name for (name,) in connection.execute("SELECT datname FROM pg_database WHERE datallowconn")]
        for name in names:
            with psycopg.connect(urlsplit(admin)._replace(path=f"/{name}").geturl()) as connection:
                for (table,) in connection.execute(TABLES).fetchall():
                    rows = connection.execute(f"SELECT t::text FROM {table} t".encode()).fetchall()
                    yield f"{name}: {table}", "\n".join(row or "" for (row,) in rows).encode()


def forms(word: str) -> Iterator[bytes]:
    """In every way in which it may be written down, in small letters as far as bytes have such."""
    for cased in {word, word.lower(), word.upper(), word.casefold()}:
        for normal in ("NFC", "NFD", "NFKC", "NFKD"):
            form = unicodedata.normalize(normal, cased)
            for written in (form, json.dumps(form)[1:-1], quote(form, safe="@/ ")):
                yield written.encode().lower()


def read(file: Path) -> bytes:
    """Also what stands there packed, and a letter as it is read: most of it is written in base64."""
    content = file.read_bytes()
    content += b"".join(unpacked(content))
    if file.suffix != ".eml":
        return content
    letter = message_from_bytes(content, policy=default)
    parts = [str(part.get_content()) for part in letter.walk() if not part.is_multipart()]
    return content + "\n".join([*map(str, letter.values()), *parts]).encode()


def unpacked(content: bytes) -> Iterator[bytes]:
    """The object store packs what gets smaller by that."""
    for found in re.finditer(re.escape(GZIP), content):
        with suppress(zlib.error):
            yield zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(content[found.start() :])


def hand_over(api: Api, other: Api) -> None:
    """Whoever goes owns no project."""
    successor = other.get("/auth/me")["id"]
    for project in api.get("/projects")["items"]:
        api.post(f"/projects/{project['id']}/owner/offer", person_id=successor)
        other.post(f"/projects/{project['id']}/owner/accept")


async def everything_on_the_bus(url: str) -> list[tuple[str, bytes]]:
    client = await bus.connect(url)
    js, found = client.jetstream(), []
    try:
        for stream in STREAMS:
            state = (await js.stream_info(stream)).state
            for sequence in range(state.first_seq, state.last_seq + 1) if state.messages else ():
                message = await js.get_msg(stream, sequence)
                found.append((stream, f"{message.subject} {message.headers}".encode() + (message.data or b"")))
    finally:
        await client.close()
    return found
