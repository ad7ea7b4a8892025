"""Invitations: people are asked in by mail, and accept or decline with the code of the letter."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.asking import CodeFile, PasswordFile, attended, mailed_code, password
from cli.client import Api, Problem
from cli.exits import Exit, Stop
from cli.kept import Seen, Session, current, go_on_with, keep
from cli.letter import by_letter
from cli.named import avatar_names, begins, id_of, is_id, short
from cli.output import Json, complain, moment, show, table
from cli.session import Address, reached, signed_in

if TYPE_CHECKING:
    from collections.abc import Iterable

app = typer.Typer(help="Ask people in by mail; accept or decline with the code of the letter.", no_args_is_help=True)
To = Annotated[str, typer.Argument(help="The address that the letter goes to.")]
Project = Annotated[str | None, typer.Option("--project", help="Into this project, not only into the organization.")]
Dataset = Annotated[str | None, typer.Option("--dataset", help="Into this dataset.")]
Role = Annotated[
    str | None,
    typer.Option(
        help="admin, manager, engineer_ii, engineer_i or guest; maintainer, member or viewer of a project; "
        "maintainer, editor or viewer of a dataset. If left out: guest, member, viewer."
    ),
]
Message = Annotated[str, typer.Option(help="What the letter says beside that, of 1000 characters at most.")]
Language = Annotated[
    str | None,
    typer.Option(help="en or ko, for an address that nobody has here; yours, if left out."),
]
Spoken = Annotated[
    str | None, typer.Option("--language", help="What letters to you are written in, en or ko; for somebody new.")
]
Anyone = Annotated[bool, typer.Option("--for-anyone", help="Whoever has the link may accept, from any address.")]
Days = Annotated[int, typer.Option(min=1, max=30, help="For how many days it is valid.")]
Everybody = Annotated[bool, typer.Option("--everybody", help="Of all in the organization; for admins and managers.")]
Status = Annotated[str | None, typer.Option(help="pending, accepted, declined, expired or cancelled.")]
Which = Annotated[str, typer.Argument(help="Its id, the beginning of it, or the address that it went to.")]
Name = Annotated[str | None, typer.Option(help="Your name, to register; without it you have an account.")]
Email = Annotated[str | None, typer.Option(help="Your address, where it is not the one that was written to.")]
NEW = "new here? `vistory invitation accept --name NAME`"
FORGOT = "`vistory password forgot EMAIL` where you have an account and forgot its password"
ASK = "if you have accepted it already, `vistory login EMAIL`; else ask whoever invited you to send it again"
# As what somebody comes in where no role is named.
USUAL = {"organization": "guest", "project": "member", "dataset": "viewer"}
HEADS = ("invitation", "to", "into", "as", "status", "valid until", "sent by")


@app.command(epilog="Example: vistory invitation send bob@example.org --role member --project bridges")
def send(
    email: To,
    role: Role = None,
    project: Project = None,
    dataset: Dataset = None,
    message: Message = "",
    language: Language = None,
    for_anyone: Anyone = False,
    days: Days = 7,
    api: Address = None,
    as_json: Json = False,
) -> None:
    """Ask somebody in; one that is pending to the same address and thing is replaced."""
    letter = {"email": email, "message": message, "for_anyone": for_anyone, "days": days}
    chosen = {name: value for name, value in (("role", role), ("language", language)) if value is not None}
    with signed_in(api) as door:
        into = thing(door, project, dataset)
        made = door.post("/invitations", **letter, **chosen, **into)
    asked_in = f"a letter asks {email} in as {role or USUAL[into.get('type', 'organization')]}"
    show(made, as_json, lambda: f"{asked_in}; `vistory invitation cancel {short(made['id'])}` takes it back")


def thing(door: Api, project: str | None, dataset: str | None) -> dict[str, str]:
    """The organization itself, if nothing is named. Raises Stop."""
    named = {kind: word for kind, word in (("project", project), ("dataset", dataset)) if word is not None}
    if len(named) > 1:
        raise Stop("an invitation is into one thing: name --project or --dataset", Exit.USAGE)
    for kind, word in named.items():
        return {"type": kind, "target_id": id_of(door, kind, word)}
    return {}


@app.command("list")
def list_invitations(
    everybody: Everybody = False,
    project: Project = None,
    dataset: Dataset = None,
    status: Status = None,
    api: Address = None,
    as_json: Json = False,
) -> None:
    """Those that you sent, the newest first; to whom one went is forgotten once it is over."""
    with signed_in(api) as door:
        into = thing(door, project, dataset)
        wanted = {f"{into['type']}_id": into["target_id"]} if into else {"everybody": True if everybody else None}
        found = list(door.pages("/invitations", **wanted, status=status))
        names = {} if as_json else avatar_names(door, {each["inviter_id"] for each in found})
    show(found, as_json, lambda: table(HEADS, (row(each, names) for each in found)))


def row(sent: dict[str, Any], names: Mapping[str, str]) -> tuple[object, ...]:
    into = f"{sent['type']} {sent['target_name']}"
    return (
        sent["id"],
        sent["email"],
        into,
        sent["role"],
        sent["status"],
        moment(sent["expires_at"]),
        names.get(sent["inviter_id"], sent["inviter_id"]),
    )


@app.command()
def cancel(invitation: Which, api: Address = None, as_json: Json = False) -> None:
    """Cancel one; its link is invalid from this moment on."""
    with signed_in(api) as door:
        made = door.delete(f"/invitations/{sent_to(door, invitation)}")
    show(made, as_json, lambda: f"invitation {short(made['id'])} is cancelled")


@app.command()
def resend(invitation: Which, days: Days = 7, api: Address = None, as_json: Json = False) -> None:
    """Send the letter again, with more time to accept."""
    with signed_in(api) as door:
        made = door.post(f"/invitations/{sent_to(door, invitation)}/resend", days=days)
    show(made, as_json, lambda: f"another letter is on its way (invitation {short(made['id'])})")


@app.command("show")
def show_invitation(api: Address = None, code_file: CodeFile = None, as_json: Json = False) -> None:
    """Who invites you into what, by the code of the letter."""
    code = mailed_code(code_file)
    with Api(reached(api)) as door, by_letter(ASK):
        told = door.post("/invitations/info", token=code)
    into = told["organization"] if told["type"] == "organization" else f"{told['target']} of {told['organization']}"
    who = "; anyone who has the code may accept" if told["for_anyone"] else ""
    show(told, as_json, lambda: f"{told['inviter']} invites you to {told['type']} {into} as {told['role']}{who}")


@app.command()
def accept(
    name: Name = None,
    email: Email = None,
    language: Spoken = None,
    api: Address = None,
    code_file: CodeFile = None,
    password_file: PasswordFile = None,
    as_json: Json = False,
) -> None:
    """Accept as the person who is signed in, else with your account's password, or with --name as somebody new."""
    if language is not None and name is None:
        raise Stop(
            "--language goes with --name; `vistory person language LANGUAGE` changes that of your account", Exit.USAGE
        )
    code, session = mailed_code(code_file), current()
    if session is not None and name is None and email is None and password_file is None:
        with signed_in(api) as door, by_letter(ASK):
            answer = door.post("/invitations/accept", token=code)
        if answer["person"]["role"] is not None:  # who waits there stays where they are
            go_on_with(answer["access_token"])
        return told(answer, as_json)
    who = "Password of your account" if name is None else "A password for your account"
    if name is None and password_file is None and attended():
        complain(f"with the account that you have; {NEW}")
    proof = password(password_file, who, twice=name is not None)
    said = {"full_name": name, "email": email, "language": language}
    given = {key: value for key, value in said.items() if value is not None}
    where = reached(api)
    with Api(where, kept=Seen(where)) as door, by_letter(ASK):
        try:
            answer = door.post("/invitations/accept", token=code, password=proof, refresh="body", **given)
        except Problem as refused:
            if refused.status != HTTPStatus.UNAUTHORIZED or name is not None:
                raise
            raise Stop(f"no account has this address and password; {NEW}; {FORGOT}", refused.exit_code) from refused
    keep(Session(where, answer["person"]["email"], answer["access_token"], answer["refresh_token"]))
    return told(answer, as_json)


def told(answer: dict[str, Any], as_json: bool) -> None:
    person = answer["person"]
    role = person["role"] or "one who waits to be let in by an admin"
    show(person, as_json, lambda: f"you are in, as {role}; `vistory whoami` tells where")


@app.command()
def decline(api: Address = None, code_file: CodeFile = None, as_json: Json = False) -> None:
    """Say no; nobody is told who did."""
    code = mailed_code(code_file)
    with Api(reached(api)) as door, by_letter(ASK):
        made = door.post("/invitations/decline", token=code)
    show(made, as_json, lambda: "the invitation is declined")


def sent_to(door: Api, word: str) -> str:
    """By id, the beginning of it, or the address of one that is pending. Raises Stop."""
    if is_id(word):
        return word
    pending: Iterable[dict[str, Any]] = door.pages("/invitations", status="pending")
    found = [each["id"] for each in pending if word.casefold() == each["email"].casefold() or begins(each["id"], word)]
    if len(found) != 1:
        why = f"{len(found)} of your invitations may be meant by" if found else "none of your pending invitations is"
        raise Stop(f"{why} {word!r}; `vistory invitation list` tells what there is")
    return str(found[0])
