"""On what occasions the platform writes to people: an entry in the table, a function, a template for each language."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from commands.ports import Purpose
from consumers.mail import Desk, Occasion, to_the_minute
from domain.invitation import Invitation
from domain.language import Language
from domain.model import Event, Recorded
from domain.organization import Organization
from domain.person import Person
from domain.second_factor import SecondFactor
from domain.session import Means, Session
from domain.values import Erased
from infra.letters import Letter

# Whoever writes for the first time, or is heard again after long, does not tell people of what they know.
NEWS_FOR: Final = timedelta(days=7)

RecoveryCodesRenewed = SecondFactor.RecoveryCodesRenewed
SECOND_FACTOR: Final[dict[type[Event], str]] = {
    SecondFactor.TurnedOn: "second_factor_on",
    SecondFactor.TurnedOff: "second_factor_off",
    SecondFactor.Reset: "second_factor_reset",
    RecoveryCodesRenewed: "recovery_codes_renewed",
}


async def password_reset(desk: Desk, recorded: Recorded) -> Letter | None:
    return await to_person(desk, recorded, Purpose.PASSWORD_RESET, "password_reset", "reset-password")


async def verification(desk: Desk, recorded: Recorded) -> Letter | None:
    return await to_person(desk, recorded, Purpose.VERIFICATION, "verification", "verify-email")


async def email_change(desk: Desk, recorded: Recorded) -> Letter | None:
    """To the address that is wished for; whoever has it by now hears that somebody tried."""
    letter = await to_person(desk, recorded, Purpose.EMAIL_CHANGE, "email_change", "verify-email")
    event = recorded.event
    assert isinstance(event, Person.EmailChangeRequested)
    if letter is None or isinstance(event.email, Erased):
        return None
    holder = await asyncio.to_thread(desk.person_of, event.email)
    if holder is None or holder == event.originator_id:
        return letter._replace(to=event.email)
    return addressed_to(await desk.platform.get(Person, holder), "address_in_use")


async def email_change_asked(desk: Desk, recorded: Recorded) -> Letter | None:
    """A warning to the address that the person has, while the link to the other one can still be ended."""
    event = recorded.event
    assert isinstance(event, Person.EmailChangeRequested)
    letter = await notice(desk, recorded, event.originator_id, "email_change_asked")
    return None if letter is None or letter.to == event.email else letter._replace(apart="email_change_asked")


async def email_changed(desk: Desk, recorded: Recorded) -> Letter | None:
    """A notice to the address of before."""
    event = recorded.event
    assert isinstance(event, Person.EmailChanged)
    letter = addressed_to(await desk.platform.get(Person, event.originator_id), "email_changed")
    return None if letter is None or isinstance(event.previous, Erased) else letter._replace(to=event.previous)


async def password_changed(desk: Desk, recorded: Recorded) -> Letter | None:
    return await notice(desk, recorded, recorded.event.originator_id, "password_changed")


async def erasure_requested(desk: Desk, recorded: Recorded) -> Letter | None:
    """While it can still be cancelled."""
    event = recorded.event
    assert isinstance(event, Person.ErasureRequested)
    person = await desk.platform.get(Person, event.originator_id)
    letter = addressed_to(person, "erasure_requested")
    if letter is None or person.erasure_due_at != event.due_at or event.due_at <= datetime.now(UTC):
        return None
    return letter._replace(words={**letter.words, "until": to_the_minute(event.due_at)})


async def second_factor(desk: Desk, recorded: Recorded) -> Letter | None:
    event = recorded.event
    assert isinstance(event, SecondFactor.TurnedOn | SecondFactor.TurnedOff | SecondFactor.Reset | RecoveryCodesRenewed)
    return await notice(desk, recorded, event.person_id, SECOND_FACTOR[type(event)])


async def recovery_code_used(desk: Desk, recorded: Recorded) -> Letter | None:
    """Whoever turns the second factor off by one, or has new ones made, is told of that."""
    event = recorded.event
    assert isinstance(event, Session.Begun)
    used = Means.RECOVERY_CODE in event.means
    return await notice(desk, recorded, event.person_id, "recovery_code_used") if used else None


async def notice(desk: Desk, recorded: Recorded, person_id: UUID, kind: str) -> Letter | None:
    """Of what has happened to an account; nothing, where that was long ago: there is nothing left to be done."""
    if recorded.envelope.decided_at < datetime.now(UTC) - NEWS_FOR:
        return None
    return addressed_to(await desk.platform.get(Person, person_id), kind)


async def to_person(desk: Desk, recorded: Recorded, purpose: Purpose, kind: str, page: str) -> Letter | None:
    """With a link that the person's event opened; nothing, once that is over or the person was erased."""
    event = recorded.event
    token = desk.links.token(purpose, event.originator_id, event.originator_version)
    link = await asyncio.to_thread(desk.links.find, purpose, token)
    letter = addressed_to(await desk.platform.get(Person, event.originator_id), kind)
    if letter is None or link is None or link.expires_at <= datetime.now(UTC):
        return None
    until = to_the_minute(link.expires_at)
    return letter._replace(page=page, token=token, words={**letter.words, "until": until})


