"""Which events make somebody be written to, and which make nobody: the doubles of ledger and post, nothing else."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from commands.email import ChangeEmail, RequestEmailChange
from commands.erasure import CancelErasure, RequestErasure
from commands.invitation import CancelInvitation, ResendInvitation
from commands.password import RequestPasswordReset, ResetPassword
from commands.person import ChooseLanguage
from commands.ports import Link, Purpose
from consumers.acting import Platform
from consumers.errors import Park, RetryAfter, Stop, verdict
from consumers.mail import Desk, MailReaction
from consumers.occasions import OCCASIONS
from domain.language import Language
from domain.model import Recorded
from infra.letters import AddressIsUnwritable
from infra.links import Links
from infra.mail_settings import Mail
from infra.post import LetterIsRefused, Post, PostIsAway, PostRefusesUs
from tests.commands.conftest import ANN, BEN, ann, ben, register, verify
from tests.commands.test_invitation import ASKED, invite, join, token
from tests.doubles import LINK_KEY, MemorySecrets, link_token
from tests.spec import NOBODY, START, Spec

FORGOTTEN = "write-on-password-reset-requested"


@dataclass(frozen=True)
class Sent(Post):
    """Our own port to a mail server, for one that takes everything."""

    mail: Mail = field(default_factory=lambda: Mail(host="mx.example.org"))
    letters: list[EmailMessage] = field(default_factory=list)

    async def send(self, message: EmailMessage) -> None:
        self.letters.append(message)


@dataclass(frozen=True)
class KnownLinks(Links):
    """Those of a ledger in memory, which stands where the database would."""

    pool: Any
    key: bytes = LINK_KEY

    def find(self, purpose: Purpose, token: str) -> Link | None:
        return MemorySecrets(self.pool, []).link(purpose, token)


@dataclass
class Office:
    spec: Spec
    post: Sent = field(default_factory=Sent)

    def write(self, name: str) -> list[EmailMessage]:
        """What is written on the last event."""
        platform = Platform(self.spec.ledger, self.spec.mapper, self.spec.dispatch)
        desk = Desk(platform, KnownLinks(self.spec.ledger), MemorySecrets(self.spec.ledger, []).person_of)
        mail = MailReaction(desk, self.post, "https://vistory.example")
        (reaction,) = (each for each in mail.reactions(OCCASIONS) if each.name == name)
        asyncio.run(reaction.effect(self.last()))
        return self.post.letters

    def last(self) -> Recorded:
        row = self.spec.ledger.rows[-1]
        return self.spec.mapper.recorded(row.stored, row.position, row.recorded_at)


@pytest.fixture
def office() -> Office:
    spec = Spec().by(NOBODY).given(register(ANN, "ann"))
    spec.now = datetime.now(UTC)
    return Office(spec)


def forget(office: Office) -> None:
    office.spec.by(NOBODY).given(RequestPasswordReset(person_id=ANN))


def test_the_names_of_durables_never_change() -> None:
    assert [(each.name, each.filter) for each in OCCASIONS] == [
        ("write-on-password-reset-requested", "vistory.events.*.person.*.password_reset_requested"),
        ("write-on-person-registered", "vistory.events.*.person.*.registered"),
        ("write-on-verification-requested", "vistory.events.*.person.*.verification_requested"),
        ("write-on-email-change-requested", "vistory.events.*.person.*.email_change_requested"),
        ("warn-on-email-change-requested", "vistory.events.*.person.*.email_change_requested"),
        ("write-on-password-changed", "vistory.events.*.person.*.password_changed"),
        ("write-on-email-changed", "vistory.events.*.person.*.email_changed"),
        ("write-on-erasure-requested", "vistory.events.*.person.*.erasure_requested"),
        ("write-on-invitation-sent", "vistory.events.*.invitation.*.sent"),
        ("write-on-invitation-resent", "vistory.events.*.invitation.*.resent"),
        ("write-on-second-factor-turned-on", "vistory.events.*.second_factor.*.turned_on"),
        ("write-on-second-factor-turned-off", "vistory.events.*.second_factor.*.turned_off"),
        ("write-on-second-factor-reset", "vistory.events.*.second_factor.*.reset"),
        (
            "write-on-second-factor-recovery-codes-renewed",
            "vistory.events.*.second_factor.*.recovery_codes_renewed",
        ),
        ("write-on-session-begun", "vistory.events.*.session.*.begun"),
    ]


def test_whoever_forgot_a_password_is_sent_a_link_that_works(office: Office) -> None:
    forget(office)
    (letter,) = office.write(FORGOTTEN)
    token = link_token(Purpose.PASSWORD_RESET, ANN, 2)
    assert letter["to"] == "ann@example.org"
    assert f"https://vistory.example/reset-password#token={token}" in content(letter, "plain")
    office.spec.given(ResetPassword(person_id=ANN, token=token, password="another horse battery"))


def test_a_letter_is_in_the_language_of_the_person(office: Office) -> None:
    office.spec.by(ann).given(ChooseLanguage(language=Language.KOREAN))
    forget(office)
    (letter,) = office.write(FORGOTTEN)
    assert "비밀번호" in letter["subject"]


def test_the_same_event_makes_the_same_letter_with_the_same_id(office: Office) -> None:
    forget(office)
    first, second = [*office.write(FORGOTTEN), *office.write(FORGOTTEN)][:2]
    assert first["message-id"] == second["message-id"] == f"<{office.last().envelope.event}@localhost>"
    for form in ("plain", "html"):
        assert content(first, form) == content(second, form)


def content(letter: EmailMessage, form: str) -> str:
    part = letter.get_body((form,))
    assert part is not None
    return str(part.get_content())


def test_nobody_is_sent_a_link_that_is_over(office: Office) -> None:
    forget(office)
    asked = office.last()
    token = link_token(Purpose.PASSWORD_RESET, ANN, 2)
    office.spec.given(ResetPassword(person_id=ANN, token=token, password="another horse battery"))
    assert sent_on(office, asked) == []


def test_nobody_is_sent_a_link_that_is_too_old(office: Office) -> None:
    office.spec.now -= timedelta(hours=2)
    forget(office)
    assert office.write(FORGOTTEN) == []


def test_an_erased_person_is_written_to_by_nobody(office: Office) -> None:
    forget(office)
    office.spec.keys.erase(ANN)
    assert office.write(FORGOTTEN) == []


def sent_on(office: Office, recorded: Recorded) -> list[EmailMessage]:
    office.last = lambda: recorded  # type: ignore[method-assign]
    return office.write(FORGOTTEN)


@pytest.mark.parametrize(
    ("error", "judged"),
    [
        (PostIsAway("x"), RetryAfter),
        (PostRefusesUs("x"), Stop),
        (LetterIsRefused("x"), Park),
        (AddressIsUnwritable("x"), Park),
    ],
)
@pytest.mark.parametrize("attempts", [1, 1_000])
def test_the_post_is_waited_for_and_what_it_refuses_is_set_aside(
    error: Exception, judged: type[Any], attempts: int
) -> None:
    assert isinstance(verdict(error, attempts), judged)


def test_the_ledger_tells_no_token(office: Office) -> None:
    forget(office)
    token = link_token(Purpose.PASSWORD_RESET, ANN, 2)
    assert all(token.encode() not in row.stored.state for row in office.spec.ledger.rows)


def wish_for(office: Office, email: str) -> None:
    office.spec.by(ann).given(RequestEmailChange(email=email))


def test_a_link_goes_to_the_address_that_is_wished_for_and_a_notice_to_the_one_of_before(office: Office) -> None:
    wish_for(office, "ann@example.com")
    (letter,) = office.write("write-on-email-change-requested")
    token = link_token(Purpose.EMAIL_CHANGE, ANN, 2)
    assert letter["to"] == "ann@example.com"
    assert f"https://vistory.example/verify-email#token={token}" in content(letter, "plain")
    office.spec.by(NOBODY).given(ChangeEmail(person_id=ANN, token=token))
    _, notice = office.write("write-on-email-changed")
    assert notice["to"] == "ann@example.org"
    assert "#token" not in content(notice, "plain") + content(notice, "html")


def test_whoever_has_the_address_that_is_wished_for_hears_that_somebody_tried(office: Office) -> None:
    office.spec.by(NOBODY).given(register(BEN, "ben"))
    wish_for(office, "BEN@example.org")
    (letter,) = office.write("write-on-email-change-requested")
    assert (letter["to"], letter["subject"]) == ("ben@example.org", "You already have an account at Vistory")


def test_an_address_that_was_wished_for_and_another_after_it_is_sent_nothing(office: Office) -> None:
    wish_for(office, "ann@example.com")
    before = office.last()
    wish_for(office, "third@example.com")
    office.last = lambda: before  # type: ignore[method-assign]
    assert office.write("write-on-email-change-requested") == []


def change(office: Office) -> None:
    proof = link_token(Purpose.EMAIL_CHANGE, ANN, 2)
    office.spec.by(NOBODY).given(ChangeEmail(person_id=ANN, token=proof))


def test_the_address_of_before_is_warned_and_one_that_has_been_reached_is_not(office: Office) -> None:
    wish_for(office, "ann@example.com")
    asked = office.last()
    (warning,) = office.write("warn-on-email-change-requested")
    assert warning["to"] == "ann@example.org"
    office.post.letters.clear()
    change(office)
    office.last = lambda: asked  # type: ignore[method-assign]
    assert office.write("warn-on-email-change-requested") == []


@pytest.mark.parametrize(("days", "letters"), [(6, 1), (8, 0)])
def test_what_happened_longer_than_a_week_ago_is_no_news(office: Office, days: int, letters: int) -> None:
    office.spec.now -= timedelta(days=days)
    forget(office)
    token = link_token(Purpose.PASSWORD_RESET, ANN, 2)
    office.spec.given(ResetPassword(person_id=ANN, token=token, password="another horse battery"))
    assert len(office.write("write-on-password-changed")) == letters


@pytest.mark.parametrize(
    ("ago", "days", "stays", "letters"), [(0, 7, False, 1), (0, 7, True, 0), (8, 30, False, 1), (8, 7, False, 0)]
)
def test_whoever_is_to_be_erased_is_told_until_when_that_can_be_cancelled(
    office: Office, ago: int, days: int, stays: bool, letters: int
) -> None:
    office.spec.by(NOBODY).given(register(BEN, "ben"))
    office.spec.now -= timedelta(days=ago)
    office.spec.by(ben).given(RequestErasure(days=days))
    asked, due = office.last(), office.spec.now + timedelta(days=days)
    if stays:
        office.spec.given(CancelErasure())
    office.last = lambda: asked  # type: ignore[method-assign]
    written = office.write("write-on-erasure-requested")
    assert len(written) == letters
    for letter in written:
        body = letter.get_body(("plain",))
        assert body
        assert (letter["to"], f"{due:%Y-%m-%d %H:%M} UTC" in body.get_content()) == ("ben@example.org", True)


@pytest.mark.parametrize("name", ["write-on-email-change-requested", "write-on-email-changed"])
def test_nobody_who_was_erased_is_written_to_at_either_address(office: Office, name: str) -> None:
    wish_for(office, "ann@example.com")
    if name == "write-on-email-changed":
        change(office)
    office.spec.keys.erase(ANN)
    assert office.write(name) == []


def invited(office: Office, **more: Any) -> None:
    now, office.spec.now = office.spec.now, START
    office.spec.given(verify(ANN))
    office.spec.now = now
    office.spec.by(ann).given(invite(message="welcome", **more))


def test_whoever_is_invited_is_sent_a_link_that_works(office: Office) -> None:
    invited(office)
    (letter,) = office.write("write-on-invitation-sent")
    assert (letter["to"], letter["vistory-about"]) == ("dan@example.org", f"{ASKED}, {ANN}")
    assert f"https://vistory.example/invite#token={token()}" in content(letter, "plain")
    assert all(word in content(letter, "plain") for word in ("Ann", "Acme / Vision", "engineer I", "welcome"))
    office.spec.by(NOBODY).given(join())


@pytest.mark.parametrize(("named", "is_korean"), [({}, True), ({"language": "en"}, False)])
def test_an_invitation_to_somebody_unknown_is_in_the_named_language_or_that_of_its_sender(
    office: Office, named: dict[str, str], is_korean: bool
) -> None:
    office.spec.by(ann).given(ChooseLanguage(language=Language.KOREAN))
    invited(office, **named)
    (letter,) = office.write("write-on-invitation-sent")
    assert ("초대" in letter["subject"]) is is_korean


@pytest.mark.parametrize(("proves", "is_korean"), [(True, True), (False, False)])
def test_an_invitation_to_somebody_known_is_in_the_language_of_whoever_has_proven_the_address(
    office: Office, proves: bool, is_korean: bool
) -> None:
    now, office.spec.now = office.spec.now, START
    office.spec.by(NOBODY).given(register(BEN, "ben").model_copy(update={"language": Language.KOREAN}))
    if proves:
        office.spec.given(verify(BEN))
    office.spec.now = now
    invited(office, email="ben@example.org", language="en")
    (letter,) = office.write("write-on-invitation-sent")
    assert (letter["to"], "초대" in letter["subject"]) == ("ben@example.org", is_korean)


def test_an_invitation_that_is_sent_again_has_a_link_of_its_own(office: Office) -> None:
    invited(office)
    office.spec.given(ResendInvitation(invitation_id=ASKED))
    (letter,) = office.write("write-on-invitation-resent")
    assert f"#token={token(number=2)}" in content(letter, "plain")


def test_nobody_is_written_to_about_an_invitation_that_is_over(office: Office) -> None:
    invited(office)
    sent = office.last()
    office.spec.given(CancelInvitation(invitation_id=ASKED))
    office.last = lambda: sent  # type: ignore[method-assign]
    assert office.write("write-on-invitation-sent") == []
    office.spec.keys.erase(ASKED)
    assert office.write("write-on-invitation-sent") == []
