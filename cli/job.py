"""Trainings that were requested: list them, follow one live, run it again, or cancel it."""

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from cli.client import Api
from cli.exits import Stop
from cli.output import Json, as_line, listed, moment, rounded, say, show, table
from cli.session import Address, signed_in

app = typer.Typer(help="Trainings: list them, follow one, run it again, or cancel it.", no_args_is_help=True)


@app.command("list")
def list_jobs(api: Address = None, as_json: Json = False) -> None:
    """Every training of your organization, the newest first."""
    with signed_in(api) as door:
        jobs = list(door.pages("/training-jobs"))
    show(jobs, as_json, lambda: in_table(jobs))


def in_table(jobs: Sequence[Mapping[str, Any]]) -> str:
    """And below it what keeps those that are queued from their beginning."""
    heads = ("id", "requested", "status", "framework", "model", "epoch", "figures")
    reasons = dict.fromkeys(job["waits_for"] for job in jobs if job["waits_for"])
    return "\n".join([table(heads, map(row, jobs)), *(f"queued: {reason}" for reason in reasons)])


def row(job: Mapping[str, Any]) -> tuple[object, ...]:
    """The figures are those of the last epoch, and at the end those of the test side."""
    when, recipe = moment(job["requested_at"]), job["recipe"]
    epoch = f"{job['epoch']}/{job['epochs']}" if job["epochs"] else ""
    figures = {name: rounded(value) for name, value in job["metrics"].items() if name.startswith(("val/", "test/"))}
    return (job["id"], when, job["status"], recipe["framework"], recipe["model"], epoch, listed(figures))


@app.command()
def follow(job_id: str, api: Address = None, as_json: Json = False) -> None:
    """Show epochs, losses and scores as they come, until the training ends; fails if the training fails."""
    with signed_in(api) as door:
        status = watch(door, job_id, as_json)
    if status != "completed":
        raise Stop(f"the training is {status}")


@app.command()
def again(job_id: str, api: Address = None, as_json: Json = False) -> None:
    """Request the same training once more: the same recipe, images and split, by the code of today."""
    with signed_in(api) as door:
        job = door.post(f"/training-jobs/{job_id}/run-again")
    show(job, as_json, lambda: f"training {job['id']} is requested")


@app.command()
def cancel(job_id: str, api: Address = None, as_json: Json = False) -> None:
    """Stop a training; what it has learned until its last checkpoint stays."""
    with signed_in(api) as door:
        answer = door.post(f"/training-jobs/{job_id}/cancel")
    show(answer, as_json, lambda: f"training {job_id} is being cancelled")


def watch(door: Api, job_id: str, as_json: bool) -> str:
    """Tell each message in a line, and what came of it; returns the status that the training ends with."""
    from cli.live import messages

    status, told, message = "unknown", "", dict[str, Any]()
    for message in messages(door, job_id):
        status = message.get("status") or status
        if "position" in message:
            door.has_seen(message["position"])
        line = as_line(message) if as_json else in_words(message) + _why(door, job_id, message)
        if line and line != told:
            say(line)
            told = line
    if not as_json and (end := result(door.get(f"/training-jobs/{job_id}")) + why(message)):
        say(end.rstrip("\n"))
    return status


def why(end: Mapping[str, Any]) -> str:
    """What is known of an end that was not good."""
    evidence = end.get("evidence") or {}
    return f"{evidence['message']}\n" if evidence.get("message") else ""


def result(job: Mapping[str, Any]) -> str:
    """What the test side says of the model, and how it is asked; or why there is none."""
    if not job["model_id"]:
        return f"{job['reason']}\n" if job["reason"] else ""
    scores = {
        name.removeprefix("test/"): rounded(of) for name, of in job["metrics"].items() if name.startswith("test/")
    }
    return (
        f"best epoch {job['best_epoch']}; on the test side {listed(scores)}\nvistory predict {job['model_id']} IMAGE\n"
    )


def _why(door: Api, job_id: str, message: Mapping[str, Any]) -> str:
    """What keeps a training that is queued from its beginning, if anything does."""
    reason = door.get(f"/training-jobs/{job_id}")["waits_for"] if message.get("status") == "queued" else None
    return f": {reason}" if reason else ""


def in_words(message: dict[str, Any]) -> str:
    """A state is said by the ledger (`status`) and, in finer steps, by the worker (`state`); of the end, the ledger."""
    from cli.follow import epoch_line

    if message["kind"] == "epoch":
        return epoch_line(message)
    said = str(message.get("status") or message.get("state")) if message["kind"] in ("state", "end") else ""
    return "" if said == "ended" else said
