"""The composition root: the only place where ports meet adapters."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from psycopg_pool import ConnectionPool

from infra.api_tokens import ApiTokens
from infra.config import Settings, private
from infra.delays import Delays
from infra.dispatch import Dispatch, bind
from infra.event_store import EventStore
from infra.key_news import KeyNews
from infra.keys import MasterKey, PersonKeys
from infra.known import Known
from infra.line import Line
from infra.links import Links
from infra.mapper import Mapper
from infra.pool import pool
from infra.registrations import Registrations
from infra.rotation import beside, settled
from infra.second_factors import SecondFactors
from infra.secrets import Accounts, UnitSecrets
from infra.security import SecurityLog
from infra.subscribers import Subscribers


@dataclass
class Core:
    """The ledger and what reads it: enough for relay, projector and replay."""

    settings: Settings
    pool: ConnectionPool
    store: EventStore
    mapper: Mapper
    keys: PersonKeys
    closing: ExitStack
    known: Known = field(default_factory=Known)

    @classmethod
    def open(cls, settings: Settings) -> Self:
        with ExitStack() as stack:
            ledger = stack.enter_context(pool(settings.need("database_url")))
            person_keys = stack.enter_context(pool(settings.need("keys_database_url")))
            store = EventStore(settings.need("database_url"))
            stack.callback(store.close)
            keys = PersonKeys(person_keys, _master_key(person_keys, Path(settings.need("master_key_file"))))
            stack.enter_context(KeyNews(settings.need("keys_database_url"), keys))
            return cls(settings, ledger, store, Mapper(store.head().ledger, keys), keys, stack.pop_all())

    def accounts(self) -> Accounts:
        return Accounts(self.pool, self._secret("pepper_file"))

    def delays(self) -> Delays:
        pepper, limits = self._secret("pepper_file"), self.settings.limits
        return Delays(self.pool, pepper, limits.invitations_per_day, idle=not limits.requests_per_second)

    def security(self) -> SecurityLog:
        return SecurityLog(self.pool)

    def links(self) -> Links:
        return Links(self.pool, self._secret("link_key_file"))

    def api_tokens(self) -> ApiTokens:
        return ApiTokens(self.pool, self.store, self.mapper, self.known)

    def second_factors(self) -> SecondFactors:
        return SecondFactors(self.pool, self.mapper.ledger, self.keys, self._secret("pepper_file"))

    def registrations(self) -> Registrations:
        return Registrations(self.pool, self.keys)

    def dispatch(self, accounts: Accounts, ports: Mapping[str, Any]) -> Dispatch:
        """Bind the handlers to this ledger and to the ports that their signatures name."""
        kept = self.links(), self.api_tokens(), self.second_factors(), self.registrations()
        own = {"subscribers": Subscribers(self.pool)}
        line = Line(self.store)
        return bind(line, self.mapper, self.known, lambda unit: UnitSecrets(accounts, *kept, unit), own | {**ports})

    def _secret(self, name: str) -> bytes:
        return private(Path(self.settings.need(name))).read_bytes()

    def close(self) -> None:
        self.closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _master_key(keys: ConnectionPool, file: Path) -> MasterKey:
    if not beside(file).exists():
        return master_key(file)
    with keys.connection() as connection:
        return settled(connection, file)


def master_key(file: Path) -> MasterKey:
    """The master key: 32 bytes in a file that only its owner may read, named after the file."""
    return MasterKey(file.stem, private(file).read_bytes())
