import asyncio
import logging

import pytest

from infra import bus


def test_what_is_said_over_and_over_while_the_bus_is_away_is_written_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.WARNING, "infra.bus")
    complaints = bus.Complaints()

    def hear(*words: str) -> list[str]:
        caplog.clear()
        for each in words:
            asyncio.run(complaints.hear(OSError(each)))
        return [record.message for record in caplog.records]

    assert hear("gone", "gone", "refused", "gone") == ["bus: OSError('gone')", "bus: OSError('refused')"]
    monkeypatch.setattr(bus, "SAID_AGAIN_AFTER", 0.0)
    assert hear("gone") == ["bus: OSError('gone')"]
