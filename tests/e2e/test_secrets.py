"""After a whole run nothing secret and nobody's name stands where it does not belong; and persons can be erased."""

import asyncio
import base64
import json
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import psycopg
import pytest

from cli import person, rebuild
from cli.client import CALLED, Api
from cli.digits import write_digits
from cli.live import messages
from cli.local import given, settings_of
from commands.email import VouchForAddress
from commands.operator import AppointOperator
from infra import scrub
from infra.config import Settings
from infra.host import Host
from infra.names import PREFIX
from tests.e2e.answers import Answers, described, known_to
from tests.e2e.forgotten import Forgotten, everything_on_the_bus, hand_over
from tests.e2e.running import up
from tests.e2e.watching import Noting, Watch
from tests.runs import Runs
from tests.servers import data_folder
from tests.whole import assert_history_holds, begun

pytestmark = [pytest.mark.slow, pytest.mark.connected]
HOME: Final = {"company": "Planted", "division": "Vision"}
ANN: Final = {
    "full_name": "Zephyrine Plantagenet",
    "email": "zephyrine@planted.example",
    "password": "Xanthous-Zephyr-1",
}
BEN: Final = {"full_name": "Balthasar Quillfeather", "email": "balthasar@planted.example", "password": "Ochre-Quill-22"}
CEM: Final = {"full_name": "Cem Stays", "email": "cem@stays.example", "password": "Sepia-Anvil-333"}
# Of these there is none here.
UNANSWERED: Final = {
    "/auth/token",
    "/service-accounts/{id}",
    "/service-accounts/{id}/subscription",
    "/service-accounts/{id}/tokens",
}
SIGNED: Final = re.compile(rb"x-amz-(signature|credential|security-token)", re.IGNORECASE)
# Where somebody stands by name who made a project and a dataset, and trained once.
NAMING: Final = {
    "/admin/users",
    "/admin/users/{person_id}",
    "/audit/entity/{type}/{id}",
    "/audit/organization",
    "/audit/project/{project_id}",
    "/members",
    "/models/{model_id}/lineage",
}
PERSONAL: Final = tuple(person[field] for person in (ANN, BEN) for field in ("full_name", "email"))


@dataclass
class Whole:
    """A platform on which two persons did everything that there is to do, while a third looked on."""

    data: Path
    api: Noting
    persons: tuple[str, str]
    project: str
    other: Api
    watch: Watch

    @property
    def settings(self) -> Settings:
        return settings_of(self.data)

    @property
    def owner(self) -> Settings:
        return settings_of(self.data, "migrate")

    def secrets(self) -> list[bytes]:
        """In every form in which they could be written."""
        files = [file for file in (self.data / "secrets").iterdir() if file.name != "nats-users.conf"]
        known = [form for file in files for form in forms(file.read_bytes())]
        tokens = {self.api.token, self.other.token, *self.watch.tokens, ANN["password"], BEN["password"]}
        return known + [token.encode() for token in tokens if token]

    def found_in(self, texts: Iterable[bytes], persons: bool = True) -> list[bytes]:
        """What of all this stands there."""
        wanted = self.secrets() + [word.encode() for word in PERSONAL if persons]
        everything = b"\n".join(texts)
        assert everything
        lower = everything.lower()
        return [word for word in wanted if word in everything or word.lower() in lower]


def forms(secret: bytes) -> tuple[bytes, ...]:
    return secret, secret.hex().encode(), base64.b64encode(secret), base64.urlsafe_b64encode(secret)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    images = write_digits(tmp_path_factory.mktemp("images") / "digits", most=40)
    with data_folder() as folder, up(folder / "data", folder / "home") as running:
        told = json.loads(running.first_line())
        with Watch(running, folder / "data") as watch, Noting(told["api"]) as api:
            whole = arrive(folder / "data", api, watch)
            train(whole, images)
            provoke(whole)
            with whole.other:
                yield whole


def arrive(data: Path, api: Noting, watch: Watch) -> Whole:
    """Ann is the first; the others wait until she lets them in."""
    ann, ben, cem = (api.post("/auth/register", **person, **HOME)["id"] for person in (ANN, BEN, CEM))
    api.token = token(api, ANN)
    vouch_for(data, ann, cem)
    waiting = {one["person_id"]: one["id"] for one in api.pages("/members", waiting=True)}
    api.post(f"/members/{waiting[ben]}/approve", role="engineer_i")
    api.post(f"/members/{waiting[cem]}/approve", role="admin")
    project = api.post("/projects", name="Secrets")["id"]
    return Whole(data, api, (ann, ben), project, Api(api.url, token(api, CEM)), watch)


