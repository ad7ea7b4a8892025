"""What people do at a terminal, typed there and done by the API itself."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from cli.exits import Exit, Stop
from cli.local import given
from commands.operator import AppointOperator
from infra.config import Settings
from tests.api.at_port import running
from tests.api.folders import filled, scenes
from tests.api.letters import Delivered
from tests.api.terminal import Terminal
from tests.api.visitor import PASSWORD, Visitor
from tests.api.worker import Worker, requested
from tests.whole import waited


@pytest.fixture(scope="module")
def address(client: TestClient) -> Iterator[str]:
    """Of what the test client has started already."""
    assert isinstance(client.app, FastAPI)
    with running(uvicorn.Server(uvicorn.Config(client.app, port=0, log_level="error", lifespan="off"))) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def terminal(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("VISTORY_HOME", str(tmp_path / "home"))
    return Terminal(address, tmp_path / "password")


@pytest.fixture(scope="module")
def eve(ann: Visitor, founder: Callable[[], Visitor]) -> Visitor:
    """The admin of her own organization, and a guest in Ann's, which is called otherwise by now."""
    ann.verified()("PATCH", "/organization", {"name": "Cell Works"})
    eve = founder()
    eve.come_into(ann)
    return eve


def here(terminal: Terminal) -> tuple[str, str]:
    """Where the next line is asked, and as what."""
    me = terminal.json("whoami")
    return me["organization_id"], me["role"]


def test_whoever_is_in_two_organizations_goes_over_by_name_and_back_by_id(
    terminal: Terminal, eve: Visitor, ann: Visitor
) -> None:
    terminal.sign_in(eve)
    assert here(terminal) == (eve.organization, "admin")
    assert "you are in Cell Works now, as guest" in terminal("organization", "switch", "Cell Works")
    assert here(terminal) == (ann.organization, "guest")
    marked = [line for line in terminal("organization", "list").splitlines() if line.endswith("here")]
    assert [line.split()[0] for line in marked] == [ann.organization]
    terminal("organization", "switch", eve.organization)
    assert here(terminal) == (eve.organization, "admin")
    with pytest.raises(Stop, match=r"no organization 'Cell Work' \(did you mean 'Cell Works'"):
        terminal("organization", "switch", "Cell Work")


@pytest.mark.parametrize("by", ["name", "id"])
def test_whoever_signs_in_says_where_to(terminal: Terminal, eve: Visitor, ann: Visitor, by: str) -> None:
    told = terminal.sign_in(eve, "--organization", "Cell Works" if by == "name" else ann.organization)
    assert "(guest)" in told
    assert here(terminal) == (ann.organization, "guest")


def test_letters_come_in_the_language_that_was_chosen(
    terminal: Terminal, founder: Callable[[], Visitor], delivered: Delivered
) -> None:
    person = Visitor(founder().client).arrive("Of another language")
    terminal.be(person)
    terminal("person", "language", "ko")
    delivered()
    terminal("email", "resend", person.email, "--api", terminal.address)
    (letter,) = waited(delivered, 20, "a letter has come")
    assert "안녕하세요" in letter.text


def test_an_operator_sees_the_use_of_every_organization_and_changes_quotas(
    terminal: Terminal, founder: Callable[[], Visitor], settings: Settings
) -> None:
    other, operator = founder(), founder()
    given(settings, operator.email, AppointOperator)
    terminal.be(operator)
    (found,) = terminal.json("operator", "list-organizations", other.company)
    assert (found["id"], found["use"]["users"]) == (other.organization, 1)
    terminal("operator", "change-quotas", other.organization, "--max-users", "7", "--max-gpu-hours", "3")

    def line() -> str:
        return terminal("operator", "list-organizations", other.company).splitlines()[1]

    changed = waited(lambda: line() if "1 of 7" in line() else None, 20, "another quota is shown")
    assert changed.split()[0] == other.organization
    assert "0.0 of 3" in changed
    terminal.be(other)
    with pytest.raises(Stop, match="operator"):
        terminal("operator", "list-organizations")


