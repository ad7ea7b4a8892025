"""Registers a person in the organization that company and division name."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from cli.asking import PasswordFile, password, word
from cli.client import Api
from cli.exits import Exit, Stop
from cli.hint import line
from cli.output import Json, show
from cli.session import Address, reached

app = typer.Typer()
Email = Annotated[str, typer.Argument(help="Your e-mail address: what you sign in by.")]
Name = Annotated[str | None, typer.Option(help="Your name; else it is asked, as the next two are.")]
Company = Annotated[
    str | None,
    typer.Option(help="Company; the same company and division are one organization, however they are cased."),
]
Division = Annotated[str | None, typer.Option(help="Division of the company.")]
Language = Annotated[str | None, typer.Option(help="What letters to you are written in: en, if left out, or ko.")]


@app.command(epilog="Example: vistory register ann@example.org --name Ann --company Acme --division Vision")
def register(
    email: Email,
    name: Name = None,
    company: Company = None,
    division: Division = None,
    language: Language = None,
    api: Address = None,
    password_file: PasswordFile = None,
    as_json: Json = False,
) -> None:
    """Register; the first of an organization is its admin, who lets later ones in (`vistory member approve PERSON`)."""
    if "@" not in email:
        raise Stop(f"{email!r} is no e-mail address", Exit.USAGE)
    who = {"email": email, "full_name": word(name, "your name", "--name NAME")}
    who |= {"company": (company := word(company, "the company", "--company NAME", "Company"))}
    who |= {"division": (division := word(division, "the division", "--division NAME", "Division"))}
    who |= {"password": password(password_file, twice=True)}
    who |= {"language": language} if language is not None else {}
    with Api(reached(api)) as door:
        made = door.post("/auth/register", **who)
    show(made, as_json, lambda: welcome(made, email, f"{company} / {division}"))


def welcome(made: Mapping[str, Any], email: str, where: str) -> str:
    """Nobody founds an organization by a typing error without being told."""
    if made["status"] == "asked":
        return (
            f"a letter is on its way to {email}: your account begins when you follow its link (`vistory email verify`)"
        )
    if made["status"] == "waiting":
        then = f"you wait until an admin of {where} lets you in, by: vistory member approve {email} ROLE"
    elif made["role"] == "admin":
        then = f"there was no organization {where}: you founded it and are its first member, its admin"
    else:
        then = f"you are in {where} as {made['role']}"
    letter = (
        f"a letter is on its way to {email}: follow its link, or type its code where `vistory email verify` asks for it"
    )
    return f"registered as {made['avatar_name']}; {then}\n{letter}\n{line('login', email)}"
