"""A thing by its id, or by its name where only one bears it: nobody types an id twice."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from cli.exits import Exit, Stop

if TYPE_CHECKING:
    from cli.client import Api

LISTED = {"dataset", "project", "model", "job", "service-account"}
PLACES = {"job": "/training-jobs"}
# Fewer characters of an id are sooner a slip than a choice.
FEWEST = 4


def id_of(door: "Api", noun: str, word: str, *, trash: bool = False) -> str:
    """By the id, by the beginning of only one, or by the name that only one bears; with `trash`, of those there.

    Raises Stop.
    """
    if is_id(word):
        return str(UUID(word))
    found = named(door, noun, word, trash)
    if not found:
        listing, where = (
            (f"`vistory {noun} list --trash`", " in the trash") if trash else (f"`vistory {noun} list`", "")
        )
        what_there_is = f"{listing} tells what there is" if noun in LISTED else "give its id"
        raise Stop(f"there is no {called(noun)} {word!r}{where}; {what_there_is}")
    if len(found) > 1:
        raise Stop(f"{word!r} may be each of {len(found)} {called(noun)}s; give more of the id: {', '.join(found)}")
    return found[0]


def named(door: "Api", noun: str, word: str, trash: bool = False) -> list[str]:
    """Who bears the name counts first: a name may look like the beginning of an id."""
    if not word:
        raise Stop(f"name a {called(noun)}, or give its id", Exit.USAGE)
    every = list(door.pages(PLACES.get(noun, f"/{noun}s"), deleted=True if trash else None))
    same = [str(each["id"]) for each in every if each.get("name") == word]
    return same or [str(each["id"]) for each in every if begins(str(each["id"]), word)]


def begins(id: str, word: str) -> bool:
    return len(word) >= FEWEST and id.startswith(word.lower())


def called(noun: str) -> str:
    return "training" if noun == "job" else noun.replace("-", " ")


def must_be_new(door: "Api", noun: str, name: str, instead: str) -> None:
    """The platform allows two of one name; a person who names things wants none."""
    if any(each["name"] == name for each in door.pages(f"/{noun}s")):
        raise Stop(f"there is a {called(noun)} {name!r} already; {instead}")


def is_id(word: str) -> bool:
    try:
        UUID(word)
    except ValueError:
        return False
    return True


def person_of(door: "Api", word: str) -> str:
    """A member of the organization, by id, e-mail address or avatar name."""
    if is_id(word):
        return str(UUID(word))
    return str(member_of(door, word)["person_id"])


def member_of(door: "Api", word: str, **only: Any) -> dict[str, Any]:
    """By e-mail address, avatar name, or the beginning of the person's id. Raises Stop."""
    found = []
    for member in door.pages("/members", **only):
        if word.casefold() in (str(member["email"]).casefold(), member["avatar_name"], member["id"]):
            return member
        found += [member] if begins(str(member["person_id"]), word) else []
    if len(found) != 1:
        nobody = "nobody who waits" if "waiting" in only else "nobody in your organization"
        why = f"{len(found)} people may be meant by" if found else f"{nobody} is called"
        raise Stop(f"{why} {word!r}; give an e-mail address, an avatar name or an id")
    return found[0]


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