def test_experiments_and_their_trainings_are_listed_sorted_and_held_side_by_side(
    terminal: Terminal, ann: Visitor, worker: Worker
) -> None:
    dataset = filled(ann)
    terminal.be(ann)
    terminal("project", "create", "bridges")
    project = waited(lambda: terminal.json("project", "list"), 20, "the project is listed")[0]["id"]
    made = terminal.json("experiment", "create", "warmup", "--project", project)["id"]
    jobs = []
    for rate in (0.5, 0.25):
        wish = {"project_id": project, "experiment_id": made, "parameters": {"rate": rate}}
        jobs.append(requested(ann, dataset, **wish)["id"])
        attempt = worker.claim(jobs[-1])
        attempt.start()
        attempt.complete()
    (listed,) = waited(lambda: two_runs(terminal), 20, "both are listed")
    assert listed["id"] == made
    assert made in terminal("experiment", "list", "--project", "bridges")
    told = terminal("experiment", "runs", "warmup", "--sort", "parameters.rate", "--where", "parameters.rate<1")
    assert [line.split()[0] for line in told.splitlines()[1:]] == jobs[::-1]
    side_by_side = terminal("experiment", "compare", "warmup", *jobs)
    assert ["rate", "0.5", "0.25"] in [line.split() for line in side_by_side.splitlines()]
    assert "*" in side_by_side


def two_runs(terminal: Terminal) -> list[dict[str, Any]] | None:
    found: list[dict[str, Any]] = terminal.json("experiment", "list")
    return [each for each in found if each["num_completed_runs"] == 2] or None


def test_two_datasets_are_compared(terminal: Terminal, ann: Visitor) -> None:
    few, many = filled(ann, scenes(1, 1, 1)), filled(ann, scenes(2, 1, 1))
    terminal.be(ann)
    told = terminal("dataset", "compare", few, many)
    assert told.startswith(f"1 images only in {many[:13]}, 0 only in {few[:13]}"), "one name does not tell two apart"
    assert ["zero", "1", "2"] in [line.split() for line in told.splitlines()]


def test_whoever_asked_somebody_in_is_called_by_name(terminal: Terminal, ann: Visitor) -> None:
    ann.verified().post("/invitations", {"email": "fay@example.org"})
    terminal.be(ann)
    line = waited(lambda: line_of(terminal("invitation", "list"), "fay@example.org"), 20, "it is listed")
    assert line.split()[-1] == ann.get("/auth/me")["avatar_name"]


def line_of(told: str, word: str) -> str:
    return next((line for line in told.splitlines() if word in line), "")


def test_a_quota_below_what_is_used_is_told_with_what_that_means(
    terminal: Terminal, founder: Callable[[], Visitor]
) -> None:
    admin = founder()
    admin.colleague("guest")
    terminal.be(admin)
    told = terminal("organization", "change", "--max-users", "1")
    assert "users: 2 of 1, 1 of them an admin: more than its quota; what is there stays" in told
    assert told.count("more than its quota") == 1


def test_whoever_is_in_an_organization_that_is_closed_is_told_so_and_its_admin_how_it_is_reopened(
    terminal: Terminal, founder: Callable[[], Visitor]
) -> None:
    admin = founder()
    guest = admin.colleague("guest")
    terminal.be(admin)
    terminal.passwords.write_text(PASSWORD)
    name = terminal.json("organization", "show")["name"]
    terminal("organization", "close", "--confirm", name, "--password-file", str(terminal.passwords))
    waited(lambda: f"{name} is closed; `vistory organization show`" in terminal.sign_in(admin), 20, "it is told")
    with pytest.raises(Stop, match=r"until then you can reopen it \(`vistory organization reopen`\)"):
        terminal("project", "list")
    assert f"{name} is closed: nothing in it is open to you" in terminal.sign_in(guest)
    assert f"guest of {name}, at" in terminal("whoami")
    with pytest.raises(Stop, match="unless an admin of it reopens it before; `vistory organization list`") as refused:
        terminal("project", "list")
    assert refused.value.exit_code == Exit.REFUSED
    terminal.be(admin)
    assert "it is open again" in terminal("organization", "reopen")
    assert terminal("organization", "reopen") == "it is open already\n"