def addressed_to(person: Person, kind: str) -> Letter | None:
    """Without a link yet; nothing, where the person was erased."""
    if isinstance(person.email, Erased):
        return None
    language = Language.ENGLISH if isinstance(person.language, Erased) else person.language
    return Letter(person.email, (person.id,), language, kind, "", "", {"full_name": str(person.full_name)})


async def invitation(desk: Desk, recorded: Recorded) -> Letter | None:
    """To an address that need not be anybody's yet; nothing, once the invitation is over."""
    event = recorded.event
    token = desk.links.token(Purpose.INVITATION, event.originator_id, event.originator_version)
    link = await asyncio.to_thread(desk.links.find, Purpose.INVITATION, token)
    found = await desk.platform.get(Invitation, event.originator_id)
    email, message, language = found.email, found.message, found.language
    if isinstance(email, Erased) or isinstance(message, Erased) or isinstance(language, Erased):
        return None
    if link is None or link.expires_at <= datetime.now(UTC):
        return None
    inviter = await desk.platform.get(Person, found.inviter_id)
    organization = await desk.platform.get(Organization, found.organization_id)
    target = await desk.platform.get(*found.within) if found.within else organization
    language = await _spoken_at(desk, email) or language
    words = {
        "inviter": str(inviter.full_name),
        "organization": organization.name,
        "type": found.type.value,
        "target": target.name,
        "role": found.role,
        "for_anyone": "yes" if found.for_anyone else "",
        "message": message,
        "until": to_the_minute(link.expires_at),
    }
    return Letter(email, (found.id, inviter.id), language, "invitation", "invite", token, words)


async def _spoken_at(desk: Desk, email: str) -> Language | None:
    """By whoever has proven to have this address; none but its reader learns that somebody has."""
    person_id = await asyncio.to_thread(desk.person_of, email)
    if person_id is None:
        return None
    person = await desk.platform.get(Person, person_id)
    return None if isinstance(person.language, Erased) or not person.verified else person.language


OCCASIONS: Final = (
    Occasion("write-on-password-reset-requested", "vistory.events.*.person.*.password_reset_requested", password_reset),
    Occasion("write-on-person-registered", "vistory.events.*.person.*.registered", verification),
    Occasion("write-on-verification-requested", "vistory.events.*.person.*.verification_requested", verification),
    Occasion("write-on-email-change-requested", "vistory.events.*.person.*.email_change_requested", email_change),
    Occasion("warn-on-email-change-requested", "vistory.events.*.person.*.email_change_requested", email_change_asked),
    Occasion("write-on-password-changed", "vistory.events.*.person.*.password_changed", password_changed),
    Occasion("write-on-email-changed", "vistory.events.*.person.*.email_changed", email_changed),
    Occasion("write-on-erasure-requested", "vistory.events.*.person.*.erasure_requested", erasure_requested),
    Occasion("write-on-invitation-sent", "vistory.events.*.invitation.*.sent", invitation),
    Occasion("write-on-invitation-resent", "vistory.events.*.invitation.*.resent", invitation),
    *(
        Occasion(
            f"write-on-second-factor-{each.replace('_', '-')}",
            f"vistory.events.*.second_factor.*.{each}",
            second_factor,
        )
        for each in ("turned_on", "turned_off", "reset", "recovery_codes_renewed")
    ),
    Occasion("write-on-session-begun", "vistory.events.*.session.*.begun", recovery_code_used),
)
