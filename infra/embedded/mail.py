"""A real SMTP server on this machine, for as long as none is named: what it is sent, it keeps in the data folder."""

import json
import sys
from pathlib import Path

from pydantic import SecretStr

from infra.embedded.child import Child
from infra.embedded.folder import DataFolder
from infra.embedded.passwords import Passwords, write_private
from infra.embedded.ports import HOST
from infra.mail_settings import Mail, Security
from infra.mailbox import Mailbox
from infra.post import speaks

SCRIPT = Path(__file__).with_name("mail_server.py")
USER = "vistory"


class MailServer:
    def __init__(self, folder: DataFolder, port: int, passwords: Passwords) -> None:
        self._home, self._run = Mailbox.inside(folder.path).folder, folder / "run"
        self._port = port
        self._passwords = passwords

    def settings(self, named: Mail) -> Mail:
        """How our own processes reach it; what else is named stays."""
        here = {"host": HOST, "port": self._port, "user": USER, "security": Security.NONE}
        return named.model_copy(update={**here, "password": self._password})

    def child(self) -> Child:
        told = self._run / "mail-server.json"

        def prepare() -> None:
            known = {"folder": str(self._home), "user": USER, "password": self._passwords["mail"]}
            write_private(told, json.dumps(known).encode())

        return Child(
            name="mail",
            argv=(sys.executable, "-I", str(SCRIPT), str(self._port), str(told)),
            cwd=self._home,
            ready_probe=lambda: speaks(HOST, self._port),
            prepare=prepare,
            grace=2.0,
        )

    @property
    def _password(self) -> SecretStr:
        return SecretStr(self._passwords["mail"])
