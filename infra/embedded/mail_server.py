"""Takes mail on this machine and keeps it, sends nothing on: a script, given the file that says where and for whom."""

import asyncio
import json
import signal
import sys
from dataclasses import dataclass
from hmac import compare_digest
from pathlib import Path
from typing import Any, Final

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from infra.mailbox import LARGEST, Mailbox

HOST: Final = "127.0.0.1"


@dataclass(frozen=True)
class Receiver:
    box: Mailbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.original_content or b""
        try:
            await asyncio.to_thread(self.box.keep, content)
        except OSError:
            return "452 4.3.1 there is no room to keep it"
        return "250 2.0.0 kept"


@dataclass(frozen=True)
class Authenticator:
    user: str
    password: str

    def __call__(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
        known = isinstance(given, LoginPassword) and compare_digest(
            given.login + b"\0" + given.password, f"{self.user}\0{self.password}".encode()
        )
        return AuthResult(success=known, handled=False)


async def serve(port: int, told: dict[str, str]) -> None:
    receiver, authenticator = Receiver(Mailbox(Path(told["folder"]))), Authenticator(told["user"], told["password"])
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)

    def session_for_each() -> SMTP:
        return SMTP(
            receiver,
            data_size_limit=LARGEST,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident="Vistory",
            auth_required=True,
            auth_require_tls=False,
            authenticator=authenticator,
            loop=loop,
        )

    async with await loop.create_server(session_for_each, HOST, port):
        await stopping.wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), json.loads(Path(sys.argv[2]).read_bytes())))
