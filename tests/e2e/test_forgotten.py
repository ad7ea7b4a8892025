"""Somebody is erased of whom everything was held: what is looked for is found before, and nowhere since."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from cli import person
from cli.client import Api
from cli.local import given, settings_of
from commands.operator import AppointOperator
from infra import scrub
from infra.config import Settings
from infra.mailbox import Mailbox
from tests.e2e.forgotten import Forgotten
from tests.e2e.planting import Planted, code_in, end_invitations, letters_came, plant, put_into_the_open
from tests.e2e.running import up
from tests.servers import data_folder
from tests.whole import assert_history_holds, waited

pytestmark = [pytest.mark.slow, pytest.mark.connected, pytest.mark.timeout(400)]
OBJECTS = "objects"
# To whoever stays, these name her.
ANSWERS = (
    "/members",
    "/admin/users",
    "/admin/users/{person_id}",
    "/audit/organization",
    "/audit/entity/{type}/{id}",
    "/audit/project/{project_id}",
    "/invitations",
)
HOST = {"email": "host@planted.example", "full_name": "Hosea Remains", "password": "Sepia-Anvil-333"}


@dataclass
class House:
    data: Path
    host: Api
    planted: Planted

    @property
    def settings(self) -> Settings:
        return settings_of(self.data)

    @property
    def owner(self) -> Settings:
        return settings_of(self.data, "migrate")

    def looking_for(self, words: list[str]) -> Forgotten:
        return Forgotten(self.settings, self.owner, words)


@pytest.fixture
def house() -> Iterator[House]:
    with data_folder() as folder, up(folder / "data", folder / "home") as running:
        told = json.loads(running.first_line())
        with Api(told["api"]) as host:
            host.post("/auth/register", company="Planted", division="Vision", **HOST)
            who = {"email": HOST["email"], "password": HOST["password"]}
            host.token = host.post("/auth/login", **who)["access_token"]
            host.post("/auth/verify-email", token=code_in(Mailbox.inside(folder / "data"), HOST["email"]))
            planted = plant(folder / "data", host)
            given(settings_of(folder / "data"), HOST["email"], AppointOperator)
            with planted.api, planted.beside:
                yield House(folder / "data", host, planted)


def words_in(found: dict[str, list[str]], *places: str) -> set[str]:
    return {word for place, words in found.items() if place.startswith(places or ("",)) for word in words}


def write_down(settings: Settings) -> None:
    """What is in memory yet goes into files, and what a planner would like to know of each column."""
    with psycopg.connect(scrub.administrator(settings), autocommit=True) as connection:
        connection.execute("ANALYZE")
        connection.execute("CHECKPOINT")


def test_of_whoever_is_erased_nothing_is_left_anywhere(house: House) -> None:
    data, planted, looking = house.data, house.planted, house.looking_for(house.planted.words())
    waited(lambda: letters_came(data, planted), 60, "every letter has come")
    # What an invitation said that is over is soon forgotten.
    over = planted.personal["accepted: message"]
    waited(lambda: over not in words_in(looking.found(data)), 60, "it is forgotten")
    askers = house.host, planted.beside
    before = looking.found(data, *askers)
    assert words_in(before) == {*planted.personal.values()} - {over}, "what may stand nowhere stands nowhere"
    assert {f"answer {path}" for path in ANSWERS} <= before.keys()
    away = put_into_the_open(house.owner, [*planted.secret.values(), over])
    assert words_in(looking.found(data)) == {*planted.words()}
    write_down(house.settings)
    files = looking.found_in_files(data)
    assert words_in(files) == {*planted.words()}
    assert {planted.personal["device"], planted.personal["pending: message"]} <= words_in(files, OBJECTS)

    end_invitations(house.settings, data, house.host, planted)
    away()
    receipt = person.erased(house.settings, planted.personal["address of now"])
    assert receipt["person_id"] == planted.id
    looking.assert_nobody_is_named(data, *askers)
    scrub.scrub(house.settings)
    left = looking.found_in_files(data)
    assert left == {}
    assert_history_holds(house.settings)
    log = list(house.host.pages("/audit/organization", noisy=True))
    assert {each["actor_name"] for each in log if each["actor_id"] == planted.id} == {"[erased]"}
    (changed,) = [each["changes"] for each in log if each["topic"] == "person.email_changed"]
    assert changed == {"email": {"old": "[erased]", "new": "[erased]"}}
