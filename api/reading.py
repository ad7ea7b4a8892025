"""What every query goes through: a member, read from the ledger at this moment, and a read model that is far enough."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Header, Query
from sqlalchemy import Connection

from api.edge import Holder
from api.house import House, TheHouse
from commands.access import Caller, demand
from commands.inside import WhileClosed
from domain.errors import Invalid
from domain.roles import Permission, Role, Scope
from projections.model import Projection

_POSITION: Final = r"^[0-9a-f-]{36}:[0-9]{1,18}$"
MinPosition = Annotated[
    str | None,
    Header(
        alias="Vistory-Min-Position",
        pattern=_POSITION,
        description="A `Vistory-Position`: the answer shows at least what was true there",
    ),
]
After = Annotated[int | None, Query(ge=0, le=2**53, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=1_000)]


def viewer(role: Role, person_id: UUID) -> UUID | None:
    """For whom private things of others are hidden; an admin sees all."""
    return None if role is Role.ADMIN else person_id


class PositionIsUnknown(Invalid):
    """No place in this ledger."""


@dataclass(frozen=True)
class Known:
    """Somebody who may read what is inside the wall of one organization."""

    caller: Caller
    organization_id: UUID
    role: Role

    @property
    def viewer(self) -> UUID | None:
        return viewer(self.role, self.caller.id)


def may(
    permission: Permission,
    *,
    own: bool = False,
    scope: Scope | None = None,
    while_closed: WhileClosed = WhileClosed.NOBODY,
) -> Callable[[Caller, House], Known]:
    """With `own`, also who may do it with nothing but their own; `scope` is what an API token needs in its stead."""

    def known(caller: Holder, house: TheHouse) -> Known:
        store, owner = house.ledger_as(caller), caller.id if own else None
        role = demand(caller, store, permission, owner, scope=scope, while_closed=while_closed)
        assert caller.organization_id is not None, "a role is a role in an organization"
        return Known(caller, caller.organization_id, role)

    return known


def reads(*projections: Projection) -> Any:
    """A dependency: one moment of these read models, no earlier than the caller asks for."""
    names = [each.name for each in projections]

    def reading(house: TheHouse, at_least: MinPosition = None) -> Iterator[Connection]:
        if at_least is not None:
            house.reading.wait_until(names, _position(house, at_least))
        with house.reading.transaction() as tx:
            yield tx

    return Depends(reading)


def _position(house: House, given: str) -> int:
    ledger, _, position = given.rpartition(":")
    if ledger != str(house.core.mapper.ledger):
        raise PositionIsUnknown("Vistory-Min-Position is a place in another ledger")
    if int(position) > house.core.store.head().position:
        raise PositionIsUnknown(
            "Vistory-Min-Position lies ahead of the ledger; it was restored, or nobody was ever told this"
        )
    return int(position)


Member = Annotated[Known, Depends(may(Permission.READ))]
Witness = Annotated[Known, Depends(may(Permission.READ_HISTORY))]
Auditor = Annotated[Known, Depends(may(Permission.READ_AUDIT))]
Colleague = Annotated[Known, Depends(may(Permission.READ_MEMBERS))]