def vouch_for(data: Path, *people: str) -> None:
    """Who has not verified the address reads, and does no more."""
    with Host.open(settings_of(data)) as host:
        for person in people:
            host.give(VouchForAddress(person_id=UUID(person)))


def token(api: Api, person: dict[str, str]) -> str:
    answer = api.post("/auth/login", email=person["email"], password=person["password"])
    return str(answer["access_token"])


def train(whole: Whole, images: Path) -> None:
    api = whole.api
    *_, end = messages(api, begun(api, images, epochs=2))
    assert end["status"] == "completed", end
    (dataset,) = api.get("/datasets")["items"]
    assert api.get(f"/datasets/{dataset['id']}/images")["items"]
    (model,) = api.get("/models")["items"]
    assert api.download(api.get(f"/models/{model['id']}")["url"])
    assert api.get("/audit/organization")["items"]


def provoke(whole: Whole) -> None:
    """Errors whose text would hold what nobody should read."""
    refused = [
        httpx.post(f"{whole.api.url}{PREFIX}/auth/{what}", json=body, trust_env=False)
        for what, body in (
            ("register", ANN | HOME),
            ("register", ANN | HOME | {"email": ANN["email"] + "\n"}),
            ("login", ANN | {"unknown": ANN["email"]}),
            ("login", {"email": ANN["email"], "password": BEN["password"]}),
        )
    ]
    assert {answer.status_code for answer in refused} == {401, 409, 422}
    with psycopg.connect(whole.owner.need("database_url"), autocommit=True) as owner:
        owner.execute("CREATE TABLE public.once (email text PRIMARY KEY, token text)")
        row = (ANN["email"], whole.api.token)
        owner.execute("INSERT INTO public.once VALUES (%s, %s)", row)
        with pytest.raises(psycopg.errors.UniqueViolation, match=ANN["email"]):
            owner.execute("INSERT INTO public.once VALUES (%s, %s)", row)
        with pytest.raises(psycopg.errors.SyntaxError):
            owner.execute(f"INSERT {ANN['email']} {whole.api.token}".encode())


@pytest.mark.timeout(300)
def test_what_is_looked_for_would_be_found(whole: Whole) -> None:
    assert len(whole.watch.tokens) == 1
    assert len(whole.secrets()) > 80
    for secret in (*whole.secrets(), ANN["full_name"].upper().encode(), BEN["email"].encode()):
        assert whole.found_in([b"before ", secret + b" after"])


def test_the_history_holds_no_secret_and_nobodys_name(whole: Whole) -> None:
    with psycopg.connect(whole.settings.need("database_url")) as connection:
        query = "SELECT convert_to(topic, 'UTF8') || state FROM ledger.events"
        states = [state for (state,) in connection.execute(query)]
        results = [str(row).encode() for row in connection.execute("SELECT result FROM ledger.commands")]
    assert len(states) > 20
    assert whole.found_in(states + results) == []


def test_the_bus_carries_no_secret_and_nobodys_name(whole: Whole) -> None:
    carried = asyncio.run(everything_on_the_bus(whole.owner.need("nats_url")))
    assert {stream for stream, _ in carried} == {"EVENTS", "TELEMETRY", "KV_LEASES"}
    assert whole.found_in(message for _, message in carried) == []


def test_no_log_holds_a_secret_a_name_or_an_address_with_a_permission_in_it(whole: Whole) -> None:
    logs = {file.name: file.read_bytes() for file in (whole.data / "logs").iterdir()}
    assert b"once_pkey" in logs["postgres.log"]
    assert b"/api/v1/auth/login" in logs["api.log"]
    assert {name: found for name, text in logs.items() if text and (found := whole.found_in([text]))} == {}
    assert [line for text in logs.values() for line in text.splitlines() if SIGNED.search(line)] == []


def test_no_tag_of_mlflow_is_about_anybody(whole: Whole) -> None:
    """They cannot be taken back from wherever they went, so nothing that would have to be forgotten is in them."""
    (job,) = whole.api.get("/training-jobs")["items"]
    runs = Runs(whole.settings.need("mlflow_url"))
    tags = [*runs.of(job["id"])[0]["data"]["tags"], *runs.tags_of_experiments()]
    runs.close()
    assert {each["key"] for each in tags} >= {"vistory.project_id", "vistory.experiment_id"}
    me = whole.api.get("/auth/me")
    texts = [f"{each['key']}={each['value']}".encode() for each in tags]
    assert whole.found_in(texts) == []
    said = b"\n".join(texts).decode()
    assert [word for word in (*whole.persons, me["avatar_name"], "127.0.0.1", CALLED) if word in said] == []


