"""A process tells Prometheus about itself on this machine only, and works on where it cannot."""

import logging
import socket
import urllib.request

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from infra import metrics
from infra.standing import Standings


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def test_without_a_port_nothing_is_served_and_nothing_is_asked() -> None:
    metrics.serve(None, "a-process", Standings("postgresql://nobody@127.0.0.1:1/none", lambda name: True))


def test_a_database_that_is_away_is_a_figure_and_no_failure_of_the_scrape() -> None:
    away = Standings("postgresql://nobody@127.0.0.1:1/none", lambda name: True)
    server = metrics.serve(free_port(), "a-process", away)
    assert server is not None
    try:
        host, port = server.server_address[:2]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            found = {family.name: family for family in text_string_to_metric_families(answer.read().decode())}
    finally:
        server.shutdown()
        server.server_close()
        REGISTRY.unregister(away)
    assert [sample.value for sample in found["vistory_database_up"].samples] == [0.0]
    (build,) = found["vistory_build_info"].samples
    assert build.labels["process"] == "a-process"
    assert build.labels["version"]
    assert host == "127.0.0.1"


def test_a_port_that_is_taken_is_said_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, caplog.at_level(logging.ERROR):
        metrics.serve(port := int(taken.getsockname()[1]), "a-process")
    assert f"port {port} is taken" in caplog.text
