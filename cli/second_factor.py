"""A second factor: an authenticator app that is asked beside the password, and recovery codes for when it is lost."""

from io import StringIO
from typing import Annotated, Any

import typer

from cli.asking import FactorFile, PasswordFile, factor_code, password
from cli.local import Data, given, settings_of
from cli.output import Json, complain, moment, say, show
from cli.session import Address, signed_in

app = typer.Typer(
    help="A second factor: an authenticator app that is asked beside the password; and recovery codes.",
    no_args_is_help=True,
)
UNVERIFIED = (
    "your address is not verified: whoever verifies it first by a forgotten password takes the factor off again; "
    "`vistory email verify` asks for the code of the letter that was sent there"
)
Somebody = Annotated[str, typer.Argument(help="E-mail address or id.")]


@app.command("show")
def show_standing(api: Address = None, as_json: Json = False) -> None:
    """Whether it is on, whether your organization asks for it, and how many recovery codes are left."""
    with signed_in(api) as door:
        found = door.get("/auth/second-factor")
    show(found, as_json, lambda: words(found))


def words(found: dict[str, Any]) -> str:
    asked = "; your organization asks for it" if found["required"] else ""
    if not found["on"]:
        return f"off{asked}; `vistory second-factor on` sets it up"
    return f"on{asked}; recovery codes left: {found['recovery_codes_left']}"


@app.command()
def on(
    api: Address = None, password_file: PasswordFile = None, code_file: FactorFile = None, as_json: Json = False
) -> None:
    """Set it up: scan what is shown with an authenticator app, and give the code that the app shows then."""
    with signed_in(api) as door:
        typed = password(password_file)
        if not door.get("/auth/me")["email_verified"]:
            complain(UNVERIFIED)
        offer = door.post("/auth/second-factor/begin", password=typed)
        (complain if as_json else say)(offered(offer))
        made = door.post("/auth/second-factor/confirm", code=factor_code(code_file))
    show(made, as_json, lambda: f"it is on: from now on signing in asks for a code\n{recovery(made)}")


def offered(offer: dict[str, Any]) -> str:
    import segno

    picture = StringIO()
    segno.make(offer["uri"], micro=False).terminal(picture, compact=True)
    by_hand = f"or type this into the app: {offer['secret']}"
    return f"{picture.getvalue()}{by_hand}\nit waits for a code until {moment(offer['confirm_until'])}"


def recovery(made: dict[str, Any]) -> str:
    codes = "\n".join(f"  {code}" for code in made["recovery_codes"])
    return f"recovery codes, each good once in place of a code; keep them now, they are not shown again:\n{codes}"


@app.command()
def codes(
    api: Address = None, password_file: PasswordFile = None, code_file: FactorFile = None, as_json: Json = False
) -> None:
    """New recovery codes in place of all others."""
    with signed_in(api) as door:
        proof = {"password": password(password_file), "code": factor_code(code_file)}
        made = door.post("/auth/second-factor/recovery-codes", **proof)
    show(made, as_json, lambda: recovery(made))


@app.command()
def off(
    api: Address = None, password_file: PasswordFile = None, code_file: FactorFile = None, as_json: Json = False
) -> None:
    """Turn it off, by your password and a code."""
    with signed_in(api) as door:
        proof = {"password": password(password_file), "code": factor_code(code_file)}
        made = door.post("/auth/second-factor/off", **proof)
    show(made, as_json, lambda: "it is off: the password alone signs in")


@app.command()
def reset(person: Somebody, data: Data = None, as_json: Json = False) -> None:
    """On the machine of the platform: take it away from somebody who lost it, where no admin can."""
    from commands.second_factor import ResetSecondFactorOf

    made = given(settings_of(data), person, ResetSecondFactorOf)
    show(made, as_json, lambda: f"{person} signs in by the password alone, until another one is set up")
