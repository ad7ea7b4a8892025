"""A real HTTP server that answers as it is told, and grants the client nothing that the API does not describe."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cli.client import Api
from tests.cli.described import problem

Answer = tuple[int, dict[str, str], Any]


class Server(ThreadingHTTPServer):
    answers: list[Answer]
    asked: list[tuple[str, str, dict[str, str]]]
    body: bytes
    """The last that was sent."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        given = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.body = given or self.server.body
        self.server.asked.append((self.command, self.path, dict(self.headers)))
        status, headers, body = self.server.answers.pop(0)
        if status < 400 and self.path.startswith("/api/") and (wrong := problem(self.command, self.path, given)):
            status, body = wrong[0], {"status": wrong[0], "detail": wrong[1]}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in (
            {"Content-Type": "application/json", "Content-Length": str(len(content))} | headers
        ).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_PATCH = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serving() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.answers, server.asked, server.body = [], [], b""
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def door(server: Server) -> Api:
    return Api(f"http://127.0.0.1:{server.server_port}", "token")
