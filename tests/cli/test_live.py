"""The live socket of a training, from the terminal's side."""

import threading

import pytest
from websockets.sync.server import ServerConnection, serve

from cli import live
from cli.client import Api, Unreachable


def test_a_socket_that_is_always_closed_is_not_asked_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PATIENCE", 1.0)
    monkeypatch.setattr(live, "PAUSE", 0.1)
    opened = []

    def close(socket: ServerConnection) -> None:
        opened.append(socket.recv())
        socket.close()

    with serve(close, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with (
            Api(f"http://127.0.0.1:{server.socket.getsockname()[1]}", "token") as api,
            pytest.raises(Unreachable, match="closed before the training ends"),
        ):
            next(live.messages(api, "1"))
        server.shutdown()
        thread.join()
    assert len(opened) > 1
