"""A thing by its id, or by its name where only one bears it: nobody types an id twice."""

from typing import TYPE_CHECKING
from uuid import UUID

from cli.exits import Stop

if TYPE_CHECKING:
    from cli.client import Api


def id_of(door: "Api", noun: str, word: str) -> str:
    """Raises Stop where no dataset, project or experiment has this id or name, or several have the name."""
    if is_id(word):
        return word
    found = [str(each["id"]) for each in door.pages(f"/{noun}s") if each["name"] == word]
    if not found:
        raise Stop(f"there is no {noun} called {word!r}; name one that there is, or give its id")
    if len(found) > 1:
        raise Stop(f"{len(found)} {noun}s are called {word!r}; give the id of the one you mean: {', '.join(found)}")
    return found[0]


def is_id(word: str) -> bool:
    try:
        UUID(word)
    except ValueError:
        return False
    return True
