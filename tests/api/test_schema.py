"""The API as it runs, asked by a machine whatever its description allows and forbids.

`make schema EXAMPLES=100` is the long form.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
import uvicorn
from fastapi.testclient import TestClient

from api import create_app
from domain.membership import membership_id
from infra.config import Settings
from tests.api.at_port import running
from tests.api.folders import filled
from tests.api.visitor import Visitor
from tests.api.worker import Worker, requested

EXAMPLES: Final = os.environ.get("VISTORY_SCHEMA_EXAMPLES")
# What a schema cannot say (ratios that add up to one) is refused all the same.
SENSELESS: Final = "positive_data_acceptance"

# Whoever has signed out is told nothing but that from there on.
SIGNING_OUT: Final = "/auth/(logout|logout-everywhere)$"


@pytest.fixture(scope="module")
def address(settings: Settings) -> Iterator[str]:
    # At length so many are asked that limits would be all that was seen.
    limits = settings.limits.model_copy(update={"requests_per_second": 0} if EXAMPLES else {})
    app = create_app(settings.model_copy(update={"limits": limits}))
    app.openapi()  # takes seconds, the first time
    with running(uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def tokens(ann: Visitor, worker: Worker) -> Mapping[str, str | None]:
    return {"admin": ann.token, "worker": worker.token, "anonymous": None}


@pytest.fixture(scope="module")
def things(ann: Visitor) -> Mapping[str, str]:
    """What is there to be asked about, by the name that parameters have for it."""
    dataset, member = filled(ann), ann.colleague("guest")
    ann.post(f"/datasets/{dataset}/split")
    job = requested(ann, dataset)
    (other,) = [each["id"] for each in member.get("/auth/sessions")]
    known = {name: job[name] for name in ("project_id", "experiment_id")}
    return known | {"dataset_id": dataset, "job_id": job["id"], "person_id": member.id, "session_id": other}


@pytest.fixture(scope="module")
def called_id(ann: Visitor, client: TestClient) -> Mapping[str, str]:
    """What addresses call `id`, by how these begin."""
    waiting = Visitor(client).register(ann.company)
    return {
        "invitations": ann.verified().post("/invitations", {"email": "schema@example.org"})["id"],
        "members": str(membership_id(UUID(ann.organization), UUID(waiting.id))),
        "service-accounts": ann.post("/service-accounts", {"name": "schema", "role": "guest"})["id"],
        "tokens": ann.post("/tokens", {"name": "schema", "scopes": ["read"]})["id"],
    }


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("who", ["admin", "worker", "anonymous"])
def test_every_operation_does_what_its_description_says(
    address: str,
    tokens: Mapping[str, str | None],
    things: Mapping[str, str],
    called_id: Mapping[str, str],
    who: str,
    tmp_path: Path,
) -> None:
    short = ["--phases=coverage"] if who == "admin" else ["--phases=fuzzing", "--max-examples=1"]
    long = ["--phases=coverage,fuzzing,stateful", f"--max-examples={EXAMPLES}"]
    known = things if who == "admin" else {}
    lines = ["[parameters]", *(f'"path.{name}" = "{id}"' for name, id in known.items())]
    for begin, id in called_id.items() if who == "admin" else ():
        lines += ["[[operations]]", f'include-path-regex = "/{begin}/"', f'parameters = {{ "path.id" = "{id}" }}']
    (tmp_path / "schemathesis.toml").write_text("\n".join(lines))
    shown = asked(address, tokens[who], tmp_path, *(long if EXAMPLES else short))
    assert shown.returncode == 0, shown.stdout[-20_000:] + shown.stderr
    if EXAMPLES:
        sys.stdout.write(shown.stdout[shown.stdout.index("= SUMMARY =") :])


def asked(address: str, token: str | None, folder: Path, *bounds: str) -> "subprocess.CompletedProcess[str]":
    program = Path(sys.prefix) / "bin" / "schemathesis"
    options = ["--seed=1", "--continue-on-failure", "--request-timeout=60", f"--exclude-checks={SENSELESS}", *bounds]
    options += [f"--exclude-path-regex={SIGNING_OUT}"]
    who = ["-H", f"Authorization: Bearer {token}"] if token else []
    command = [str(program), "run", f"{address}/openapi.json", *options, *who]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
