"""Trainings that were requested: list them, follow one live, run it again, or cancel it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from cli.client import Api
from cli.contents import sides
from cli.ending import because
from cli.exits import Exit, Stop
from cli.hint import line
from cli.named import id_of, short
from cli.output import Json, facts, listed, moment, rounded, say, show, table, tell
from cli.session import Address, signed_in

app = typer.Typer(help="Trainings: list them, follow one, run it again, or cancel it.", no_args_is_help=True)
Job = Annotated[str, typer.Argument(help="Id of the training, or the beginning of it.")]


@app.command("list")
def list_jobs(api: Address = None, as_json: Json = False) -> None:
    """Every training of your organization, the newest first."""
    with signed_in(api) as door:
        jobs = list(door.pages("/training-jobs"))
    show(jobs, as_json, lambda: in_table(jobs))


def in_table(jobs: Sequence[Mapping[str, Any]]) -> str:
    """And below it what keeps those that are queued from their beginning."""
    heads = ("id", "requested", "status", "what", "dataset", "project", "epoch", "figures")
    reasons = dict.fromkeys(job["waits_for"] for job in jobs if job["waits_for"])
    return "\n".join([table(heads, map(row, jobs)), *(f"queued: {reason}" for reason in reasons)])


def row(job: Mapping[str, Any]) -> tuple[object, ...]:
    """The figures are those of the last epoch, and at the end those of the test side."""
    when, recipe = moment(job["requested_at"]), job["recipe"]
    epoch = f"{job['epoch']}/{job['epochs']}" if job["epochs"] else ""
    what = f"{recipe['framework']} {recipe['model']}"
    return (job["id"], when, job["status"], what, job["dataset"], job["project"], epoch, listed(figures(job)))


def figures(job: Mapping[str, Any]) -> dict[str, str]:
    return {name: rounded(value) for name, value in job["metrics"].items() if name.startswith(("val/", "test/"))}


@app.command("show")
def show_job(job: Job, api: Address = None, as_json: Json = False) -> None:
    """What was asked for, how far it is, what came of it, and each attempt at it."""
    with signed_in(api) as door:
        found = door.get(f"/training-jobs/{id_of(door, 'job', job)}")
    show(found, as_json, lambda: described(found))


def described(job: Mapping[str, Any]) -> str:
    recipe, snapshot = job["recipe"], job["snapshot"]
    split = snapshot["split"] or {}
    times = {name: moment(job[f"{name}_at"]) for name in ("requested", "started", "ended") if job[f"{name}_at"]}
    known = {
        "id": job["id"],
        "what": f"{recipe['framework']} {recipe['model']} on {recipe['device']}",
        "dataset": f"{job['dataset']}, snapshot {snapshot['tag']}: {sides(split)}",
        "project": job["project"],
        "parameters": listed(recipe["parameters"]),
        "status": job["status"] + (f": {because(job['reason'])}" if job["reason"] else ""),
        "waits for": job["waits_for"],
        "epoch": f"{job['epoch']} of {job['epochs']}" if job["epochs"] else None,
        "figures": listed(figures(job)),
        "model": job["model_id"],
        **times,
    }
    tried = [(each["attempt"], each["status"], each["device"], because(each["reason"])) for each in job["attempts"]]
    about = facts({name: value for name, value in known.items() if value})
    ends = [(job["evidence"] or {}).get("message") or ""]
    return "\n".join([about, "", table(("attempt", "status", "device", "why it ended"), tried), *filter(None, ends)])


@app.command()
def follow(job: Job, api: Address = None, as_json: Json = False) -> None:
    """Show epochs, losses and scores as they come, until the training ends; fails if the training fails."""
    with signed_in(api) as door:
        status = watch(door, id_of(door, "job", job), as_json)
    if status != "completed":
        raise Stop(f"the training is {status}")


@app.command()
def again(job: Job, api: Address = None, as_json: Json = False) -> None:
    """Request the same training once more: the same recipe, images and split, by the code of today."""
    with signed_in(api) as door:
        made = door.post(f"/training-jobs/{id_of(door, 'job', job)}/run-again")
    show(made, as_json, lambda: f"training {short(made['id'])} is requested; {next_step(made['id'])}")


@app.command()
def cancel(job: Job, api: Address = None, as_json: Json = False) -> None:
    """Stop a training; what it has learned until its last checkpoint stays."""
    with signed_in(api) as door:
        answer = door.post(f"/training-jobs/{id_of(door, 'job', job)}/cancel")
    which = short(answer["id"])
    show(answer, as_json, lambda: f"training {which} is being cancelled; `vistory job show {which}` tells when it is")


def next_step(job_id: str) -> str:
    return f"`vistory job follow {short(job_id)}` shows how it goes"


def watch(door: Api, job_id: str, as_json: bool) -> str:
    """Tell each message in a line, and what came of it; returns the status that the training ends with."""
    from cli.live import messages

    status, said, message = "unknown", "", dict[str, Any]()
    with going_on(job_id):
        for message in messages(door, job_id):
            status = message.get("status") or status
            if "position" in message:
                door.has_seen(message["position"])
            now = "" if as_json else in_words(message) + _why(door, job_id, message)
            if as_json:
                tell(message)
            elif now and now != said:
                say(now)
                said = now
    if not as_json and (end := result(door.get(f"/training-jobs/{job_id}")) + why(message)):
        say(end.rstrip("\n"))
    return status


@contextmanager
def going_on(job_id: str) -> Iterator[None]:
    """Whoever looks away by ctrl-C ends no training by it."""
    try:
        yield
    except KeyboardInterrupt as interrupted:
        which = short(job_id)
        then = f"`vistory job follow {which}` looks again, `vistory job cancel {which}` ends it"
        raise Stop(f"interrupted; the training goes on: {then}", Exit.INTERRUPTED) from interrupted


def why(end: Mapping[str, Any]) -> str:
    """What is known of an end that was not good."""
    evidence = end.get("evidence") or {}
    return f"{evidence['message']}\n" if evidence.get("message") else ""


def result(job: Mapping[str, Any]) -> str:
    """What the test side says of the model, and how it is asked; or why there is none."""
    if not job["model_id"]:
        return f"{because(job['reason'])}\n" if job["reason"] else ""
    scores = {
        name.removeprefix("test/"): rounded(of) for name, of in job["metrics"].items() if name.startswith("test/")
    }
    ask = line("predict", str(job["model_id"]), "IMAGE")
    return f"best epoch {job['best_epoch']}; on the test side {listed(scores)}\n{ask}\n"


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
