"""What the platform wrote to people, as long as no mail server is named: it is kept in the data folder."""

import webbrowser
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.exits import Exit, Stop
from cli.files import named_file
from cli.kept import usual_folder
from cli.local import Data
from cli.output import Json, show, table

if TYPE_CHECKING:
    from infra.mailbox import Kept, Mailbox

app = typer.Typer(help="Mail that was kept on this machine, where no mail server is named.", no_args_is_help=True)
Number = Annotated[
    str,
    typer.Argument(
        help="As `vistory mail list` shows it, or the beginning of it, or an address; the newest letter, of several."
    ),
]
HEADS = ("number", "to", "subject")


@app.callback()
def mail() -> None:
    """Mail that was kept on this machine, where no mail server is named."""


@app.command("list")
def list_mail(data: Data = None, as_json: Json = False) -> None:
    """All letters, the newest first; an invitation's is deleted once it is accepted or otherwise over."""
    rows = [facts(each) for each in mailbox(data).letters()]
    show(rows, as_json, lambda: table(HEADS, [[row[name] for name in HEADS] for row in rows]) if rows else "no mail")


@app.command("show")
def show_mail(number: Number = "", data: Data = None, as_json: Json = False) -> None:
    """One letter, as plain text."""
    found = letter(data, number)
    told = facts(found)
    head = "\n".join(f"{name:<8} {told[name]}" for name in ("from", "to", "date", "subject"))
    show({**told, "text": found.text}, as_json, lambda: f"{head}\n\n{found.text}")


@app.command("open")
def open_mail(number: Number = "", data: Data = None, as_json: Json = False) -> None:
    """One letter in a browser, as a mail program would show it."""
    found = letter(data, number)
    with named_file():
        page = mailbox(data).show(found.number, found.html)
    opened = webbrowser.open(page.as_uri())
    told = f"{page} is open in your browser" if opened else f"no browser was found here; open {page}"
    show({"page": str(page), "opened": opened}, as_json, lambda: told)


def letter(data: Data, word: str) -> "Kept":
    box = mailbox(data)
    found = box.letter(word) or next((each for each in box.letters() if meant(each, word)), None)
    if found is None:
        raise Stop(
            f"there is no letter {word!r}; `vistory mail list` tells what there is" if word else "no mail is here"
        )
    return found


def meant(kept: "Kept", word: str) -> bool:
    return kept.number.startswith(word) or str(kept.letter["to"]).casefold() == word.casefold()


def mailbox(data: Data) -> "Mailbox":
    from infra.mailbox import Mailbox

    box = Mailbox.inside(data or usual_folder())
    if not box.folder.is_dir():
        raise Stop(
            f"{box.folder} is missing: start the platform first (`vistory up`), or name its --data", Exit.UNREACHABLE
        )
    return box


def facts(kept: "Kept") -> dict[str, Any]:
    return {"number": kept.number, **{name: str(kept.letter[name] or "") for name in ("from", "to", "date", "subject")}}
