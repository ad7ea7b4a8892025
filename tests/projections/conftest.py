import pytest

from domain.model import Recorded
from tests.projections.history import everything, recorded


@pytest.fixture(scope="session")
def history() -> list[Recorded]:
    return recorded(everything())
