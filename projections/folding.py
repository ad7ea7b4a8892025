"""What folds share: values as a database gives them back, rows that must be there, and one step of a view."""

from collections.abc import MutableMapping
from typing import Any

from pydantic_core import to_jsonable_python

from domain.model import Recorded
from domain.trash import Disposable
from projections.model import Key, Row, View


class RowIsMissing(LookupError):
    """An event changes a row that no earlier event made: something before it was left out."""


def step(view: View, rows: MutableMapping[Key, Row | None], recorded: Recorded) -> None:
    """Let one event change `rows`, which hold what is known of the keys that it touches."""
    if not view.concerns(recorded.topic):
        return
    for key in view.keys(recorded):
        before = rows.get(key)
        after = view.fold(before, recorded, key)
        if after is not before:
            named = zip(view.key_names, key, strict=True)
            rows[key] = None if after is None else {**after, **dict(named), "position": recorded.position}


def changed(row: Row | None, **changes: Any) -> Row:
    """The same row with other values. Raises RowIsMissing."""
    if row is None:
        raise RowIsMissing("no earlier event made the row that this one changes")
    return {**row, **changes}


def plain(value: Any) -> Any:
    """As JSON gives it back, so that a row read from a table and one held in memory fold alike."""
    return to_jsonable_python(value)


def thrown(recorded: Recorded) -> dict[str, Any]:
    """What an event about the trash changes, of any thing that can be thrown away."""
    match recorded.event:
        case Disposable.Deleted(purge_at=purge_at):
            return {"purge_at": purge_at, "offered_to": None}
        case Disposable.Undeleted():
            return {"purge_at": None}
        case Disposable.Purged():
            return {"purged_at": recorded.envelope.decided_at}
    return {}
