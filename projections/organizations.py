"""All organizations of the platform, for whoever operates it."""

from sqlalchemy import Connection, or_, select

from projections.membership import OrganizationRow, organizations
from projections.paging import Page, newest


def list_organizations(
    tx: Connection, *, words: str = "", after: int | None = None, limit: int = 50
) -> Page[OrganizationRow]:
    """`words` are part of what an organization is called."""
    query = select(organizations)
    if words:
        called = organizations.c.name, organizations.c.company, organizations.c.division
        query = query.where(or_(*(each.icontains(words, autoescape=True) for each in called)))
    return newest(tx, query, organizations.c.first_position, OrganizationRow, after, limit)


def every_organization(tx: Connection) -> list[dict[str, str]]:
    """By id and name."""
    rows = tx.execute(select(organizations.c.id, organizations.c.name).order_by(organizations.c.first_position))
    return [{"id": str(id), "name": name} for id, name in rows]
