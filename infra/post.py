"""Hands letters to an SMTP server. What it says may hold addresses, so only its codes are kept."""

import re
import socket
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Final

import aiosmtplib

from infra.config import MissingSetting
from infra.mail_settings import Mail, Security

SECONDS: Final = 20.0
# RFC 5321, 4.5.3.2.6. Whoever gives up before the server has said that it keeps a letter sends it twice.
KEPT_WITHIN: Final = 600.0
UNTRUSTED: Final = "the mail server's certificate or TLS is not as it must be"
TOO_LARGE: Final = 552
_FINER_CODE: Final = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")


class PostIsAway(Exception):
    """The server cannot be reached or takes nothing for now; whatever it is, it will pass."""


class PostRefusesUs(Exception):
    """No letter would go out: our account, the sender's address or what secures the line is not as it must be."""


class LetterIsRefused(Exception):
    """For good, and only this one."""


class LettersAreRefused(Exception):
    """For good, of several about one event, and to whom: by id, as this ends in logs."""


class _Patient(aiosmtplib.SMTP):
    """With the server that has the whole letter: it, or this process, may be held up."""

    async def data(self, message: str | bytes, /, **_: Any) -> aiosmtplib.SMTPResponse:
        return await super().data(message, timeout=KEPT_WITHIN)


@dataclass(frozen=True)
class Post:
    mail: Mail

    async def send(self, message: EmailMessage) -> None:
        """Returns once the server has said that it keeps it. Raises PostIsAway, PostRefusesUs, LetterIsRefused."""
        is_kept = False
        try:
            async with self._server() as server:
                await self._sign_in(server)
                await server.send_message(message)
                is_kept = True
        except (aiosmtplib.SMTPException, OSError) as error:
            if not is_kept:  # else only the goodbye failed
                raise judged(error) from None

    def _server(self) -> aiosmtplib.SMTP:
        mail, secure = self.mail, self.mail.security
        if mail.host is None:
            raise MissingSetting("VISTORY_MAIL_HOST is not set, and letters need it")
        return _Patient(
            hostname=mail.host,
            port=mail.at_port,
            use_tls=secure is Security.TLS,
            start_tls=secure is Security.STARTTLS,
            timeout=SECONDS,
        )

    async def _sign_in(self, server: aiosmtplib.SMTP) -> None:
        if self.mail.user is not None and self.mail.password is not None:
            await server.login(self.mail.user, self.mail.password.get_secret_value())


def judged(error: Exception) -> Exception:
    """What becomes of the letter, without a word of what the server said about it."""
    match error:
        case aiosmtplib.SMTPRecipientsRefused():
            return judged(error.recipients[0])
        case aiosmtplib.SMTPResponseException(code=code) if 400 <= code < 500:
            return PostIsAway(f"the mail server takes nothing for now: {codes(error)}")
        case aiosmtplib.SMTPSenderRefused(code=code) if code == TOO_LARGE:
            return LetterIsRefused(f"the mail server refuses this letter: {codes(error)}")
        case aiosmtplib.SMTPAuthenticationError() | aiosmtplib.SMTPSenderRefused() | aiosmtplib.SMTPHeloError():
            return PostRefusesUs(f"the mail server refuses our account or sender: {codes(error)}")
        case aiosmtplib.SMTPRecipientRefused() | aiosmtplib.SMTPDataError():
            return LetterIsRefused(f"the mail server refuses this letter: {codes(error)}")
        case ssl.SSLError() | aiosmtplib.SMTPConnectError(__cause__=ssl.SSLError()):
            return PostRefusesUs(UNTRUSTED)
        case (
            OSError()
            | aiosmtplib.SMTPServerDisconnected()
            | aiosmtplib.SMTPConnectError()
            | aiosmtplib.SMTPTimeoutError()
        ):
            return PostIsAway(f"the mail server cannot be reached: {type(error).__name__}")
        case aiosmtplib.SMTPNotSupported():
            return LetterIsRefused("the mail server cannot carry this letter: its address needs SMTPUTF8")
        case aiosmtplib.SMTPResponseException():
            return PostRefusesUs(f"the mail server refuses us: {codes(error)}")
    return PostRefusesUs(f"the mail server is not what its settings say: {type(error).__name__}")


def codes(error: aiosmtplib.SMTPResponseException) -> str:
    finer = _FINER_CODE.search(error.message)
    return f"{error.code} {finer[0]}" if finer else str(error.code)


def speaks(host: str, port: int, tls: bool = False, seconds: float = 2.0) -> bool:
    """Whether it greets as a server that takes mail; of one that speaks TLS at once, only whether it is there."""
    with socket.create_connection((host, port), timeout=seconds) as server:
        if tls:
            return True
        greeting = server.recv(4)
        server.sendall(b"QUIT\r\n")
        return greeting.startswith(b"220")
