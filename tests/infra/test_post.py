"""Letters handed to real SMTP servers: the embedded one, and others that answer as servers do on a bad day."""

import asyncio
import datetime
import ssl
from collections.abc import Callable, Coroutine
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest
from aiosmtpd.smtp import SMTP
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pydantic import SecretStr, ValidationError

from infra.config import MissingSetting
from infra.mail_settings import Mail, Security
from infra.mailbox import LARGEST, Mailbox
from infra.post import LetterIsRefused, Post, PostIsAway, PostRefusesUs, speaks
from tests.infra.test_letters import written
from tests.servers import Servers

OPEN = {"security": Security.NONE, "host": "127.0.0.1"}


def send(post: Post, letter: EmailMessage | None = None) -> None:
    asyncio.run(post.send(letter or written()))


@pytest.fixture
def embedded(servers: Servers) -> Mail:
    assert servers.parts.mail is not None
    return servers.parts.mail_settings


@pytest.fixture
def box(servers: Servers) -> Mailbox:
    return Mailbox(servers.stack.folder / "mail")


def test_the_embedded_server_keeps_what_it_is_sent(embedded: Mail, box: Mailbox) -> None:
    letter = written(to="민수@example.org")
    send(Post(embedded), letter)
    kept = next(box.letters())
    assert (kept.letter["to"], kept.letter["message-id"]) == ("민수@example.org", letter["message-id"])
    assert "#token=T0ken" in kept.text


@pytest.mark.parametrize("wrong", [{"password": SecretStr("guess")}, {"user": "eve"}, {"user": None}])
def test_the_embedded_server_takes_nothing_from_strangers(embedded: Mail, box: Mailbox, wrong: dict[str, Any]) -> None:
    before = len(list(box.letters()))
    with pytest.raises(PostRefusesUs):
        send(Post(embedded.model_copy(update=wrong)))
    assert len(list(box.letters())) == before


def test_the_embedded_server_takes_no_letter_without_end(embedded: Mail) -> None:
    with pytest.raises(LetterIsRefused):
        send(Post(embedded), written(full_name="x " * 40, until="x" * LARGEST))


def test_whether_a_server_takes_mail_is_heard_from_its_greeting(embedded: Mail, servers: Servers) -> None:
    assert speaks("127.0.0.1", embedded.at_port)
    assert speaks("127.0.0.1", embedded.at_port, tls=True)
    with pytest.raises(OSError, match="refused"):
        speaks("127.0.0.1", 9)


