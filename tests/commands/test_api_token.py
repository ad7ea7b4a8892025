from datetime import timedelta
from uuid import UUID

import pytest

from commands.access import Caller, Oneself
from commands.api_token import MOST_OF_AN_OWNER, CreateToken, ExpireToken, RevokeToken, TooManyTokens
from commands.erasure import ErasePerson
from commands.membership import RemoveMember
from domain.api_token import ApiToken, OwnerKind, TokenIsStillGood
from domain.errors import Forbidden, NotFound, Unauthenticated
from domain.membership import Membership, membership_id
from domain.model import SYSTEM
from domain.organization import Organization
from domain.roles import Permission, Role, Scope, scope_of
from tests.commands.conftest import ACME, ANN, BEN, ann, approve, ben, eve
from tests.commands.test_access import Wish, admit, wish
from tests.spec import Spec

NIGHTLY, OTHER = UUID(int=81), UUID(int=82)
platform = Caller(kind="system", id=SYSTEM)


def create(token_id: UUID = NIGHTLY, digest: str = "1" * 64) -> CreateToken:
    scopes = frozenset({Scope.TRAIN, Scope.READ})
    return CreateToken(token_id=token_id, name="nightly", scopes=scopes, days=90, prefix="vst_0aB9zZ7k", digest=digest)


nightly, other = create(), create(OTHER, "2" * 64)
revoke, expire = RevokeToken(token_id=NIGHTLY), ExpireToken(token_id=NIGHTLY)


def carrying(who: Caller, *scopes: Scope) -> Caller:
    return who.model_copy(update={"scopes": frozenset(scopes)})


def test_a_token_is_its_maker_s_for_some_scopes_and_a_time(spec: Spec) -> None:
    spec.when(nightly).then(
        (
            ApiToken.Created,
            {
                "owner_kind": OwnerKind.PERSON,
                "owner_id": ANN,
                "organization_id": ACME,
                "scopes": (Scope.READ, Scope.TRAIN),
                "expires_at": spec.now + timedelta(days=90),
            },
        )
    )
    assert "1" * 64 not in str(spec.events())
    assert list(spec.ledger.api_tokens) == ["1" * 64]


@pytest.mark.parametrize("days", [0, -1, 366, 10**9])
def test_a_token_is_good_for_a_day_to_a_year(days: int) -> None:
    with pytest.raises(ValueError, match="days"):
        nightly.model_validate(nightly.model_dump() | {"days": days})


def test_a_token_is_for_something(spec: Spec) -> None:
    for scopes in ((), ("everything",)):
        with pytest.raises(ValueError, match="scopes"):
            nightly.model_validate(nightly.model_dump() | {"scopes": scopes})


def test_a_revoked_token_is_unknown_and_stays_revoked(spec: Spec) -> None:
    spec.given(nightly).when(revoke).then((ApiToken.Revoked, {}))
    assert not spec.ledger.api_tokens
    spec.when(revoke).then()


def test_a_token_is_its_owner_s_or_an_admin_s_to_revoke(spec: Spec) -> None:
    spec.given(approve(BEN, Role.MANAGER), nightly)
    spec.by(ben).when(revoke).then_refused(Forbidden, "not yours")
    spec.by(eve).when(revoke).then_refused(NotFound)
    spec.by(ben).given(other).by(ann).when(RevokeToken(token_id=OTHER)).then((ApiToken.Revoked, {}))


def test_a_token_expires_once_and_not_before_its_time(spec: Spec) -> None:
    spec.given(nightly).by(platform).when(expire).then_refused(TokenIsStillGood)
    spec.now += timedelta(days=90)
    spec.when(expire).then((ApiToken.Expired, {}))
    assert not spec.ledger.api_tokens
    spec.when(expire).then()
    spec.by(ann).when(revoke).then()


def test_only_the_platform_says_that_a_token_is_over(spec: Spec) -> None:
    spec.given(nightly).when(expire).then_refused(Forbidden)


def test_who_waits_makes_no_token(spec: Spec) -> None:
    spec.by(ben).when(nightly).then_refused(Forbidden, "waits")


def test_an_owner_has_so_many_tokens_and_no_more(spec: Spec) -> None:
    spec.given(*(create(UUID(int=1_000 + n), f"{n:064x}") for n in range(MOST_OF_AN_OWNER)))
    spec.when(nightly).then_refused(TooManyTokens)
    spec.given(RevokeToken(token_id=UUID(int=1_000))).when(nightly).then((ApiToken.Created, {}))


def test_who_is_removed_leaves_no_token_behind(spec: Spec) -> None:
    spec.given(approve(BEN, Role.GUEST), nightly).by(ben).given(other)
    spec.by(ann).when(RemoveMember(membership_id=membership_id(ACME, BEN)))
    spec.then((Membership.Ended, {}), (Organization.SeatReleased, {}), (ApiToken.Revoked, {"originator_id": OTHER}))
    assert list(spec.ledger.api_tokens) == ["1" * 64]


def test_who_is_erased_leaves_no_token_behind(spec: Spec) -> None:
    spec.given(approve(BEN, Role.GUEST)).by(ben).given(other).by(platform).given(ErasePerson(person_id=BEN))
    assert ApiToken.Revoked in map(type, spec.events())
    assert not spec.ledger.api_tokens


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("scope", Scope)
def test_a_scope_lets_a_token_use_what_the_table_says(spec: Spec, scope: Scope, permission: Permission) -> None:
    if scope_of(permission) is scope:
        admit(spec, wish(permission), carrying(ann, scope))
    else:
        with pytest.raises(Forbidden, match="API token"):
            admit(spec, wish(permission), carrying(ann, scope))


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("role", Role)
def test_all_scopes_together_give_no_more_than_the_owner_has(spec: Spec, role: Role, permission: Permission) -> None:
    spec.given(approve(BEN, role))
    try:
        admit(spec, wish(permission), ben)
    except Forbidden:
        with pytest.raises(Forbidden):
            admit(spec, wish(permission), carrying(ben, *Scope))


def test_a_token_is_worth_as_much_as_its_owner_is_at_the_moment(spec: Spec) -> None:
    spec.given(approve(BEN, Role.GUEST))
    admit(spec, wish(Permission.READ), carrying(ben, Scope.READ))
    spec.given(RemoveMember(membership_id=membership_id(ACME, BEN)))
    with pytest.raises(Unauthenticated):
        admit(spec, wish(Permission.READ), carrying(ben, Scope.READ))


def test_what_is_about_oneself_is_for_no_token(spec: Spec) -> None:
    with pytest.raises(Forbidden, match="sign in themselves"):
        admit(spec, type("Own", (Wish,), {"ACCESS": Oneself()})(), carrying(ann, *Scope))