def test_no_process_shows_a_secret_in_its_command_line_or_its_environment(whole: Whole) -> None:
    assert any(b"job.json" in shown for shown in whole.watch.shown)
    assert {"postgres", "nats-server", "weed", "vistory"} <= set(whole.watch.shown.values())
    guilty = {name for shown, name in whole.watch.shown.items() if shown and whole.found_in([shown])}
    assert guilty == set()


def test_only_their_owner_may_read_the_files_that_hold_a_secret(whole: Whole) -> None:
    """What is private to a server (a database's own files) is closed to others as a whole."""
    open_to_others = [file for file in whole.data.rglob("*") if file.is_file() and may_be_read(file, whole.data)]
    assert [file for file in open_to_others if whole.found_in([b" ", file.read_bytes()])] == []
    settings = [*(whole.data / "run").glob("*.json"), *(whole.data / "secrets").iterdir()]
    guilty = [file for file in settings if mode(file) != 0o600 and whole.found_in([b" ", file.read_bytes()])]
    assert guilty == []


def may_be_read(file: Path, top: Path) -> bool:
    """By somebody else: the file itself, and every folder on the way to it."""
    folders = [folder for folder in file.parents if folder.is_relative_to(top)]
    return bool(mode(file) & 0o044) and all(mode(folder) & 0o011 for folder in folders)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_addresses_with_a_permission_in_them_are_good_for_five_minutes_at_most(whole: Whole) -> None:
    assert len(whole.api.addresses) > 100
    lives = {int(parse_qs(urlsplit(each).query)["X-Amz-Expires"][0]) for each in whole.api.addresses}
    assert max(lives) <= 300


@pytest.mark.timeout(300)
def test_two_persons_are_erased_and_the_history_holds(whole: Whole) -> None:
    assert set(PERSONAL) <= set(words_of(whole.settings))
    forgotten = Forgotten(whole.settings, whole.owner, PERSONAL)
    given(whole.settings, CEM["email"], AppointOperator)
    answers = Answers(whole.other, known_to(whole.other))
    named = {template for template, text in answers.every() if forgotten.named_in(text)}
    assert (NAMING - named, described().keys() - answers.given - UNANSWERED) == (set(), set())
    hand_over(whole.api, whole.other)
    with psycopg.connect(whole.owner.need("database_url")) as owner:
        owner.execute("DROP TABLE public.once")
    receipts = [person.erased(whole.settings, each["email"]) for each in (ANN, BEN)]
    assert [receipt["person_id"] for receipt in receipts] == list(whole.persons)
    forgotten.assert_nobody_is_named(whole.data, whole.other)
    assert sum(place.startswith("object ") for place, _ in forgotten.places(whole.data, whole.other)) > 40
    assert scrub.scrub(whole.settings) > 10
    assert forgotten.found_in_files(whole.data) == {}
    rebuilt = [rebuilt_and_equal(whole.settings) for _ in range(2)]
    assert rebuilt[0] == rebuilt[1]
    assert [word for word in PERSONAL if word in " ".join(rebuilt[0])] == []

    whole.other.patch(f"/projects/{whole.project}", name="It goes on")
    for path in ("/auth/me", "/members", "/audit/organization", "/training-jobs"):
        assert whole.other.get(path)
    assert whole.other.get(f"/projects/{whole.project}")["name"] == "It goes on"
    assert_history_holds(whole.settings)
    assert stopped(whole.settings) == []


def rebuilt_and_equal(settings: Settings) -> list[str]:
    rebuild.made(settings, [])
    assert rebuild.compared(settings, []).differences == ()
    return words_of(settings)


def words_of(settings: Settings) -> list[str]:
    """Every value of every read model."""
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'read' ORDER BY tablename"
    with psycopg.connect(settings.need("database_url")) as connection:
        rows = [
            row
            for (table,) in connection.execute(tables).fetchall()
            for (row,) in connection.execute(f"SELECT to_jsonb(t) FROM read.{table} t ORDER BY 1").fetchall()
        ]
    return [str(value) for row in rows for value in row.values()]


def stopped(settings: Settings) -> list[tuple[str, str]]:
    with psycopg.connect(settings.need("database_url")) as connection:
        query = "SELECT consumer, stopped FROM work.positions WHERE stopped IS NOT NULL"
        return list(connection.execute(query))
