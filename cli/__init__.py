"""The `vistory` command: one file per noun, and none is imported before it is asked for."""

import os
import sys
from importlib import import_module
from io import StringIO, TextIOWrapper
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from cli.exits import EPILOG, Exit

NOUNS = {
    "demo": "The main job, from nothing to a trained model and back through its history.",
    "up": "Start the whole platform on this machine; ctrl-C stops it.",
    "doctor": "Look at every part: what is wrong, and what to do about it.",
    "register": "Register a person in an organization.",
    "login": "Sign in; the tokens are kept in a file that only you can read.",
    "logout": "Sign out, here or everywhere.",
    "sessions": "Where you are signed in; end one of these sessions.",
    "token": "API tokens, for programs to carry in VISTORY_TOKEN: make one, see them, revoke one.",
    "service-account": "Service accounts: programs that belong to your organization and to nobody in it.",
    "person": "Your own account and language; and erasing a person from this machine's platform.",
    "whoami": "Who is signed in, where, and as what.",
    "password": "A forgotten password: a link by mail, and another password by that.",
    "email": "The address that you are reached at: verify it, have another link sent, or change it.",
    "second-factor": "A second factor: an authenticator app that is asked beside the password.",
    "member": "The people of your organization: who is there, who waits, and their roles.",
    "invitation": "Ask people in by mail; accept or decline with the code of the letter.",
    "organization": "Your organization: its name, who may join, its quotas and their use; go over to another.",
    "permission": "May I, why not, and who could let me.",
    "project": "What a team works on together; trainings belong to one.",
    "dataset": "Bring a folder of labelled images in, and look at what is there.",
    "experiment": "Trainings that belong together: list them, sort them, hold them side by side.",
    "train": "Request a training.",
    "job": "Trainings: list them, follow one, run it again, or cancel it.",
    "model": "Trained models: which there are, and where one comes from.",
    "predict": "Ask a trained model about an image.",
    "audit": "Who did what, and when.",
    "security": "Sign-ins that failed, and who asked for what is not theirs.",
    "replay": "Verify the history from its first event.",
    "rebuild": "Rebuild every read model beside the live one, and compare.",
    "stream": "Compare the stream on the bus with the ledger, or rebuild it.",
    "operator": "Who sees all organizations and their use, and changes their quotas.",
    "keys": "Back up the keys that personal data is sealed with.",
    "signing": "The keys that access tokens are signed with: which are valid, rotate them.",
    "mail": "Mail that was kept on this machine, where no mail server is named.",
    "parked": "Messages that no consumer could digest.",
    "migrate": "Bring databases, streams and rights to today's shape.",
    "run": "Run one process of the platform.",
}


def load(noun: str) -> TyperCommand | TyperGroup:
    command = typer.main.get_command(import_module(f"cli.{noun.replace('-', '_')}").app)
    assert isinstance(command, TyperCommand | TyperGroup)
    command.name = noun
    command.params = [each for each in command.params if not str(each.name).endswith("_completion")]
    for each in (command, *getattr(command, "commands", {}).values()):
        each.rich_markup_mode = None  # plain help: Rich takes longer to import than everything else here
        for one in each.params:
            if one.param_type_name == "argument" and one.metavar is None:
                one.metavar = str(one.name).upper()
        each.short_help = (each.help or "").partition("\n\n")[0]  # or what it is for would end in three dots
    return command


class Nouns(TyperGroup):
    """Lists every noun from the table above; imports a noun's module only to run it."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(NOUNS)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:
        return TyperCommand(cmd_name, short_help=NOUNS[cmd_name]) if cmd_name in NOUNS else None

    def resolve_command(
        self, ctx: Any, args: list[str]
    ) -> tuple[str | None, TyperCommand | TyperGroup | None, list[str]]:
        try:
            name, command, rest = super().resolve_command(ctx, args)
        except Exception as unknown:
            if hasattr(unknown, "message"):
                from cli.guess import alike

                found = alike(args[0], NOUNS)
                unknown.message += f" Did you mean {' or '.join(map(repr, found))}?" if found else ""
            raise
        return name, load(name) if name and command else None, rest


app = typer.Typer(
    cls=Nouns, add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False
)


def tell_version(asked: bool) -> None:
    if asked:
        from infra.code_version import code_version

        typer.echo(f"vistory {code_version()}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", help="Say which code this is.", callback=tell_version, is_eager=True)
]


As = Annotated[
    str | None,
    typer.Option("--as", metavar="NAME", help="Be another person: a sign-in of its own. [env var: VISTORY_PROFILE]"),
]


@app.callback(epilog=EPILOG)
def vistory(version: Version = False, profile: As = None) -> None:
    """A training platform for computer vision whose history is its database."""
    if profile is not None:
        os.environ["VISTORY_PROFILE"] = profile


def main() -> None:
    show_every_letter()
    try:
        # Not by itself: what is typed may be somebody else's text, and a ctrl-C would end it without a word.
        ended = app(standalone_mode=False)
    except typer.Abort:  # at a question
        ended = Exit.INTERRUPTED
    except BrokenPipeError:  # whoever read it has had enough
        from cli.output import leave_the_rest

        leave_the_rest()
        sys.exit(Exit.REFUSED)
    except Exception as error:
        # Errors that are meant for people say so by bringing an exit status; any other is a fault of ours.
        code = getattr(error, "exit_code", None)
        if code is None and (wrong := settings_refused(error)):
            error, code = Exception(wrong), Exit.MISCONFIGURED
        if code is None:
            raise
        complain_of(error)
        sys.exit(int(code))
    if ended == Exit.INTERRUPTED:
        complain_of(Exception("interrupted"))
    sys.exit(ended)


def show_every_letter() -> None:
    """One that a terminal does not have by its number."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def complain_of(error: Exception) -> None:
    from cli.output import complain, legible

    if (show := getattr(error, "show", None)) is None:
        return complain(f"vistory: {error}")
    show(told := StringIO())  # what was typed makes no sense: shown with the usage, which is as `--help` shows it
    return typer.echo(legible(told.getvalue().rstrip()), err=True)


def told(message: str) -> str:
    return message.removeprefix("Value error, ").replace("Input should", "must", 1)


def settings_refused(error: Exception) -> str:
    """Which variables are set to what makes no sense; their values may be secrets."""
    if type(error).__name__ != "ValidationError" or getattr(error, "title", "") != "Settings":
        return ""
    found = error.errors(include_url=False, include_input=False, include_context=False)  # type: ignore[attr-defined]
    return "\n".join(f"VISTORY_{'.'.join(map(str, each['loc'])).upper()}: {told(each['msg'])}" for each in found)
