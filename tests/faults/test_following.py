"""Who follows a training for longer than a token is good for."""

from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Close

from cli.client import Api
from cli.live import SIGNED_OUT, Message
from tests.faults import following
from tests.faults.following import Listener

END = {"kind": "end", "cursor": "1.1.1"}


def test_whoever_listens_goes_on_with_another_token_where_theirs_has_run_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def told(api: Api, job: str, cursor: str | None) -> Iterator[Message]:
        if api.token == "old":
            raise ConnectionClosedError(Close(SIGNED_OUT, "this token has expired"), None)
        yield END

    monkeypatch.setattr(following, "once", told)
    monkeypatch.setattr(following, "PAUSE", 0.0)
    with Api("http://127.0.0.1:9", "old", renew=lambda used: {"old": "new"}[used]) as api:
        both = [Listener(api, "job") for _ in range(2)]
        for listener in both:
            listener.start()
        for listener in both:
            listener.join(20)
        assert [listener.heard for listener in both] == [[END], [END]]
        assert api.token == "new", "it was renewed once"
