"""What a command asks beside its permission, whatever is in it: the same functions decide it and explain it."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from commands.access import Command
from commands.api_token import CreateToken, RevokeToken, must_be_able_to_revoke, must_have_few_tokens
from commands.invitation import (
    CancelInvitation,
    InviteToOrganization,
    ResendInvitation,
    must_be_able_to_end,
    place_for,
)
from commands.membership import (
    ApproveMember,
    ChangeRole,
    DeactivateMember,
    ReactivateMember,
    RemoveMember,
    RenameMember,
    must_be_able_to_grant,
    must_be_able_to_take,
    must_be_at_home,
    must_leave_an_admin,
)
from commands.ports import Secrets, Store
from commands.project import AcceptProject, CreateProject, UndeleteProject, home, owner_to_be, owner_to_have_it_back
from commands.second_factor import ResetSecondFactor, must_be_able_to_reset
from commands.service_account import (
    ChangeServiceRole,
    CreateServiceAccount,
    CreateServiceToken,
    DeleteServiceAccount,
    DisableServiceAccount,
    EnableServiceAccount,
    RenameServiceAccount,
    RevokeServiceToken,
)
from domain.model import Actor
from domain.organization import Organization
from domain.roles import Role


class Wish(NamedTuple):
    """What is known before anything is said of it: who asks, and what it is on, if on anything."""

    actor: Actor
    thing: Any
    store: Store
    secrets: Secrets

    @property
    def organization(self) -> Organization:
        return self.store.get(Organization, home(self.actor))


Condition = Callable[[Wish], None]
"""Raises what the command would raise."""


def _owns_no_more_than_one_may(wish: Wish) -> None:
    owner_to_be(wish.actor, wish.store).must_be_able_to_own(Role(str(wish.actor.role)))


def _its_owner_may_have_it_back(wish: Wish) -> None:
    owner_to_have_it_back(wish.thing, wish.store)


def _has_seat_for_somebody_new(wish: Wish) -> None:
    organization = wish.organization
    organization.must_have_seat(wish.secrets.addresses_invited(organization.id, ""))


def _may_end_it(wish: Wish) -> None:
    must_be_able_to_end(wish.thing, wish.actor, wish.store)


def _may_give_it(wish: Wish) -> None:
    place_for(wish.thing, wish.store).must_be_given_by(wish.actor)


def _has_seat_for_this_one(wish: Wish) -> None:
    wish.organization.must_have_seat_for(wish.thing.person_id)


def _is_above(wish: Wish) -> None:
    must_be_able_to_take(wish.actor, wish.thing)


def _is_above_and_at_home(wish: Wish) -> None:
    _is_above(wish)
    must_be_at_home(wish.thing, wish.store)


def _is_above_one_who_may_come_back(wish: Wish) -> None:
    _is_above(wish)
    if wish.thing.deactivated:
        _has_seat_for_this_one(wish)


def _is_above_one_who_may_be_missed(wish: Wish) -> None:
    _is_above(wish)
    must_leave_an_admin(wish.organization, wish.thing.person_id, wish.store)


def _is_above_one_who_may_go(wish: Wish) -> None:
    _is_above_one_who_may_be_missed(wish)
    wish.thing.must_be_free()


def _may_reset_it(wish: Wish) -> None:
    must_be_able_to_reset(wish.actor, wish.thing, wish.store)


def _is_above_account(wish: Wish) -> None:
    must_be_able_to_grant(wish.actor, wish.thing.role)


def _is_above_account_with_few_tokens(wish: Wish) -> None:
    _is_above_account(wish)
    must_have_few_tokens(home(wish.actor), wish.thing.id, wish.secrets)


def _has_few_tokens(wish: Wish) -> None:
    must_have_few_tokens(home(wish.actor), wish.actor.id, wish.secrets)


def _may_revoke_it(wish: Wish) -> None:
    must_be_able_to_revoke(wish.actor, wish.thing, wish.store)


def _has_few_accounts(wish: Wish) -> None:
    wish.organization.must_have_few_service_accounts()


CONDITIONS: Final[Mapping[type[Command], Condition]] = {
    RevokeToken: _may_revoke_it,
    CreateProject: _owns_no_more_than_one_may,
    AcceptProject: _owns_no_more_than_one_may,
    UndeleteProject: _its_owner_may_have_it_back,
    InviteToOrganization: _has_seat_for_somebody_new,
    CancelInvitation: _may_end_it,
    ResendInvitation: _may_give_it,
    ApproveMember: _has_seat_for_this_one,
    ChangeRole: _is_above,
    RenameMember: _is_above_and_at_home,
    DeactivateMember: _is_above_one_who_may_be_missed,
    ReactivateMember: _is_above_one_who_may_come_back,
    RemoveMember: _is_above_one_who_may_go,
    ResetSecondFactor: _may_reset_it,
    **dict.fromkeys(
        (ChangeServiceRole, RenameServiceAccount, DisableServiceAccount, EnableServiceAccount, DeleteServiceAccount),
        _is_above_account,
    ),
    RevokeServiceToken: _is_above_account,
    CreateServiceToken: _is_above_account_with_few_tokens,
    CreateServiceAccount: _has_few_accounts,
    CreateToken: _has_few_tokens,
}
