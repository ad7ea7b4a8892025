"""What one command was told is not known to the next."""

from collections.abc import Iterator

import pytest

from cli.hint import hear_api, hear_data


@pytest.fixture(autouse=True)
def _nothing_heard() -> Iterator[None]:
    yield
    hear_api(None)
    hear_data(None)
