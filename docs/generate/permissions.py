"""Writes docs/permissions.md from the rules that decide; with --check, says whether it is current."""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

from commands.access import May  # noqa: E402
from commands.permission import ACTIONS  # noqa: E402
from domain.dataset import Dataset  # noqa: E402
from domain.invitation import Invitation  # noqa: E402
from domain.project import Project  # noqa: E402
from domain.roles import Permission, Reach, Role, includes, reach, scope_of  # noqa: E402
from domain.shared import Shared  # noqa: E402
from tests.api.matrix import cells  # noqa: E402

PAGE = ROOT / "docs" / "permissions.md"
HEAD = """# Who may do what

Made from `domain/roles.py` and from what each command declares beside itself: the same rules decide, and
`tests/api/test_role.py` asks the running API each of them, as every role: {cells:,} cells, {own:,} about what is one's
own, {place:,} about where one has a place, {organization:,} about what else is in the organization, {foreign:,} about
what is of another one. `vistory permission explain ACTION [TARGET]`, or
`GET /api/v1/permissions/explain`, says of one action and one thing whether you may, why not, and who could let you.

**scope**: what an API token needs beside its owner's role. **yes**: on what is anybody's in the organization. **own**:
on what one owns. The columns behind the roles are places in a project or a dataset: each adds, in that project or
dataset, to what the role allows. A private dataset is there for its owner, for whoever has a place in it, and for
admins. What belongs to another organization is not there.
Whoever has not verified their address reads, and does nothing else that stands here but leave, decline, revoke a token
of their own and cancel an invitation; they are given no place either, but by a link that anyone may follow, nor offered
anything.
A permission is not all: a guest owns one project at most, nobody gives or takes a role that is not below the own (but
for an admin), the last admin with a verified address stays one, and a quota may be used up. `explain` asks all of
that, too.
Where an organization asks its members for a second factor, a person without one
may do none of this, nor may what carries a token of theirs. In an organization that is closed nobody may do anything,
but an admin who signed in may look at it and open it again.

"""
QUERIES = """
## Queries, and what an API token may use

A query asks for one of these permissions, too. An API token may use what its scopes name, and never more than its owner
may at that moment; what has no scope is for people who sign in themselves.
`advanced_features` is asked for by nothing: `GET /api/v1/auth/me` tells it, so that a frontend knows what to offer.

| permission | scope | admin | manager | engineer_ii | engineer_i | guest |
|---|---|---|---|---|---|---|
"""
PLACES = list(dict.fromkeys(place.value for kind in (Project, Dataset) for place in kind.PLACES))
SEEN = {Reach.ANY: "yes", Reach.OWN: "own", None: ""}


def page() -> str:
    columns = [
        "scope",
        *(role.value for role in Role),
        "owns it",
        *(f"{place} in it" for place in PLACES),
    ]
    head = f"| action | on | permission | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 3)}\n"
    return counted(HEAD) + head + "\n".join(rows()) + "\n" + QUERIES + "\n".join(permissions()) + "\n"


def counted(text: str) -> str:
    asked = Counter(cell.relation.name.lower() for cell in cells())
    return text.format(cells=asked.total(), **asked)


def rows() -> Iterator[str]:
    for name, rule in ACTIONS.items():
        on = rule.on.TOPIC.replace("_", " ") if rule.on else ""
        roles = [seen(rule, role) for role in Role]
        cells = [f"`{name}`", on, rule.permission.value, scope_of(rule.permission) or "", *roles, *places(rule)]
        yield f"| {' | '.join(cells)} |"


def permissions() -> Iterator[str]:
    for permission in sorted(Permission, key=lambda each: (scope_of(each) or "~", each)):
        cells = [permission.value, scope_of(permission) or "", *(SEEN[reach(role, permission)] for role in Role)]
        yield f"| {' | '.join(cells)} |"


def seen(rule: May, role: Role) -> str:
    far = reach(role, rule.permission)
    return SEEN[Reach.ANY if far and rule.on is None else far]


def places(rule: May) -> Iterator[str]:
    """Only what has members, or is in a project, has them."""
    within = shared(rule)
    yield "yes" if within and rule.permission in within.OF_ITS_OWNER else ""
    letting = [place.value for place in within.PLACES if includes(place, rule.permission)] if within else []
    for place in PLACES:
        yield "yes" if place in letting else ""


def shared(rule: May) -> type[Shared[Any]] | None:
    if rule.on is None:
        return None
    if issubclass(rule.on, Shared):
        return rule.on
    return Project if rule.on is Invitation or "project_id" in rule.on.__annotations__ else None


def main() -> int:
    if "--check" not in sys.argv:
        PAGE.write_text(page())
    elif not PAGE.exists() or PAGE.read_text() != page():
        sys.stderr.write(f"docs/permissions.md is not current; run: python {Path(__file__).relative_to(ROOT)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
