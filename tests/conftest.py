"""Real servers for whoever asks for them, started once; and the quickest tests first."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from infra import secrets
from tests.alone import forget_the_environment
from tests.servers import Databases, Servers, running_servers

forget_the_environment()

# A busy machine is no fault of what is tested; how long a test may take in all is pytest's business.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not Path("/dev/nvidia0").exists():
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("cuda")])
        items[:] = [item for item in items if not item.get_closest_marker("cuda")]
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "servers" in fixtures:
            item.add_marker(pytest.mark.connected)
        if "mlflow_url" in fixtures:
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: (item.get_closest_marker("slow") is not None, is_connected(item)))


def is_connected(item: pytest.Item) -> bool:
    return item.get_closest_marker("connected") is not None


@pytest.fixture(scope="session", autouse=True)
def quick_hashes() -> Iterator[None]:
    """Passwords are hashed by argon2id at a twentieth of its cost, but where the cost itself is looked at."""
    quick = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8_192, parallelism=1),))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(secrets, "_hasher", lambda: quick)
        yield


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """PostgreSQL, NATS and object storage, for the whole session; a test that asks for them is `connected`."""
    with running_servers() as running:
        running.trust_the_power()
        yield running


@pytest.fixture(scope="session")
def mlflow_url(servers: Servers) -> str:
    """A real MLflow, for the rest of the session; it takes its time, so whoever asks for it is `slow`."""
    servers.stack.start_mlflow()
    servers.stack.await_ready("mlflow")
    return servers.parts.mlflow_url


@pytest.fixture
def fresh_database(servers: Servers) -> Iterator[Callable[[], Databases]]:
    """Makes empty databases, and drops them after the test."""
    made: list[Databases] = []

    def fresh(like: Databases | None = None) -> Databases:
        made.append(servers.fresh_database(like))
        return made[-1]

    yield fresh
    for databases in made:
        servers.drop(databases)
