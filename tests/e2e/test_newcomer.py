"""What somebody types who has never seen it, and what is printed for them to paste: on a platform of its own."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cli.digits import write_digits
from cli.exits import Exit
from cli.local import settings_of
from infra import scrub
from tests.e2e.forgotten import Forgotten
from tests.e2e.running import VISTORY, Up, up, vistory
from tests.servers import data_folder
from tests.whole import waited

pytestmark = [pytest.mark.slow, pytest.mark.connected, pytest.mark.timeout(300)]
LOCAL = (
    "doctor", "replay verify", "rebuild --check", "rebuild project", "stream compare", "operator list",
    "operator add you@vistory.example", "signing list", "mail list", "mail show", "mail open", "parked list",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with data_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def platform(folder: Path) -> Iterator[Up]:
    with up(folder / "data", folder / "home") as running:
        yield running


@pytest.fixture(scope="module")
def told(platform: Up) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(platform.first_line())
    return said


def given(folder: Path, *words: str) -> str:
    done = vistory(*words, home=folder / "home")
    assert done.returncode == Exit.OK, done.stderr
    return done.stdout


def pasted(folder: Path, line: str, *more: str) -> str:
    """A line as it was printed."""
    return given(folder, *shlex.split(line.removeprefix(str(VISTORY)).removeprefix("vistory")), *more)


def test_what_is_printed_can_be_pasted_from_registering_to_an_answer(told: dict[str, Any], folder: Path) -> None:
    there, password = ("--api", told["api"]), folder / "password"
    password.write_text("another horse battery\n")
    given(folder, "login", told["email"], *there, "--password-file", told["password_file"])
    who = ("--name", "Ann", "--company", "Acme", "--division", "Vision", "--password-file", str(password))
    *_, letter, login = given(folder, "--as", "ann", "register", "ann@example.org", *there, *who).splitlines()
    assert "signed in as Ann (admin)" in pasted(folder, login, "--password-file", str(password))
    waited(lambda: "ann@example.org" in given(folder, "mail", "list", "--data", told["data"]), 30, "a letter has come")
    shown = json.loads(given(folder, "mail", "show", "--data", told["data"], "--json"))["text"]
    code = folder / "code"
    code.write_text(re.findall(r"#token=([\w-]+)", shown)[0])
    verify = re.findall(r"`([^`]*email verify[^`]*)`", letter)[0]
    assert "the address is verified" in pasted(folder, verify, "--code-file", str(code))
    ann = ("--as", "ann")
    write_digits(folder / "digits", most=40)
    given(folder, *ann, "project", "create", "figures")
    pushed = given(folder, *ann, "dataset", "push", str(folder / "digits")).splitlines()
    assert pushed[0].startswith("dataset digits (")
    train = re.findall(r"`([^`]*train [^`]*)`", pushed[-1])[0]
    train = train.replace("FRAMEWORK MODEL", "timm test_resnet").replace("PROJECT", "figures")
    predict = pasted(folder, train, "--set", "epochs=1", "--follow").splitlines()[-1]
    image = next((folder / "digits" / "test").rglob("*.png"))
    assert "%" in pasted(folder, predict.replace("IMAGE", str(image)))
    answer = given(folder, *shlex.split(predict.replace("IMAGE", str(image)))[1:], "--json")
    assert json.loads(answer)["predictions"]


def test_what_was_just_made_is_not_said_to_be_missing_while_the_bus_is_away(
    told: dict[str, Any], folder: Path, platform: Up
) -> None:
    one = ("--as", "one")
    given(folder, *one, "login", told["email"], "--api", told["api"], "--password-file", told["password_file"])
    (bus,) = (each for each in platform.family() if each.name().startswith("nats-server"))
    bus.suspend()
    try:
        given(folder, *one, "project", "create", "made in between")
        late = vistory(*one, "project", "list", home=folder / "home")
        assert late.returncode == Exit.UNREACHABLE
        assert "does not show your last change yet; asking again ..." in late.stderr
        assert "the platform is behind: your last change is recorded" in late.stderr
    finally:
        bus.resume()
    assert "made in between" in given(folder, *one, "project", "list")


@pytest.mark.parametrize("words", LOCAL)
def test_whoever_keeps_the_machine_reads_one_document_too(told: dict[str, Any], folder: Path, words: str) -> None:
    waited(lambda: any((folder / "data" / "mail").glob("*.eml")), 30, "a letter has come")
    done = vistory(*words.split(), "--data", told["data"], "--json", home=folder / "home")
    assert done.returncode in (Exit.OK, Exit.UNWELL), done.stderr
    assert done.stdout.count("\n") == 1
    json.loads(done.stdout)


def test_what_doctor_says_to_do_can_be_pasted(told: dict[str, Any], folder: Path) -> None:
    found = vistory("doctor", "--data", told["data"], home=folder / "home").stdout
    backup = re.findall(r"`([^`]*keys backup[^`]*)`", found)[0]
    ones = backup.replace("ONE", str(folder / "one")).replace("ANOTHER", str(folder / "another"))
    done = subprocess.run(ones, shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == Exit.OK, done.stderr


def asked(folder: Path, *words: str) -> Any:
    """Of the platform on this machine."""
    return json.loads(given(folder, *words, "--data", str(folder / "data"), "--json"))


def test_an_operator_is_removed_and_the_key_of_tokens_gives_way_to_another(told: dict[str, Any], folder: Path) -> None:
    def operators() -> set[str]:
        return {each["email"] for each in asked(folder, "operator", "list")}

    asked(folder, "operator", "add", told["email"])
    waited(lambda: told["email"] in operators(), 30, "an operator")
    asked(folder, "operator", "remove", told["email"])
    waited(lambda: told["email"] not in operators(), 30, "no operator any more")
    (before,) = asked(folder, "signing", "list")
    kid = asked(folder, "signing", "rotate")["kid"]
    assert [(each["kid"], each["signs"]) for each in asked(folder, "signing", "list")] == [
        (kid, True),
        (before["kid"], False),
    ]
    assert "Ann <ann@example.org>" in given(folder, "--as", "ann", "whoami"), "what the key before signed is good"


def test_whoever_is_erased_at_this_machine_is_in_no_file_of_it_once_they_are_scrubbed(
    told: dict[str, Any], folder: Path
) -> None:
    data, email, password = folder / "data", "balthasar@quill.example", folder / "password"
    password.write_text("another horse battery\n")
    who = ("--name", "Balthasar", "--company", "Acme", "--division", "Vision", "--password-file", str(password))
    given(folder, "--as", "ben", "register", email, "--api", told["api"], *who)
    waited(lambda: email in given(folder, "mail", "list", "--data", str(data)), 30, "a letter has come")
    looking = Forgotten(settings_of(data), settings_of(data, "migrate"), [email])
    assert looking.found_in_files(data)
    receipt = asked(folder, "person", "erase", email, "--yes")
    assert {"person_id", "position", "chain"} <= receipt.keys()
    assert asked(folder, "person", "scrub")["tables"] > 10
    assert looking.found_in_files(data) == {}
    back = vistory("login", email, "--api", told["api"], "--password-file", str(password), home=folder / "home")
    assert back.returncode == Exit.SIGNED_OUT


def test_a_forgotten_password_is_set_by_the_letter_that_came(told: dict[str, Any], folder: Path) -> None:
    """With no mail server named: the letter is kept here, its code sets another."""
    there, email, password, code = ("--api", told["api"]), "cid@example.org", folder / "password", folder / "code"
    who = ("--name", "Cid", "--company", "Acme", "--division", "Sound", "--password-file", str(password))
    password.write_text("another horse battery\n")
    given(folder, "--as", "cid", "register", email, *there, *who)
    given(folder, "password", "forgot", email, *there)

    def sent() -> list[str]:
        shown = asked(folder, "mail", "show")
        assert isinstance(shown["text"], str)
        return re.findall(rf"{told['api']}/reset-password#token=([\w-]+)", shown["text"])

    (token,) = waited(sent, 30, "a letter has come")
    code.write_text(token)
    password.write_text("yet another horse battery\n")
    new = (*there, "--password-file", str(password))
    given(folder, "password", "reset", "--code-file", str(code), *new)
    given(folder, "--as", "cid", "login", email, *new)
    again = vistory("password", "reset", "--code-file", str(code), *new, home=folder / "home")
    assert again.returncode == Exit.REFUSED
    assert again.stderr.startswith("vistory: this link, or its code, was used already, or never sent; `")
    (another,) = re.findall(r"`([^`]*password forgot EMAIL[^`]*)`", again.stderr)
    assert "a mail is on its way" in pasted(folder, another.replace("EMAIL", email))


def test_whoever_goes_to_a_platform_that_was_stopped_is_told_how_to_start_that_one(
    told: dict[str, Any], folder: Path, platform: Up
) -> None:
    """After what asks it, as nothing runs afterwards."""
    given(folder, "login", told["email"], "--api", told["api"], "--password-file", told["password_file"])
    platform.interrupt()
    gone = vistory("project", "list", home=folder / "home")
    assert gone.returncode == Exit.UNREACHABLE
    assert f" up --data {told['data']}` starts a platform" in gone.stderr


def test_keys_are_wrapped_anew_while_the_platform_rests_and_one_that_is_lost_comes_back(
    platform: Up, folder: Path
) -> None:
    """By a platform that is started twice more, on the data of the one that was stopped."""
    data = ("--data", str(folder / "data"))
    with up(folder / "data", folder / "home") as running:
        running.first_line()
        older = asked(folder, "keys", "backup", str(folder / "old"), "--master-to", str(folder / "old master"))
        assert vistory("keys", "rotate", *data, home=folder / "home").returncode != Exit.OK, "it is running"
        running.interrupt()
    assert "keys are rewrapped" in given(folder, "keys", "rotate", *data)
    with up(folder / "data", folder / "home") as again:
        again.first_line()
        ann = json.loads(given(folder, "--as", "ann", "whoami", "--json"))
        assert ann["full_name"] == "Ann", "what was sealed before is read"
        newer = asked(folder, "keys", "backup", str(folder / "new"), "--master-to", str(folder / "new master"))
        with psycopg.connect(scrub.administrator(settings_of(folder / "data"), "keys_database_url")) as keys:
            keys.execute("DELETE FROM person_keys WHERE subject = %s", [ann["id"]])
        refused = vistory(
            "keys", "restore", older["keys"], "--master", older["master_key"], *data, home=folder / "home"
        )
        assert "another master key" in refused.stderr
        assert asked(folder, "keys", "restore", newer["keys"], "--master", newer["master_key"]) == {"keys": 1}
