"""A command that somebody is told to give next: it can be pasted as it stands, whoever they are and wherever it goes.

A message names commands in backticks, as `vistory job list`; on its way to the terminal each gets what it lacks: the
path of the program where no PATH leads to it, the person (--as), and the platform (--api, --data) where these are
not those that the command would take by itself.
"""

import os
import re
import sys
from functools import cache
from pathlib import Path
from shlex import quote
from shutil import which

from cli.kept import folder_of, usual_api

NAMED = re.compile(r"`vistory ([a-z][^`\n]*)`")
# What this command was told of where the platform is, by the name of the option.
_heard: dict[str, str] = {}


def hear_api(url: str | None) -> str | None:
    return _hear("--api", url)


def hear_data(folder: Path | None) -> Path | None:
    _hear("--data", None if folder is None else str(folder.absolute()))
    return folder


def _hear(option: str, value: str | None) -> str | None:
    _heard.pop(option, None)
    if value is not None:
        _heard[option] = value
    return value


def line(*words: str) -> str:
    """A command line that can be given as it is printed."""
    return " ".join([_begun(), *map(quote, words), *_where(words)])


def completed(text: str) -> str:
    """With every command that it names in backticks as one can give it."""
    return NAMED.sub(lambda found: f"`{_completed(found[1])}`", text)


def _completed(words: str) -> str:
    return " ".join([_begun(), words, *_where(words.split())])


def _begun() -> str:
    typed = Path(sys.argv[0])
    found = which("vistory")
    is_found = found is not None and typed.exists() and typed.samefile(found)
    name = "vistory" if is_found or typed.name != "vistory" else str(typed)
    person = os.environ.get("VISTORY_PROFILE")
    return " ".join(map(quote, [name, *(["--as", person] if person else [])]))


def _where(words: "tuple[str, ...] | list[str]") -> list[str]:
    told = _known()
    missing = [option for option in told if option not in words and not _is_usual(option, told[option])]
    known = options(*words[:2]) if missing else frozenset()
    return [each for option in missing if option in known for each in (option, quote(told[option]))]


def _known() -> dict[str, str]:
    """What was not told of the data folder, whoever started the platform left."""
    folder = None if "--data" in _heard else folder_of(_heard.get("--api", usual_api()).rstrip("/"))
    return _heard if folder is None else _heard | {"--data": folder}


@cache
def options(noun: str, verb: str = "") -> frozenset[str]:
    """Those of a command; none of one that there is not."""
    from cli import NOUNS, load

    if noun not in NOUNS:
        return frozenset()
    command = load(noun)
    command = getattr(command, "commands", {}).get(verb, command)
    return frozenset(option for each in command.params for option in each.opts)


def _is_usual(option: str, value: str) -> bool:
    """Whether a command goes there by itself."""
    if option == "--data":
        from infra.embedded import default_folder

        return Path(value) == default_folder()
    return value.rstrip("/") == usual_api()
