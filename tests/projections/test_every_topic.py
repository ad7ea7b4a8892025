from collections import defaultdict
from collections.abc import Sequence
from copy import deepcopy
from uuid import UUID

import pytest
from sqlalchemy import BigInteger, Integer

from domain import EVENTS
from domain.model import Recorded
from infra.mapper import personal_fields
from projections import PROJECTIONS
from projections.audit_words import ACTIONS
from projections.folding import step
from projections.model import Key, Projection, Row, metadata
from projections.topics import FOLDED_BY_NOBODY
from tests.projections.history import tables

each = pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.name)


def test_the_story_tells_of_everything_that_can_happen(history: Sequence[Recorded]) -> None:
    assert {recorded.topic for recorded in history} == EVENTS.keys()


@each
def test_a_read_model_folds_what_it_says_that_it_does(projection: Projection, history: Sequence[Recorded]) -> None:
    handled = {r.topic for r in history if any(list(view.keys(r)) for view in projection.views)}
    assert handled == (EVENTS.keys() if projection.folds is None else projection.folds)


def test_a_topic_is_folded_by_a_read_model_or_by_none_on_purpose() -> None:
    """A new one that somebody forgot is in neither."""
    assert [each.name for each in PROJECTIONS if each.folds is None] == ["audit"]
    folded = frozenset[str]().union(*(each.folds for each in PROJECTIONS if each.folds is not None))
    assert folded | FOLDED_BY_NOBODY == EVENTS.keys()
    assert not folded & FOLDED_BY_NOBODY


@each
def test_a_view_names_the_topics_that_touch_it_and_its_rows_are_of_one_aggregate(
    projection: Projection, history: Sequence[Recorded]
) -> None:
    """A rebuild asks nobody else, and folds aggregates apart."""
    for view in projection.views:
        touching = [(recorded, key) for recorded in history for key in view.keys(recorded)]
        assert all(view.concerns(recorded.topic) for recorded, _ in touching), view.table.name
        owners: dict[Key, set[UUID]] = defaultdict(set)
        for recorded, key in touching:
            owners[key].add(recorded.event.originator_id)
        assert all(len(found) == 1 for found in owners.values()), view.table.name


@each
def test_every_row_fills_every_column_and_says_its_position(
    projection: Projection, history: Sequence[Recorded]
) -> None:
    folded = tables(projection, history)
    for view in projection.views:
        assert folded[view.table.name], f"nothing in {view.table.name}"
        for key, row in folded[view.table.name].items():
            assert row.keys() == {column.name for column in view.table.columns}
            assert key == tuple(row[column.name] for column in view.table.primary_key.columns)
            assert 1 <= row["position"] <= len(history)


@each
def test_a_fold_leaves_the_rows_that_it_is_given_as_they_were(
    projection: Projection, history: Sequence[Recorded]
) -> None:
    """A row changed in place would be taken for one that did not change, and not be written."""
    for view in projection.views:
        rows: dict[Key, Row | None] = {}
        for recorded in history:
            given, as_they_were = dict(rows), deepcopy(rows)
            step(view, rows, recorded)
            assert given == as_they_were, f"{view.table.name}, {recorded.topic}"


def test_every_topic_has_an_action_and_a_sentence() -> None:
    assert ACTIONS.keys() == EVENTS.keys()


def test_no_number_of_an_event_is_too_large_for_its_column() -> None:
    small = [c for table in metadata.tables.values() for c in table.columns if isinstance(c.type, Integer)]
    assert all(isinstance(column.type, BigInteger) for column in small)


def test_the_audit_log_copies_nothing_personal(history: Sequence[Recorded]) -> None:
    audit = next(projection for projection in PROJECTIONS if projection.name == "audit")
    entries = tables(audit, history)["audit_entries"]
    for recorded in history:
        assert not personal_fields(type(recorded.event)).keys() & entries[(recorded.position,)]["changes"].keys()
