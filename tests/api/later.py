"""A time in which the clock of API tokens stands a year ahead."""

from datetime import datetime, timedelta, tzinfo
from typing import Self

import pytest


class _Later(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) + timedelta(days=366)


def a_year_passes_for_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("infra.api_tokens", "infra.known_tokens"):
        monkeypatch.setattr(f"{module}.datetime", _Later)