class Answers:
    """What a server says to each command; it keeps what it takes."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.pause = 0.0
        self.kept: list[bytes] = []

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        envelope.mail_from = address
        return self.answers.get("mail", "250 ok")

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        envelope.rcpt_tos.append(address)
        return self.answers.get("rcpt", "250 ok").format(address)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.kept.append(envelope.content)
        await asyncio.sleep(self.pause)
        return self.answers.get("data", "250 ok")


def beside(server: Callable[[], SMTP], work: Callable[[int], Coroutine[Any, Any, None]], **tls: Any) -> None:
    async def both() -> None:
        loop = asyncio.get_running_loop()
        async with await loop.create_server(server, "127.0.0.1", 0, **tls) as listening:
            await work(listening.sockets[0].getsockname()[1])

    asyncio.run(both())


@pytest.mark.parametrize(
    ("answers", "judged", "codes"),
    [
        ({"rcpt": "550 5.1.1 <{}>: nobody of this name"}, LetterIsRefused, "550 5.1.1"),
        ({"rcpt": "450 4.2.1 <{}>: greylisted"}, PostIsAway, "450 4.2.1"),
        ({"data": "554 this is spam, says ann@example.org"}, LetterIsRefused, "554"),
        ({"data": "452 4.3.1 full"}, PostIsAway, "452 4.3.1"),
        ({"mail": "553 5.1.8 we know no such sender"}, PostRefusesUs, "553 5.1.8"),
        ({"mail": "421 4.7.0 come later"}, PostIsAway, "421 4.7.0"),
    ],
)
def test_a_refusal_is_judged_by_its_code_and_tells_no_address(
    answers: dict[str, str], judged: type[Exception], codes: str
) -> None:
    async def work(port: int) -> None:
        with pytest.raises(judged) as refused:
            await Post(Mail(**OPEN, port=port)).send(written())
        assert str(refused.value).endswith(codes)
        assert "ann@" not in repr(refused.value)
        assert refused.value.__suppress_context__

    beside(lambda: SMTP(Answers(**answers)), work)


def test_a_server_that_is_away_is_waited_for() -> None:
    with pytest.raises(PostIsAway, match="cannot be reached"):
        send(Post(Mail(**OPEN, port=9)))


def test_a_server_that_takes_its_time_to_keep_a_letter_is_not_sent_it_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.post.SECONDS", 0.2)
    slow = Answers()
    slow.pause = 0.5
    beside(lambda: SMTP(slow), lambda port: Post(Mail(**OPEN, port=port)).send(written()))
    assert len(slow.kept) == 1


def test_a_letter_that_is_kept_is_not_sent_twice_for_a_goodbye_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_: aiosmtplib.SMTP) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(aiosmtplib.SMTP, "quit", fail)
    server = Answers()
    beside(lambda: SMTP(server), lambda port: Post(Mail(**OPEN, port=port)).send(written()))
    assert len(server.kept) == 1


def test_an_address_that_needs_more_than_a_server_can_is_not_written_to() -> None:
    async def work(port: int) -> None:
        with pytest.raises(LetterIsRefused, match="SMTPUTF8"):
            await Post(Mail(**OPEN, port=port)).send(written(to="민수@example.org"))

    beside(lambda: SMTP(Answers()), work)


def test_where_no_server_is_named_the_missing_setting_is() -> None:
    with pytest.raises(MissingSetting, match="VISTORY_MAIL_HOST"):
        send(Post(Mail()))


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's certificate, good for this address, and the file that makes it trusted."""
    key, here = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "here")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(
            here, here, key.public_key(), x509.random_serial_number(), now, now.replace(year=now.year + 1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "certificate.pem"
    pem.write_bytes(certificate.public_bytes(Encoding.PEM))
    secret = tmp_path / "key.pem"
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, secret)
    return context, pem


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
@pytest.mark.parametrize("trusted", [True, False])
def test_mail_goes_out_by_tls_to_whom_it_trusts_alone(
    tls: tuple[ssl.SSLContext, Path], security: Security, trusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, pem = tls
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    answers = Answers()

    async def work(port: int) -> None:
        post = Post(Mail(host="127.0.0.1", port=port, security=security))
        if trusted:
            return await post.send(written())
        with pytest.raises(PostRefusesUs, match="certificate"):
            await post.send(written())

    if security is Security.TLS:
        beside(lambda: SMTP(answers), work, ssl=context)
    else:
        beside(lambda: SMTP(answers, tls_context=context, require_starttls=True), work)
    assert len(answers.kept) == trusted


def test_a_letter_is_never_sent_in_the_open_to_a_server_that_knows_no_starttls() -> None:
    answers = Answers()

    async def work(port: int) -> None:
        with pytest.raises(PostRefusesUs):
            await Post(Mail(host="127.0.0.1", port=port)).send(written())

    beside(lambda: SMTP(answers), work)
    assert not answers.kept


@pytest.mark.parametrize(
    "named",
    [
        {"from": "nobody"},
        {"from": "a@b.example, c@d.example"},
        {"from": "a@b.example\r\nBcc: c@d.example"},
        {"frontend_url": "javascript:alert(1)"},
        {"frontend_url": "https://x/?next=y"},
        {"port": 0},
        {"host": "mx.example.org", "security": "none", "user": "us", "password": "hush"},
    ],
)
def test_settings_that_make_no_sense_are_refused_and_not_repeated(named: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        Mail.model_validate(named)
    assert "hush" not in str(refused.value)


def test_the_port_is_the_usual_one_where_none_is_named() -> None:
    assert [Mail(security=each).at_port for each in Security] == [587, 465, 25]
