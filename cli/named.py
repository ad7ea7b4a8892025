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


def must_be_new(door: "Api", noun: str, name: str, instead: str) -> None:
    """The platform allows two of one name; a person who names things wants none."""
    if any(each["name"] == name for each in door.pages(f"/{noun}s")):
        raise Stop(f"there is a {noun} {name!r} already; {instead}")


def is_id(word: str) -> bool:
    try:
        UUID(word)
    except ValueError:
        return False
    return True


def person_of(door: "Api", word: str) -> str:
    """A member of the organization, by id, e-mail address or avatar name."""
    if is_id(word):
        return word
    for member in door.pages("/members"):
        if word.casefold() in (str(member["email"]).casefold(), member["avatar_name"]):
            return str(member["person_id"])
    raise Stop(f"nobody in your organization is called {word!r}; give an e-mail address, an avatar name or an id")


def avatar_names(door: "Api", people: set[str]) -> dict[str, str]:
    """By id; nobody's for whom the members of the organization are not to be seen."""
    from cli.client import Problem

    found: dict[str, str] = {}
    try:
        for member in door.pages("/members"):
            if member["person_id"] in people:
                found[member["person_id"]] = member["avatar_name"]
            if found.keys() == people:
                break
    except Problem as error:
        if error.status != 403:
            raise
    return found
