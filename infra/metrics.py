"""What each process tells Prometheus: served on this machine only, for whoever scrapes it there."""

import logging
from typing import Final
from wsgiref.simple_server import WSGIServer

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, Info, start_http_server
from prometheus_client.registry import Collector

from infra.code_version import code_version

HOST: Final = "127.0.0.1"
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
log = logging.getLogger(__name__)

REQUESTS: Final = Histogram(
    "vistory_http_request_duration_seconds",
    "Requests by the template of their route, never by their address.",
    ["method", "route", "status"],
    buckets=_SECONDS,
)
REFUSED: Final = Counter(
    "vistory_http_requests_refused_total", "Requests over a limit, before they came to anything.", ["method", "status"]
)
SOCKETS: Final = Gauge("vistory_live_sockets", "Live sockets that are open.")
APPENDED: Final = Histogram("vistory_append_events", "Events per append to the ledger.", buckets=_SIZES)
TOGETHER: Final = Histogram("vistory_append_commands", "Commands that shared an append.", buckets=_SIZES)
COMMAND_RETRIES: Final = Counter(
    "vistory_command_retries_total", "Commands decided anew, by what came between.", ["why"]
)
PUBLISHED: Final = Histogram("vistory_publish_events", "Events per batch that the relay published.", buckets=_SIZES)
FOLDED: Final = Histogram("vistory_fold_events", "Events per batch that the projector folded.", buckets=_SIZES)
RETRIES: Final = Counter("vistory_retries_total", "Tries that a part had to repeat.", ["consumer"])
PARKED: Final = Counter("vistory_parked_total", "Messages that were set aside since the start.", ["consumer"])
LEASES: Final = Gauge("vistory_leases", "Attempts whose leases the reaper watches.")
LOST: Final = Counter("vistory_attempts_lost_total", "Attempts that the reaper gave up.")
RENEWALS: Final = Counter(
    "vistory_lease_renewals_total", "Renewals of leases, by whether the bus took them.", ["outcome"]
)
_BUILD: Final = Info("vistory_build", "Which code this is.")


def serve(port: int | None, process: str, *collectors: Collector) -> WSGIServer | None:
    """From a thread of its own. A process does its work also where the port is taken, or where none was named."""
    if port is None:
        return None
    introduce(process)
    for collector in collectors:
        REGISTRY.register(collector)
    try:
        server, _ = start_http_server(port, HOST)
        return server
    except OSError as error:
        log.error("no metrics: port %d is taken (%s); stop what listens there, and start this anew", port, error)
        return None


def introduce(process: str) -> None:
    _BUILD.info({"process": process, "version": code_version()})
