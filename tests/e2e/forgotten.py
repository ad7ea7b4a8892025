"""Looks for people who were erased, in every place that holds anything."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psycopg

from cli.client import Api
from infra import bus, scrub
from infra.config import Settings
from infra.objects import s3_store

STREAMS: Final = ("EVENTS", "TELEMETRY", "PARKED", "KV_LEASES")
TABLES: Final = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables ORDER BY 1"
PATHS: Final = ("/members", "/audit/organization?noisy=true", "/admin/users", "/projects", "/datasets", "/models")


@dataclass(frozen=True)
class Forgotten:
    settings: Settings
    owner: Settings
    words: Sequence[str]

    def named_in(self, text: bytes) -> list[str]:
        lower = text.lower()
        return [word for word in self.words if word.lower().encode() in lower]

    def assert_nobody_is_named(self, data: Path, api: Api) -> None:
        """In no table of any database, on no stream, in no log, in no object, nowhere in MLflow, by no answer."""
        assert {table: found for table, text in self._rows() if (found := self.named_in(text))} == {}
        carried = asyncio.run(everything_on_the_bus(self.owner.need("nats_url")))
        assert [stream for stream, message in carried if self.named_in(message)] == []
        folders = [data / name for name in ("logs", "mlflow", "run")]
        files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
        assert [file for file in files if self.named_in(file.read_bytes())] == []
        store = s3_store(self.settings)
        objects = [str(each["path"]) for batch in store.list() for each in batch]
        assert len(objects) > 40
        assert [path for path in objects if self.named_in(path.encode() + bytes(store.get(path).bytes()))] == []
        answers = {path: json.dumps(api.get(path), ensure_ascii=False).encode() for path in PATHS}
        assert {path: found for path, text in answers.items() if (found := self.named_in(text))} == {}

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
