"""What one may ask of a second factor: to set it up, to turn it off, other recovery codes, and to take it away."""

from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Final
from uuid import UUID

from pydantic import Field, SecretStr

from commands.access import Access, Command, May, Oneself, Platform
from commands.code import Code, use_code, wrong_code
from commands.inside import WhileClosed
from commands.membership import must_be_able_to_take, must_be_at_home
from commands.ports import Accepted, Secrets, Store
from commands.project import home
from domain.errors import Forbidden
from domain.membership import Membership
from domain.model import Actor
from domain.person import Person
from domain.roles import Permission
from domain.second_factor import SecondFactor, SecondFactorIsOff, second_factor_id

CONFIRMED_WITHIN: Final = timedelta(minutes=15)
RecoveryCodes = Annotated[tuple[SecretStr, ...], Field(min_length=1, max_length=20)]


class BeginSecondFactor(Command):
    """A fresh secret is offered; nothing has changed until a code of it is there."""

    ACCESS: ClassVar[Access] = Oneself(unproven=True, while_closed=WhileClosed.ANYBODY)


class ConfirmSecondFactor(Command):
    ACCESS: ClassVar[Access] = Oneself(unproven=True, while_closed=WhileClosed.ANYBODY)
    code: Code
    recovery_codes: RecoveryCodes


class RenewRecoveryCodes(Command):
    ACCESS: ClassVar[Access] = Oneself()
    code: Code
    recovery_codes: RecoveryCodes


class TurnOffSecondFactor(Command):
    ACCESS: ClassVar[Access] = Oneself()
    code: Code


class ResetSecondFactor(Command):
    """Of a member who lost it, and who began in this organization: what others rely on is not for it to take."""

    ACCESS: ClassVar[Access] = May(Permission.MANAGE_MEMBERS, Membership, "membership_id")
    membership_id: UUID


class ResetSecondFactorOf(Command):
    """By whoever keeps the machine: an organization's only admin may have lost it."""

    ACCESS: ClassVar[Access] = Platform()
    person_id: UUID


def begin_second_factor(
    command: BeginSecondFactor, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    factor = store.find(SecondFactor, second_factor_id(actor.id)) or SecondFactor.begin(actor.id, home(actor), now)
    factor.must_be_off()
    secrets.offer_second_factor(actor.id, now + CONFIRMED_WITHIN)
    return store.save(factor)


def confirm_second_factor(
    command: ConfirmSecondFactor, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    factor = _of(actor.id, store)
    factor.turn_on(home(actor), now)
    if not secrets.confirm_second_factor(actor.id, command.code.get_secret_value(), now):
        raise wrong_code()
    _keep(command.recovery_codes, actor.id, secrets)
    return store.save(factor)


def renew_recovery_codes(
    command: RenewRecoveryCodes, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    factor = _of(actor.id, store)
    factor.must_be_on()
    factor.renew_recovery_codes(home(actor), use_code(secrets, actor.id, command.code, now), now)
    _keep(command.recovery_codes, actor.id, secrets)
    return store.save(factor)


def turn_off_second_factor(
    command: TurnOffSecondFactor, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    factor = _of(actor.id, store)
    factor.must_be_on()
    factor.turn_off(home(actor), use_code(secrets, actor.id, command.code, now), now)
    secrets.drop_second_factor(actor.id)
    return store.save(factor)


def reset_second_factor(
    command: ResetSecondFactor, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    membership = store.get(Membership, command.membership_id)
    must_be_able_to_reset(actor, membership, store)
    return _reset(membership.person_id, membership.organization_id, now, store, secrets)


def must_be_able_to_reset(actor: Actor, membership: Membership, store: Store) -> None:
    """Raises Forbidden."""
    must_be_able_to_take(actor, membership)
    if membership.person_id == actor.id:
        raise Forbidden("your own you turn off yourself, by password and code; for one you lost, ask another admin")
    must_be_at_home(membership, store)


def reset_second_factor_of(
    command: ResetSecondFactorOf, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    person = store.get(Person, command.person_id)
    return _reset(person.id, person.organizations[0], now, store, secrets)


def _reset(person_id: UUID, organization_id: UUID, now: datetime, store: Store, secrets: Secrets) -> Accepted:
    factor = _of(person_id, store)
    factor.reset(organization_id, now)
    secrets.drop_second_factor(person_id)
    return store.save(factor)


def _of(person_id: UUID, store: Store) -> SecondFactor:
    """Raises SecondFactorIsOff."""
    factor = store.find(SecondFactor, second_factor_id(person_id))
    if factor is None:
        raise SecondFactorIsOff("no second factor was ever set up; begin with that")
    return factor


def _keep(codes: tuple[SecretStr, ...], person_id: UUID, secrets: Secrets) -> None:
    secrets.keep_recovery_codes(person_id, [each.get_secret_value() for each in codes])
