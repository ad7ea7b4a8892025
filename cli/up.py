"""Starts the whole platform on this machine and leaves it running until it is told to stop."""

import signal
import time
from http import HTTPStatus
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.hint import hear_api, line
from cli.kept import started
from cli.local import NewData
from cli.output import Json, complain, say, show

if TYPE_CHECKING:
    from cli.platform import Platform
    from infra.embedded import Change

app = typer.Typer()
Within = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        min=1,
        help="Seconds that a part may take to be ready while it is at work, after a crash for example; else 600.",
    ),
]


@app.command()
def up(data: NewData = None, start_within: Within = None, as_json: Json = False) -> None:
    """Start PostgreSQL, NATS, object storage, MLflow, a mail server and our own processes; ctrl-C stops all in 10 s."""
    from cli.platform import running
    from infra.embedded import default_folder

    interrupt_on_termination()
    begun = time.monotonic()
    try:
        with running(data or default_folder(), quiet if as_json else tell, start_within) as platform:
            hear_api(platform.api_url)
            started(platform.api_url, platform.stack.folder.path)
            register(platform)
            facts = addresses(platform, time.monotonic() - begun)
            show(facts, as_json, lambda: welcome(facts))
            platform.stack.wait()
    except KeyboardInterrupt:
        complain("stopped")


def register(platform: "Platform") -> None:
    """The account of this data folder, where it is new. The platform runs also where nobody can sign in to it."""
    from cli.client import Problem
    from cli.platform import PasswordIsLost
    from cli.session import CodeIsNeeded

    try:
        platform.sign_in().close()
    except (PasswordIsLost, CodeIsNeeded) as why:
        complain(f"vistory: {why}")
    except Problem as slowed:
        if slowed.status != HTTPStatus.TOO_MANY_REQUESTS:
            raise
        complain(f"vistory: {slowed}")


def interrupt_on_termination() -> None:
    """SIGTERM and a closed terminal end it like ctrl-C; while it stops, another ctrl-C changes nothing."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    # A shell that starts it in the background of a script has it ignore SIGINT; nohup has it outlive the terminal.
    signal.signal(signal.SIGINT, interrupt)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)


def addresses(platform: "Platform", seconds: float) -> dict[str, Any]:
    from cli.platform import EMAIL

    return {
        "api": platform.api_url,
        "api_moved_from": platform.stack.ports.moved_from("api"),
        "docs": f"{platform.api_url}/docs",
        "mlflow": f"{platform.api_url}/mlflow/",
        "email": EMAIL,
        "password_file": str(platform.password_file),
        "mail": mail_of(platform),
        "data": str(platform.stack.folder.path),
        "metrics": platform.metrics,
        "seconds": round(seconds, 1),
    }


def mail_of(platform: "Platform") -> str:
    parts = platform.stack.parts
    if parts.mail is None:
        return f"is sent by {parts.settings.mail.host}"
    return "is kept here: `vistory mail list`, `vistory mail show`, `vistory mail open`"


def welcome(facts: dict[str, Any]) -> str:
    taken = facts["api_moved_from"]
    moved = f"  (others listen on its port {taken}: sign in again at this one, or stop them first)" if taken else ""
    return f"""
Vistory is ready after {facts["seconds"]} s.

  API         {facts["api"]}/api/v1{moved}
  its docs    {facts["docs"]}
  MLflow      {facts["mlflow"]}  (the same account; it may take a few seconds more)
  sign in as  {facts["email"]}
  password    in {facts["password_file"]}
              {login_line(facts)}
  mail        {facts["mail"]}
  data        {facts["data"]}
  metrics     {under_each_other(facts["metrics"])}

Whoever loses the keys of persons loses what is personal in the history. To save them:
`vistory keys backup ONE --master-to ANOTHER`
ctrl-C stops everything."""


def login_line(facts: dict[str, Any]) -> str:
    """With the address in any case: who pastes it may be signed in elsewhere by then."""
    return line("login", facts["email"], "--api", facts["api"], "--password-file", facts["password_file"])


def under_each_other(urls: dict[str, str]) -> str:
    return f"\n{' ' * 14}".join(f"{url}  {name}" for name, url in urls.items())


def tell(change: "Change") -> None:
    if change.state in ("ready", "restarted"):
        say(f"  {change.name:<20} {change.state} after {change.after:.1f} s")
    elif change.state == "starting" and change.detail:
        say(f"  {change.name:<20} still starting after {change.after:.0f} s: {change.detail}")
    elif change.state == "died":
        complain(f"  {change.name:<20} died: {change.detail}")


def quiet(change: "Change") -> None:
    """A program reads what comes: one JSON object, and nothing before it."""
