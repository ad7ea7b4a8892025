"""Step 6: what happened, in sentences; and that every copy of it is what the ledger says."""

import time
from typing import Any

from cli import rebuild, replay, stream
from cli.audit import sentence
from cli.exits import Exit, Stop
from cli.tour import Tour

SHOWN = 24
PATIENCE = 20.0


def show(tour: Tour) -> None:
    tell(tour)
    settings = tour.platform.stack.settings_for("cli")
    found = replay.verified(settings, [tour.api.receipt] if tour.api.receipt else [])
    tour.stage.done(
        f"the chain holds from the first event: {found['events']:,} events of {found['aggregates']} things; it ends in"
    )
    tour.stage.say(found["chain"])
    same = settled(tour)
    tour.stage.done(
        f"the stream on the bus is the ledger: {same['compared']:,} positions, subject, headers, bytes, chain"
    )
    models(tour)


def models(tour: Tour) -> None:
    found = rebuild.facts(rebuild.compared(tour.platform.stack.settings_for("cli"), []))
    rebuild.must_be_equal(found)
    rows = sum(found["rows"].values())
    tour.stage.done(
        f"every read model, built anew beside the live one, is equal: {len(found['rows'])} tables, {rows:,} rows"
    )


def tell(tour: Tour) -> None:
    lines = list(reversed(tour.api.get("/audit/organization", limit=100)["items"]))
    tour.stage.done(f"the audit log of these minutes ({len(lines)} entries), told:")
    for line in lines[: SHOWN // 2]:
        tour.stage.say(sentence(line), hang=25)
    if len(lines) > SHOWN:
        tour.stage.say("…")
    for line in lines[max(SHOWN // 2, len(lines) - SHOWN // 2) :]:
        tour.stage.say(sentence(line), hang=25)


def settled(tour: Tour) -> dict[str, Any]:
    """The stream may be a moment behind; other than behind it may never be."""
    end = time.monotonic() + PATIENCE
    while True:
        found = stream.compared(tour.platform.stack.settings_for("cli"))
        if found.equal:
            return stream.facts(found)
        if found.differences or time.monotonic() > end:
            raise Stop(stream.words(stream.facts(found)), Exit.NOT_VERIFIED)
        time.sleep(0.2)
