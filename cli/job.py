"""A training that was requested: follow it live, or cancel it."""

import json
from collections.abc import Mapping
from typing import Any

import typer

from cli.client import Api
from cli.exits import Stop
from cli.output import Json, show, table
from cli.session import Address, signed_in

app = typer.Typer(help="Follow a training, or cancel it.", no_args_is_help=True)


@app.command("list")
def list_jobs(api: Address = None, as_json: Json = False) -> None:
    """Every training of your organization, the newest first."""
    with signed_in(api) as door:
        jobs = list(door.pages("/training-jobs"))
    show(jobs, as_json, lambda: table(("id", "status", "framework", "model"), map(row, jobs)))


def row(job: Mapping[str, Any]) -> tuple[object, ...]:
    return (job["id"], job["status"], job["recipe"]["framework"], job["recipe"]["model"])


@app.command()
def follow(job_id: str, api: Address = None, as_json: Json = False) -> None:
    """Show epochs, losses and scores as they come, until the training ends; fails if the training fails."""
    with signed_in(api) as door:
        status = watch(door, job_id, as_json)
    if status != "completed":
        raise Stop(f"the training is {status}")


@app.command()
def cancel(job_id: str, api: Address = None, as_json: Json = False) -> None:
    """Stop a training; what it has learned until its last checkpoint stays."""
    with signed_in(api) as door:
        answer = door.post(f"/training-jobs/{job_id}/cancel")
    show(answer, as_json, lambda: f"training {job_id} is being cancelled")


def watch(door: Api, job_id: str, as_json: bool) -> str:
    """Tell each message in a line; returns the status that the training ends with."""
    from cli.follow import epoch_line
    from cli.live import messages

    status = "unknown"
    for message in messages(door, job_id):
        status = message.get("status") or status
        if as_json:
            typer.echo(json.dumps(message, ensure_ascii=False))
        elif message["kind"] == "epoch":
            typer.echo(epoch_line(message))
        elif message["kind"] in ("state", "end"):
            typer.echo(f"{message['kind']}: {status}")
    return status
