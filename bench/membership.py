"""People at the door and in the lists: sign-in beside its bare hash, what a check of rights costs, pages of members."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import cycle, zip_longest
from statistics import median
from typing import Any, Final
from uuid import UUID

from pwdlib import PasswordHash
from sqlalchemy import Connection, text
from uuid_utils.compat import uuid7

from api.house import House, open_house
from bench.checking import EACH, hearing, rights_of
from bench.frame import Bench, Result, by, in_turn, percentile, settle
from bench.http import noted
from bench.load import Load, Talk
from bench.served import PASSWORD, serving
from cli.push import batched
from commands.access import Caller
from domain.api_token import ApiToken, OwnerKind
from domain.invitation import InvitationStatus, InvitationType
from domain.membership import Membership
from domain.model import Aggregate, Event
from domain.organization import Organization
from domain.project import Project
from domain.roles import ProjectRole, Role, Scope
from domain.second_factor import SecondFactor
from domain.security_policy import SecurityPolicy
from infra import api_tokens
from infra.ledger import Append
from infra.migrate import migrate, migrate_keys
from infra.provision import APP, KEYS
from infra.reading import Reading, engine_for
from infra.rows import save
from infra.tables import furnish
from projections import dataset, invitation
from projections import membership as read_model
from projections.admin import list_users
from projections.invitation import list_invitations
from projections.membership import list_members
from tests.projections.history import everything, recorded
from tests.servers import Servers

HANDS = 4
PEOPLE = 8
AT_ONCE = 500
OF_ONE = 100
MEMBERS = 5
PAGES = 200
ARGON2: Final = "the bare argon2 check, by as many hands"
NOW: Final = datetime(2026, 1, 2, tzinfo=UTC)


def membership(bench: Bench) -> Iterator[Result]:
    yield _signed_in(bench)
    users, projects = bench.size(2_000, 100_000), bench.size(200, 10_000)
    size = f"{users:,} users, {projects:,} projects"
    with _populated(bench.servers, users, projects) as (house, members, places):

        def rights(who: str, callers: Sequence[Caller], token: Callable[[Caller], str] | None = None) -> Result:
            return rights_of(f"rights checked, {who}; {size}, p99", house, callers, places, token)

        settle()
        yield rights("seen before", members[:OF_ONE])
        yield rights("anybody", members)
        carried = _tokens(house, members[-EACH:])
        yield rights("by an API token, most for the first time", members[-EACH:], carried.__getitem__)
        programs = members[-OF_ONE:]
        for each in programs:
            house.caller_of(carried[each])
        yield rights("by an API token, seen before", programs, carried.__getitem__)
        _ask_for_second_factors(house, members[-2 * EACH :])
        yield rights("whose second factor is asked for", members[-2 * EACH : -EACH])
        yield rights("by an API token, second factor asked for", programs, carried.__getitem__)
        yield _seated(house, members[0])
    yield from _listed(bench.servers, users)


def _signed_in(bench: Bench) -> Result:
    """Over HTTP, sessions begun and tokens made, by people who take turns; what is left of the hash alone."""
    seconds = bench.size(1, 10)
    hasher = PasswordHash.recommended()
    kept = hasher.hash(PASSWORD)
    who = [{"email": f"{n}@example.org", "password": PASSWORD} for n in range(PEOPLE)]
    with serving(bench.servers) as served:
        for each in who:
            served.admin.post("/auth/register", **each, full_name="Bench", company="Bench", division="Vision")
        turns, loads = cycle(who), list[Load]()

        async def sign_in(talk: Talk) -> None:
            await talk("POST", "/api/v1/auth/login", next(turns))

        ways: dict[str, Callable[[], float]] = {
            "ours": lambda: noted(loads, served.port, sign_in, HANDS, seconds),
            ARGON2: lambda: by(HANDS, seconds, lambda: hasher.verify(PASSWORD, kept)),
        }
        rounds = in_turn(ways)
    notes = {"p50 ms": median(load.p50 for load in loads), "p99 ms": median(load.p99 for load in loads)}
    return Result.of(f"sign-in, {HANDS} at once", "/s", rounds, ARGON2, notes=notes)


@contextmanager
def _populated(servers: Servers, users: int, projects: int) -> Iterator[tuple[House, list[Caller], list[UUID]]]:
    """One organization of this size in a ledger: memberships that were approved, projects with members."""
    databases = servers.fresh_database()
    migrate(databases.owner_url, APP, uuid7())
    migrate_keys(databases.keys_owner_url, KEYS)
    chance = random.Random(7)
    people = [uuid7() for _ in range(users)]
    with open_house(servers.settings("api", databases)) as house, hearing(house):
        organization = _found(house, people)
        _append(house, [_member(organization, person) for person in people])
        places = [uuid7() for _ in range(projects)]
        _append(house, [_project(id, organization, chance.sample(people, MEMBERS + 1)) for id in places])
        callers = [Caller(kind="person", id=person, organization_id=organization) for person in people]
        yield house, callers, places
    servers.drop(databases)


def _found(house: House, people: Sequence[UUID]) -> UUID:
    organization = Organization.found("Bench", "Vision", NOW)
    organization.change_quotas(organization.quotas.model_copy(update={"max_users": len(people)}), NOW)
    for some in batched(people, AT_ONCE):
        for person in some:
            organization.seat(person, NOW)
        _append(house, [organization])
    return organization.id


def _member(organization: UUID, person: UUID) -> Membership:
    member = Membership.request(organization, person, NOW)
    member.approve(Role.ENGINEER_I, NOW)
    return member


def _project(id: UUID, organization: UUID, people: Sequence[UUID]) -> Project:
    owner, *others = people
    project = Project.create(id, organization, owner, "bench", "", NOW)
    for person in others:
        project.add_member(person, ProjectRole.MEMBER, NOW)
    return project


def _tokens(house: House, owners: Sequence[Caller]) -> dict[Caller, str]:
    """One of each, good for reading and writing."""
    scopes, now = frozenset({Scope.READ, Scope.WRITE}), datetime.now(UTC)
    until = now + timedelta(days=30)
    carried, made, sides = dict[Caller, str](), list[ApiToken](), list[Mapping[str, Any]]()
    for owner in owners:
        minted, id = api_tokens.mint(), uuid7()
        assert owner.organization_id is not None
        whose = OwnerKind.PERSON, owner.id
        made.append(ApiToken.create(id, owner.organization_id, whose, "bench", minted.prefix, scopes, until, now))
        sides.append(api_tokens.opened(minted.digest, id, owner.organization_id, owner.id, until))
        carried[owner] = minted.token
    _append(house, made, sides, now)
    return carried


def _ask_for_second_factors(house: House, people: Sequence[Caller]) -> None:
    """Of everybody in the organization; these have one."""
    organization = people[0].organization_id
    assert organization is not None
    policy, factors = SecurityPolicy.begin(organization, NOW), list[SecondFactor]()
    policy.require_second_factor(True, NOW)
    for person in people:
        factors.append(SecondFactor.begin(person.id, organization, NOW))
        factors[-1].turn_on(organization, NOW)
    _append(house, [policy, *factors])


def _append(
    house: House, aggregates: Sequence[Aggregate], sides: Sequence[Mapping[str, Any]] = (), at: datetime = NOW
) -> None:
    mapper = house.core.mapper
    told = {"ledger": mapper.ledger, "decided_at": at, "context": None}
    envelope = recorded(everything())[0].envelope.model_copy(update=told)
    for some in batched(list(zip_longest(aggregates, sides)), AT_ONCE):
        given = []
        for each, side in some:
            events = [event for event in each.collect_events() if isinstance(event, Event)]
            stored = [mapper.encode(event, envelope.model_copy(update={"event": uuid7()})) for event in events]
            given.append(Append(uuid7(), b"", {"id": str(each.id)}, stored, sides=[side] if side else []))
        assert {verdict.verdict for verdict in house.core.store.append(given)} == {"accepted"}


def _seated(house: House, caller: Caller) -> Result:
    """What asks for a quota needs the whole organization: read from its first event, and as it is once known."""

    def read() -> float:
        begin = time.perf_counter()
        assert caller.organization_id is not None
        organization = house.ledger_as(caller).get(Organization, caller.organization_id)
        assert organization.is_full
        return (time.perf_counter() - begin) * 1_000

    first, *again = [read() for _ in range(PAGES)]
    notes = {"from its first event": first, "p50": median(again)}
    return Result("the same organization, known, p99", "ms", percentile(again, 0.99), notes=notes, more_is_better=False)


def _listed(servers: Servers, users: int) -> Iterator[Result]:
    """Pages of an organization of so many, as its admins ask for them."""
    databases = servers.fresh_database()
    migrate(databases.owner_url, APP, uuid7())
    organization = uuid7()
    engine = engine_for(databases.app_url, pool_size=1)
    furnish(engine, [read_model.PROJECTION, invitation.PROJECTION, dataset.PROJECTION])
    with engine.begin() as tx:
        for some in batched(range(1, users + 1), 10_000):
            save(tx, read_model.people, {(UUID(int=n),): _person_row(n) for n in some})
            save(tx, read_model.members, {(UUID(int=n),): _member_row(n, organization) for n in some})
            save(tx, invitation.invitations, {(UUID(int=n),): _invitation_row(n, organization) for n in some})
        tx.execute(text("ANALYZE"))
    engine.dispose()
    reading = Reading(databases.app_url)

    def asked(ask: Callable[[Connection], object]) -> float:
        begin = time.perf_counter()
        with reading.transaction() as tx:
            ask(tx)
        return (time.perf_counter() - begin) * 1_000

    questions: dict[str, Callable[[Connection], object]] = {
        "the newest 50": lambda tx: list_members(tx, organization),
        "50 in the middle": lambda tx: list_members(tx, organization, after=users // 2),
        "50 who wait": lambda tx: list_members(tx, organization, waiting=True),
        "50 managers": lambda tx: list_users(tx, organization, role=Role.MANAGER),
        "one by part of an address": lambda tx: list_users(tx, organization, words=f"person-{users // 3}@"),
    }
    invited = partial(list_invitations, organization_id=organization, viewer=UUID(int=1))
    questions |= {
        "the newest 50 invitations": lambda tx: invited(tx),
        "50 invitations in the middle": lambda tx: invited(tx, after=users // 2),
        "50 that are pending": lambda tx: invited(tx, status=InvitationStatus.PENDING),
        "50 that one sent": lambda tx: invited(tx, inviter_id=UUID(int=7)),
    }
    for name, ask in questions.items():
        spent = [asked(ask) for _ in range(PAGES)]
        work = f"{users:,} members, as many invitations: {name}, p99"
        notes = {"p50": median(spent)}
        yield Result(work, "ms", percentile(spent, 0.99), goal=50, more_is_better=False, notes=notes)
    reading.close()
    servers.drop(databases)


def _person_row(n: int) -> dict[str, Any]:
    return {
        "id": UUID(int=n), "email": f"person-{n}@example.org", "full_name": f"Person {n}",
        "avatar_name": f"calm-fox-{n}", "registered_at": NOW,
        "operator": False, "erasure_due_at": None, "erased_at": None, "position": n,
    }  # fmt: skip


def _member_row(n: int, organization: UUID) -> dict[str, Any]:
    """Every hundredth waits, every fiftieth of the others is a manager."""
    role = None if n % 100 == 0 else Role.MANAGER if n % 50 == 1 else Role.ENGINEER_I
    return {
        "id": UUID(int=n), "organization_id": organization, "person_id": UUID(int=n), "role": role and role.value,
        "projects_owned": 0, "requested_at": NOW, "approved_at": role and NOW, "approved_by": None,
        "deactivated_at": None, "ended_at": None, "first_position": n, "position": n,
    }  # fmt: skip


def _invitation_row(n: int, organization: UUID) -> dict[str, Any]:
    """Of a hundred inviters; every tenth is into a dataset, every fifth is pending."""
    status = InvitationStatus.PENDING if n % 5 == 0 else InvitationStatus.ACCEPTED
    type = InvitationType.DATASET if n % 10 == 0 else InvitationType.ORGANIZATION
    return {
        "id": UUID(int=n), "organization_id": organization, "type": type.value, "target_id": UUID(int=n % 1_000),
        "target_name": "Bench", "role": "viewer", "inviter_id": UUID(int=n % 100), "email": f"guest-{n}@example.org",
        "message": "welcome", "for_anyone": False, "status": status.value, "reason": None, "person_id": None,
        "sent_at": NOW, "letters": 1, "expires_at": NOW, "ended_at": None, "first_position": n, "position": n,
    }  # fmt: skip
