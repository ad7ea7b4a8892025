"""Whoever left the organization, and came back: nothing that was theirs to see or to change is so again by itself."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from uuid import UUID

import pytest

from consumers.acting import Platform
from consumers.leaving import LeavingReaction
from domain.membership import Membership, membership_id
from infra.config import Settings
from infra.reading import Reading
from infra.wiring import Core
from tests.api.letters import UNNAMED
from tests.api.visitor import Visitor

React = Callable[[], None]


@pytest.fixture
def react(settings: Settings) -> Iterator[React]:
    """To every end of a membership that there was, however often it was reacted to before."""
    with Core.open(settings) as core, closing(Reading(settings.need("database_url"))) as reading:
        reaction = LeavingReaction(Platform(core.store, core.mapper, core.dispatch(core.accounts(), UNNAMED)), reading)

        def act() -> None:
            for row in core.store.read(0, 10_000):
                recorded = core.mapper.recorded(row.stored, row.position, row.recorded_at)
                if isinstance(recorded.event, Membership.Ended):
                    asyncio.run(reaction.vacate_on_membership_ended(recorded))

        yield act


def shared(ann: Visitor, *people: Visitor) -> dict[str, str]:
    """A private dataset and a project of hers, with places for these people."""
    made = {
        "datasets": str(ann.post("/datasets", {"name": "secret", "visibility": "private"})["id"]),
        "projects": str(ann.post("/projects", {"name": "shared"})["id"]),
    }
    for kind, id in made.items():
        for person in people:
            ann.post(f"/{kind}/{id}/members", {"person_id": person.id, "role": "maintainer"})
    return made


def back(ann: Visitor, person: Visitor) -> None:
    id = membership_id(UUID(person.organization), UUID(person.id))
    ann.post(f"/members/{id}/approve", {"role": "guest"})
    person.sign_in()
    person.seen = ann.seen


def test_who_comes_back_has_no_place_of_before(ann: Visitor, react: React) -> None:
    gone, stays = ann.colleague("guest"), ann.colleague("guest")
    things = shared(ann, gone, stays)
    ann("DELETE", f"/admin/users/{gone.id}")
    react()
    back(ann, gone)
    assert gone("GET", f"/datasets/{things['datasets']}").status_code == 404
    assert gone("PATCH", f"/projects/{things['projects']}", {"name": "mine"}).status_code == 403
    for kind, id in things.items():
        assert [each["person_id"] for each in ann.get(f"/{kind}/{id}/members")] == [stays.id]
    told = ann.get(f"/audit/entity/dataset/{things['datasets']}")["items"][0]["sentence"]
    assert told == "The platform removed Ann Ö (maintainer) from the dataset secret"


def test_what_the_end_takes_away_tells_of_the_end(ann: Visitor, react: React, settings: Settings) -> None:
    gone = ann.colleague("guest")
    shared(ann, gone)
    ann("DELETE", f"/admin/users/{gone.id}")
    react()
    with Core.open(settings) as core:
        events = [core.mapper.decode(row.stored) for row in core.store.read(0, 10_000)]
    membership = membership_id(UUID(gone.organization), UUID(gone.id))
    (end,) = (on for event, on in events if isinstance(event, Membership.Ended) and event.originator_id == membership)
    caused = [on for _, on in events if on.causation == end.event]
    assert [on.correlation for on in caused] == [end.correlation] * 2


def test_a_place_that_is_given_since_is_kept_however_late_the_end_is_heard_of(ann: Visitor, react: React) -> None:
    gone = ann.colleague("guest")
    things, others = shared(ann), shared(ann, gone)
    ann("DELETE", f"/admin/users/{gone.id}")
    back(ann, gone)
    for kind, id in things.items():
        ann.post(f"/{kind}/{id}/members", {"person_id": gone.id, "role": "maintainer"})
    react()
    react()
    gone.seen = ann.seen
    assert gone.get(f"/datasets/{things['datasets']}")["name"] == "secret"
    assert gone("POST", f"/datasets/{others['datasets']}/snapshot", {"tag": "mine"}).status_code == 404


def test_who_comes_back_is_offered_nothing_of_before(ann: Visitor, react: React) -> None:
    gone = ann.colleague("engineer_i")
    things = shared(ann)
    for kind, id in things.items():
        ann.post(f"/{kind}/{id}/owner/offer", {"person_id": gone.id})
    ann("DELETE", f"/admin/users/{gone.id}")
    react()
    back(ann, gone)
    assert gone("POST", f"/datasets/{things['datasets']}/owner/accept").status_code == 404
    assert gone("POST", f"/projects/{things['projects']}/owner/accept").status_code == 409


def test_an_offer_that_is_made_since_stands_however_late_the_end_is_heard_of(ann: Visitor, react: React) -> None:
    gone = ann.colleague("engineer_i")
    things, others = shared(ann), shared(ann, gone)
    for kind, id in things.items():
        ann.post(f"/{kind}/{id}/owner/offer", {"person_id": gone.id})
    ann("DELETE", f"/admin/users/{gone.id}")
    back(ann, gone)
    for kind, id in things.items():
        ann.post(f"/{kind}/{id}/members", {"person_id": gone.id, "role": "maintainer"})
        ann.post(f"/{kind}/{others[kind]}/owner/offer", {"person_id": gone.id})
    react()
    ann.post("/projects", {"name": "after that"})
    gone.seen = ann.seen
    for kind, id in things.items():
        assert gone("POST", f"/{kind}/{id}/owner/accept").status_code == 409
        assert gone.id in {each["person_id"] for each in gone.get(f"/{kind}/{id}/members")}
        assert gone.id not in {each["person_id"] for each in ann.get(f"/{kind}/{others[kind]}/members")}
        assert gone("POST", f"/{kind}/{others[kind]}/owner/accept").status_code == 200
