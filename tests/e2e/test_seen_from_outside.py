"""A training as whoever runs the platform sees it: figures, logs, and one trace through every process."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from cli.client import Api
from cli.digits import write_digits
from cli.live import messages
from tests.e2e.running import up
from tests.otlp_receiver import Receiver, Seen, receiving
from tests.servers import data_folder
from tests.whole import begun, waited

ALERTS: Final = Path(__file__).parents[2] / "docs" / "guides" / "alerts.yml"
pytestmark = [pytest.mark.slow, pytest.mark.connected, pytest.mark.timeout(240)]
LAG: Final = {"vistory_consumer_lag_positions", "vistory_consumer_lag_seconds", "vistory_consumer_stopped"}
QUEUES: Final = {"vistory_trainings_waiting", "vistory_training_queue_age_seconds", "vistory_parked_messages"}
RETRIES: Final = {"vistory_retries", "vistory_command_retries", "vistory_parked"}
TRAINER: Final = {"vistory_attempts_ended", "vistory_attempts_running", "vistory_lease_renewals"}
FAMILIES: Final = {
    "relay": {*LAG, "vistory_publish_events", *RETRIES},
    "projector": {*LAG, "vistory_fold_events", *RETRIES},
    "consumers": {*LAG, *QUEUES, *RETRIES, "vistory_append_events", "vistory_leases", "vistory_attempts_lost"},
    "api": {"vistory_http_request_duration_seconds", "vistory_append_events", "vistory_command_retries"},
    "trainer-timm": TRAINER,
    "trainer-ultralytics": TRAINER,
}
EVERYWHERE: Final = {"vistory_build_info", "process_resident_memory_bytes", "process_open_fds"}
AN_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-")
WAY: Final = {
    ("vistory-api", "POST /api/v1/training-jobs"),
    ("vistory-api", "dispatch RequestTraining"),
    ("vistory-api", "append"),
    ("vistory-relay", "publish"),
    ("vistory-projector", "fold batch"),
    ("vistory-consumers", "mlflow-writer"),
    ("vistory-trainer-timm", "claim"),
    ("vistory-api", "POST /api/v1/training-jobs/{job_id}/attempts"),
    ("vistory-api", "dispatch ClaimJob"),
    ("vistory-trainer-timm", "training"),
    ("vistory-trainer-timm", "training process"),
}


@dataclass
class Outside:
    told: dict[str, Any]
    logs: Path
    job: str
    received: Receiver

    def lines(self, process: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.logs / f"{process}.log").read_bytes().splitlines()]

    def trace(self) -> list[Seen]:
        """That of the request for the training."""
        (asked,) = self.received.named("POST /api/v1/training-jobs")
        return self.received.of(asked.trace)


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    images = write_digits(tmp_path_factory.mktemp("images") / "digits", most=40)
    with receiving() as received, data_folder() as folder:
        endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": received.url, "OTEL_EXPORTER_OTLP_HEADERS": "x-key=a%20key"}
        with up(folder / "data", folder / "home", **endpoint) as running:
            told = json.loads(running.first_line())
            with Api(told["api"]) as api:
                who = {"email": told["email"], "password": Path(told["password_file"]).read_text()}
                api.token = api.post("/auth/login", **who)["access_token"]
                job = begun(api, images, epochs=1)
                *_, end = messages(api, job)
                assert end["status"] == "completed", end
                yield Outside(told, folder / "data" / "logs", job, received)


def scraped(url: str) -> str:
    return httpx.get(url, trust_env=False, timeout=10).raise_for_status().text


def test_every_process_tells_prometheus_what_is_its_own_to_tell(outside: Outside) -> None:
    assert set(outside.told["metrics"]) == set(FAMILIES)
    for process, url in outside.told["metrics"].items():
        assert url.startswith("http://127.0.0.1:")
        found = {family.name for family in text_string_to_metric_families(scraped(url))}
        assert FAMILIES[process] | EVERYWHERE <= found, process


def test_every_alert_asks_of_figures_that_are_told(outside: Outside) -> None:
    rules = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    texts = "\n".join(scraped(url) for url in outside.told["metrics"].values())
    told = set(re.findall(r"^# TYPE (vistory_\w+)", texts, re.MULTILINE))
    told |= {f"{name}_count" for name in told}
    asked = {name for rule in rules for name in re.findall(r"vistory_\w+", rule["expr"])}
    assert asked <= told
    assert {"vistory_parked_messages", "vistory_consumer_stopped"} <= asked
    assert all(rule["annotations"]["description"] for rule in rules)


def test_figures_say_what_happened_and_name_nobody_and_nothing(outside: Outside) -> None:
    texts = {process: scraped(url) for process, url in outside.told["metrics"].items()}
    asked = 'vistory_http_request_duration_seconds_count{method="POST",route="/api/v1/training-jobs",status="202"} 1.0'
    assert asked in texts["api"]
    assert 'vistory_attempts_ended_total{report="complete"} 1.0' in texts["trainer-timm"]
    for consumer in ("relay", "projection:training_job", "mlflow-writer", "telemetry-archive"):
        assert any(f'vistory_consumer_lag_seconds{{consumer="{consumer}"}}' in text for text in texts.values())
    assert {process: AN_ID.findall(text) for process, text in texts.items() if AN_ID.search(text)} == {}


def test_the_world_sees_no_figures(outside: Outside) -> None:
    assert httpx.get(f"{outside.told['api']}/metrics", trust_env=False).status_code == 404


def test_every_line_of_a_log_is_json_with_the_ids_that_it_belongs_to(outside: Outside) -> None:
    for process in ("relay", "projector", "consumers", "api"):
        for line in outside.lines(process):
            assert {"time", "level", "process", "logger", "message"} <= set(line)
            assert line["process"] == process
    requests = [line for line in outside.lines("api") if line["logger"] == "api.access"]
    (asked,) = [line for line in requests if (line["method"], line["route"]) == ("POST", "/api/v1/training-jobs")]
    assert (asked["status"], asked["milliseconds"] > 0, len(asked["request"])) == (202, True, 36)
    assert {span.trace for span in outside.trace()} == {asked["trace"]}
    ended = [line for line in outside.lines("trainer-timm") if line.get("job") == outside.job]
    assert {(line["attempt"], line["trace"]) for line in ended} == {("1", asked["trace"])}


def test_one_trace_goes_from_the_request_through_every_process_to_the_training(outside: Outside) -> None:
    waited(lambda: {(span.service, span.name) for span in outside.trace()} >= WAY, 30, f"all of {WAY}")
    spans = {span.id: span for span in outside.trace()}
    roots = [span.name for span in spans.values() if not span.parent]
    assert roots == ["POST /api/v1/training-jobs"]
    waited(
        lambda: {s.parent for s in outside.trace()} - {""} <= {s.id for s in outside.trace()}, 30, "no span is alone"
    )
    process = next(span for span in spans.values() if span.name == "training process")
    assert (spans[process.parent].name, process.attributes["exit_code"]) == ("training", 0)
    assert {each["x-key"] for each in outside.received.headers} == {"a key"}
