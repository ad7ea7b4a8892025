"""Who has a second factor on, and which organizations ask for one: beside the tables of membership."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Column, Connection, Table, Uuid, select

from domain.model import Recorded
from domain.second_factor import SecondFactor
from domain.security_policy import SecurityPolicy
from projections import topics
from projections.folding import changed
from projections.model import Key, Row, View, metadata

second_factors: Final = Table(
    "second_factors",
    metadata,
    Column("person_id", Uuid, primary_key=True),
    Column("is_on", Boolean, nullable=False),
    Column("position", BigInteger, nullable=False),
)

security_policies: Final = Table(
    "security_policies",
    metadata,
    Column("organization_id", Uuid, primary_key=True),
    Column("second_factor_required", Boolean, nullable=False),
    Column("position", BigInteger, nullable=False),
)


def _factor_keys(recorded: Recorded) -> Iterable[Key]:
    match recorded.event:
        case (
            SecondFactor.Begun(person_id=id)
            | SecondFactor.TurnedOn(person_id=id)
            | SecondFactor.TurnedOff(person_id=id)
            | SecondFactor.Reset(person_id=id)
            | SecondFactor.RecoveryCodesRenewed(person_id=id)
        ):
            yield (id,)


def _factor(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    match recorded.event:
        case SecondFactor.Begun():
            return {"is_on": False}
        case SecondFactor.TurnedOn():
            return changed(row, is_on=True)
        case SecondFactor.TurnedOff() | SecondFactor.Reset():
            return changed(row, is_on=False)
    return changed(row)


def _policy_keys(recorded: Recorded) -> Iterable[Key]:
    match recorded.event:
        case SecurityPolicy.Begun(organization_id=id) | SecurityPolicy.SecondFactorRuleChanged(organization_id=id):
            yield (id,)


def _policy(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    match recorded.event:
        case SecurityPolicy.SecondFactorRuleChanged(required=required):
            return changed(row, second_factor_required=required)
    return {"second_factor_required": False}


VIEWS: Final = (
    View(second_factors, _factor_keys, _factor, topics.SECOND_FACTOR),
    View(security_policies, _policy_keys, _policy, topics.SECURITY_POLICY),
)


def is_required(tx: Connection, organization_id: UUID) -> bool:
    asked = select(security_policies.c.second_factor_required)
    return bool(tx.scalar(asked.where(security_policies.c.organization_id == organization_id)))
