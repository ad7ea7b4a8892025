"""Given what happened, when somebody asks, then this follows: the real handlers over the in-memory ledger."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import UUID

from uuid_utils.compat import uuid7

from commands.access import Caller, Command
from commands.ports import Accepted
from domain.model import Event
from infra.dispatch import bind
from infra.known import Known
from infra.mapper import Mapper
from infra.unit import Errand
from tests.doubles import (
    FewPlaces,
    MemoryKeys,
    MemoryLedger,
    MemorySecrets,
    OneTrainer,
    PreparedContents,
    Room,
    Trained,
    Used,
)

NOBODY = Caller(kind="anonymous", id=UUID(int=0))
START = datetime(2026, 1, 1, tzinfo=UTC)


class Spec:
    def __init__(self) -> None:
        self.ledger = MemoryLedger(UUID(int=9))
        self.keys = MemoryKeys()
        self.contents = PreparedContents()
        self.room = Room()
        self.subscribers = FewPlaces()
        self.used = Used()
        self.mapper = Mapper(self.ledger.ledger, self.keys)
        self.caller = NOBODY
        self.now = START
        self._before = 0
        self._refusal: Exception | None = None
        bound = bind(
            self.ledger,
            self.mapper,
            Known(),
            lambda unit: MemorySecrets(self.ledger, unit.sides),
            {
                "contents": self.contents,
                "places": self.room,
                "subscribers": self.subscribers,
                "trainers": OneTrainer(),
                "usage": self.used,
                "trainings": Trained(self.ledger, self.mapper),
            },
        )
        # Nobody else is at work here, whom a pause would let pass.
        self.dispatch = replace(bound, pause=lambda seconds: None)

    def by(self, caller: Caller) -> Self:
        self.caller = caller
        return self

    def do(self, command: Command, **errand: Any) -> Accepted:
        self.now += timedelta(seconds=1)
        return self.dispatch(command, replace(Errand(caller=self.caller, now=self.now, command_id=uuid7()), **errand))

    def given(self, *commands: Command) -> Self:
        for command in commands:
            self.do(command)
        return self

    def when(self, command: Command) -> Self:
        self._before = len(self.ledger.rows)
        self._refusal = None
        try:
            self.do(command)
        except Exception as refusal:
            self._refusal = refusal
        return self

    def then(self, *expected: tuple[type[Event], Mapping[str, Any]]) -> Self:
        if self._refusal is not None:
            raise self._refusal
        happened = self.events()[self._before :]
        assert [type(event) for event in happened] == [kind for kind, _ in expected]
        for event, (_, fields) in zip(happened, expected, strict=True):
            assert {name: getattr(event, name) for name in fields} == dict(fields)
        return self

    def then_refused(self, kind: type[Exception], *words: str) -> Self:
        assert type(self._refusal) is kind, f"expected {kind.__name__}, got {self._refusal!r}"
        assert len(self.ledger.rows) == self._before
        for word in words:
            assert word in str(self._refusal)
        return self

    def events(self) -> list[Event]:
        return [self.mapper.decode(row.stored)[0] for row in self.ledger.rows]
