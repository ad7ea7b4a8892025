"""With --json a program reads exactly one document from standard output, whatever command it gives.

What each command asks, and each of its options adds to that, is what docs/openapi.json describes.
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli import NOUNS, app, load
from cli.kept import Session, keep
from tests.cli.described import problem

ID = "0198c0de-0000-7000-8000-000000000091"
OBJECT = json.dumps({"per_class": []}).encode()
PERSON = {
    "email": "ann@b.example",
    "full_name": "Ann",
    "role": "guest",
    "organization_id": ID,
    "email_verified": True,
    "second_factor": False,
    "second_factor_required": False,
}
SPLIT = {"method": "manual", "root": "r", "train": 1, "val": 1, "test": 1, "sides": [], "seed": 0}
USE = {"users": 1, "storage_gb": 0.0, "gpu_hours_this_month": 0.0}
# What a command may look at before it prints; of everything else it only hands on what came.
ANSWER: dict[str, Any] = PERSON | {
    "id": ID, "name": "cells", "items": [], "next": None, "status": "active", "owner_id": ID, "offered_to": None,
    "revision": 1, "root": "r", "last_split": SPLIT, "split": SPLIT, "report": {}, "classes": [], "task": "detection",
    "missing": [], "token": "vst_secret", "person": PERSON, "access_token": "access", "refresh_token": "refresh",
    "recovery_codes": [], "secret": "GEZDGNBVGY3TQOJQ", "uri": "otpauth://totp/a?secret=GEZDGNBVGY3TQOJQ",
    "confirm_until": "2026-01-02T03:19:05Z", "due_at": None, "avatar_name": "red-fox-1", "use": USE,
    "sha256": hashlib.sha256(OBJECT).hexdigest(), "result": hashlib.sha256(OBJECT).hexdigest(), "size": len(OBJECT),
    "organization": "Acme", "type": "organization", "target": None, "inviter": "Ann", "on": False, "for_anyone": False,
}  # fmt: skip
MEMBER = {"id": ID, "person_id": ID, "email": "ann@b.example", "avatar_name": "red-fox-1", "role": None}
ORGANIZATION = {"id": ID, "name": "Acme", "role": "guest", "closed_at": None}
LISTS = ("/auth/sessions", "/training/models", "/admin/security/counts")
# Each document of these is a line, as it comes, until the training ends.
LINES = {"job follow"}
# A framework's own environment answers: see tests/e2e.
ELSEWHERE = {"predict"}
# Options that a command asks for, where nobody gives them.
ASKED = {"password_file", "code_file", "name", "company", "division", "confirm", "max_users", "yes"}
WORDS = {
    "email": "ann@b.example",
    "confirm": "cells",
    "ratios": "0.7,0.2,0.1",
    "framework": "timm",
    "scope": "read",
    "limit": "1",
    "days": "1",
    "max_users": "1",
    "users": "1",
    "storage": "1",
    "hours": "1",
    "max_storage_gb": "1",
    "max_gpu_hours": "1",
    "role": "guest",
    "project role": "viewer",
    "dataset role": "viewer",
    "dataset into": ID,
    "language": "ko",
    "member status": "active",
    "status": "pending",
    "admission": "open",
    "method": "stratified",
    "seed": "1",
    "where": "metrics.mAP50>0.8",
    "sort": "metrics.loss",
    "given": "epochs=1",
    "device": "cpu",
    "since": "now",
}


class Agreeing(ThreadingHTTPServer):
    """Grants whatever the API describes, and keeps what it does not."""

    wrong: list[str]


class Described(BaseHTTPRequestHandler):
    server: Agreeing

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.partition("?")[0]
        if path != "/object" and (found := problem(self.command, self.path, body)):
            self.server.wrong.append(found[1])
            return self.answer(found[0], json.dumps({"status": found[0], "detail": found[1]}).encode())
        where = f"http://{self.headers['Host']}/object"
        answer: object = [] if path.endswith(LISTS) else ANSWER | {"url": where, "result_url": where}
        answer = {"items": [MEMBER], "next": None} if path.endswith("/api/v1/members") else answer
        answer = [ORGANIZATION] if path.endswith("/auth/me/organizations") else answer
        self.answer(200, OBJECT if path == "/object" else json.dumps(answer).encode())

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def agreeing() -> Iterator[Agreeing]:
    with Agreeing(("127.0.0.1", 0), Described) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def commands() -> dict[str, Any]:
    """Every command of the API's that takes --json, by its words."""
    found = {}
    for noun in NOUNS:
        command = load(noun)
        for verb, each in getattr(command, "commands", {"": command}).items():
            options = {option for one in each.params for option in one.opts}
            if {"--json", "--api"} <= options:
                found[f"{noun} {verb}".strip()] = each
    return found


def test_every_command_takes_json_but_those_that_show_or_serve() -> None:
    mute = {
        noun
        for noun in NOUNS
        for each in getattr(load(noun), "commands", {noun: load(noun)}).values()
        if not any("--json" in one.opts for one in each.params)
    }
    assert mute == {"demo", "run"}


HELD = [each for each in commands() if each not in LINES | ELSEWHERE]
CHOICES = [
    (words, option.opts[0])
    for words in HELD
    for option in commands()[words].params
    if option.param_type_name == "option" and option.name not in {"api", "as_json", "follow", *ASKED}
]


@pytest.fixture
def signed_in(agreeing: Agreeing) -> None:
    agreeing.wrong = []
    keep(Session(f"http://127.0.0.1:{agreeing.server_port}", "ann@b.example", "access"))


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize("words", HELD)
def test_one_document_is_printed_and_nothing_else(words: str, agreeing: Agreeing, tmp_path: Path) -> None:
    done = given(words, *filled(words, tmp_path), "--json")
    assert (done.exit_code, agreeing.wrong) == (0, []), done.output
    assert done.stdout.count("\n") == 1, done.stdout
    json.loads(done.stdout)


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize(("words", "option"), CHOICES)
def test_whatever_is_chosen_is_asked_as_the_api_describes_it(
    words: str, option: str, agreeing: Agreeing, tmp_path: Path
) -> None:
    chosen = next(each for each in commands()[words].params if option in each.opts)
    value = () if chosen.is_flag else (valued(words.split()[0], chosen.name, tmp_path),)
    done = given(words, *filled(words, tmp_path), option, *value, "--json")
    assert (done.exit_code, agreeing.wrong) == (0, []), done.output


def given(words: str, *more: str) -> Result:
    return CliRunner().invoke(app, [*words.split(), *more], catch_exceptions=False)


def filled(words: str, folder: Path) -> Iterator[str]:
    """A value for each argument and each option that would be asked for."""
    (folder / "images" / "a").mkdir(parents=True)
    (folder / "secret").write_text("correct horse 123456\n")
    (folder / "images" / "a" / "1.png").write_bytes(PNG)
    for each in commands()[words].params:
        value = valued(words.split()[0], each.name, folder)
        if each.param_type_name == "argument" and each.required:
            yield value
        elif each.param_type_name == "option" and (each.required or each.name in ASKED):
            yield from (each.opts[0], value)[: 1 if each.is_flag else 2]


def valued(noun: str, name: str, folder: Path) -> str:
    files = {
        "password_file": folder / "secret",
        "code_file": folder / "secret",
        "folder": folder / "images",
        "file": folder / "new",
        "into": folder / "new",
    }
    return WORDS.get(f"{noun} {name}") or WORDS.get(name) or str(files.get(name, ID))


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100c9fe92ef"
    "0000000049454e44ae426082"
)
