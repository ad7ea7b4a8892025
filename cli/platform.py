"""The whole platform on one machine: real servers, and our processes beside them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uuid_utils.compat import uuid7

from cli.client import Api, Problem
from cli.exits import Stop
from cli.migrate import prepare
from cli.session import sign_in
from commands.email import VouchForAddress
from commands.person import EmailIsTaken, RegisterPerson
from infra.avatar_name import avatar_name
from infra.config import Settings
from infra.embedded import FRAMEWORKS, Change, Stack
from infra.host import Host

PROCESSES = ("relay", "projector", "consumers", "api")
TRAINERS = tuple(f"trainer-{framework}" for framework in FRAMEWORKS)
EMAIL = "you@vistory.example"
ACCOUNT = {"full_name": "First Admin", "company": "My company", "division": "Vision"}


@dataclass
class Platform:
    stack: Stack
    api_url: str

    @property
    def password_file(self) -> Path:
        return self.stack.folder / "secrets" / "account"

    @property
    def metrics(self) -> dict[str, str]:
        """Where each of our processes tells Prometheus about itself."""
        ports = {name: self.stack.told.metrics_port(name) for name in (*PROCESSES, *TRAINERS)}
        return {name: f"http://127.0.0.1:{port}/metrics" for name, port in ports.items()}

    def sign_in(self) -> Api:
        """As the account of this data folder, which the first sign-in registers. Raises PasswordIsLost."""
        was_there = self.password_file.exists()
        api = Api(self.api_url)
        email, password = EMAIL, self.stack.passwords["account"]
        try:
            sign_in(api, email, password)
        except Problem as problem:
            if problem.status != 401:
                raise
            try:
                self._register(api, {"email": email, "password": password})
            except (Problem, EmailIsTaken) as taken:
                raise self._lost(was_there) from taken
            sign_in(api, email, password)
        self._vouch_for(api.get("/auth/me"))
        return api

    def _vouch_for(self, me: dict[str, Any]) -> None:
        """No letter reaches this address; whoever keeps this machine knows that it is theirs."""
        if not me["email_verified"]:
            with Host.open(self.stack.settings_for("cli")) as work:
                work.give(VouchForAddress(person_id=me["id"]))

    def _register(self, api: Api, who: dict[str, str]) -> None:
        """By the word of whoever keeps this machine, where others have to prove their addresses first."""
        if not self.stack.parts.settings.verify_first:
            api.post("/auth/register", **who, **ACCOUNT)
            return
        with Host.open(self.stack.settings_for("cli")) as work:
            work.give(RegisterPerson(person_id=uuid7(), avatar_name=avatar_name(), **who, **ACCOUNT))

    def _lost(self, was_there: bool) -> "PasswordIsLost":
        """Whoever knows the password signs in as ever; a new one in its place would only mislead."""
        if not was_there:
            self.password_file.unlink()
        return PasswordIsLost(
            f"the password of {EMAIL} is not in {self.password_file} any more: sign in with it, or as somebody else"
        )


class PasswordIsLost(Stop):
    """The account of the data folder is there, and its password is another than the file says, or nowhere."""


@contextmanager
def running(data: Path, on_event: Callable[[Change], None], start_within: float | None = None) -> Iterator[Platform]:
    """Everything is ready when this yields, but MLflow, for which nothing waits; everything is gone when it returns."""
    with Stack(data, settings=Settings(), on_event=on_event, start_within=start_within) as stack:
        stack.start_servers()
        prepare(stack)
        for name in ("cli", "migrate"):  # for commands that are given beside it
            stack.environment(name)
        # A layer of their own for the trainers: they are stopped first, while there is someone to hand over to.
        for layer in (PROCESSES, TRAINERS):
            stack.start([stack.vistory(name) for name in layer], wait=False)
        for name in (*PROCESSES, *TRAINERS):
            stack.await_ready(name)
        yield Platform(stack, stack.told.api_url)
