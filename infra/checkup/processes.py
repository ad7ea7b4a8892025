"""Our own processes, asked where they tell Prometheus about themselves; and the services of the trainers."""

import re
from collections.abc import Iterator
from typing import Any, Final

import httpx

from infra.checkup.finding import Finding, note, well, wrong
from infra.checkup.place import OURS, Place
from infra.code_version import code_version

SECONDS: Final = 3.0
_BUILD: Final = re.compile(r'^vistory_build_info\{.*version="([^"]*)".*\}', re.MULTILINE)


def ours(place: Place) -> Iterator[Finding]:
    with httpx.Client(timeout=SECONDS, trust_env=False) as client:
        for name in OURS:
            if port := place.told(name).get("metrics_port"):
                yield _process(place, client, name, port)
        for framework, told in place.trainers.items():
            yield _trainer(place, client, f"trainer-{framework}", told["trainer_port"])


def _process(place: Place, client: httpx.Client, name: str, port: int) -> Finding:
    try:
        build = _BUILD.search(client.get(f"http://127.0.0.1:{port}/metrics").raise_for_status().text)
        if name == "api":
            client.get(f"{place.told(name)['api_url']}/health").raise_for_status()
    except httpx.HTTPError as error:
        return place.silent(name, type(error).__name__, name)
    return _of_this_code(name, build[1] if build else "")


def _trainer(place: Place, client: httpx.Client, name: str, port: int) -> Finding:
    try:
        health: dict[str, Any] = client.get(f"http://127.0.0.1:{port}/health").raise_for_status().json()
        models = client.get(f"http://127.0.0.1:{port}/models").raise_for_status().json()["items"]
    except (httpx.HTTPError, ValueError) as error:
        return place.silent(name, type(error).__name__, name)
    log = place.path / "logs" / f"{name}.log"
    if not health["bus"]:
        return wrong(name, "it has lost the bus, and takes no job", f"see what NATS says above, and {log}")
    if not health["room"]:
        return wrong(name, "its disk is full, and it takes no job", f"free some of the disk that {place.path} is on")
    if not models:
        return note(
            name, "it does not know yet what it can train", f"a few seconds after a start that is so; else see {log}"
        )
    return well(name, f"it can train {len(models)} models, and runs {len(health['running'])} trainings")


def _of_this_code(name: str, version: str) -> Finding:
    if version != (here := code_version()):
        return note(name, f"it runs other code than this command ({here})", "restart the platform", version)
    return well(name, "it answers", version)
