"""The read models kept up to date in this process, straight from the ledger: the same folds and checkpoints, no bus."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread

from infra.config import Settings
from infra.projector import Projector
from infra.reach import out_of_reach
from infra.reading import engine_for
from infra.tables import furnish
from infra.wiring import Core
from projections import PROJECTIONS
from projections.model import Projection

PAUSE = 0.02


@contextmanager
def projecting(settings: Settings, projections: Sequence[Projection] = PROJECTIONS) -> Iterator[Event]:
    """While the event is set, nothing moves."""
    engine = engine_for(settings.need("database_url"), pool_size=1)
    stop, held = Event(), Event()
    with Core.open(settings) as core:
        furnish(engine, projections)
        projector = Projector.of(core.store, core.mapper, engine, projections)
        projector.begin()

        def follow() -> None:
            while not stop.wait(PAUSE):
                try:
                    head = core.store.head().position
                    for each in () if held.is_set() else projector.live:
                        each.catch_up(head)
                except Exception as error:
                    if not out_of_reach(error):
                        raise

        thread = Thread(target=follow)
        thread.start()
        try:
            yield held
        finally:
            stop.set()
            thread.join()
            engine.dispose()
