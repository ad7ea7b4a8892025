"""What is left behind where somebody asks for a thing of another organization: a line in two security logs, no more."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI

from tests.api.visitor import Visitor


def reached_out(admin: Visitor) -> int:
    """How often somebody of this admin's organization asked for a thing of another one."""
    return sum(each["count"] for each in admin.get("/admin/security")["items"] if each["kind"] == "reached_out")


@contextmanager
def nothing_but_noted(admin: Visitor, times: int) -> Iterator[None]:
    """Meanwhile nothing comes into the ledger, and so often it is noted that somebody of this admin's reached out."""
    app = admin.client.app
    assert isinstance(app, FastAPI)
    ledger = app.state.house.core.store
    head, noted = ledger.head(), reached_out(admin)
    yield
    assert ledger.head() == head
    assert reached_out(admin) == noted + times
