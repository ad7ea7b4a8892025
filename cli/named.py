"""A thing by its id, or by its name where only one bears it: nobody types an id twice."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from cli.exits import Exit, Stop
from cli.guess import perhaps

if TYPE_CHECKING:
    from cli.client import Api

LISTED = {"dataset", "project", "experiment", "model", "job", "service-account"}
NAMELESS = {"model", "job"}
PLACES = {"job": "/training-jobs"}
# Fewer characters of an id are sooner a slip than a choice.
FEWEST = 4


@dataclass(frozen=True)
class Thing:
    noun: str
    id: str
    name: str | None = None

    @property
    def path(self) -> str:
        return f"{PLACES.get(self.noun, f'/{self.noun}s')}/{self.id}"

    @property
    def word(self) -> str:
        """What one types to mean it."""
        return self.name or self.id

    def __str__(self) -> str:
        """By name and the beginning of its id, which is enough to mean it."""
        return f"{called(self.noun)} {self.name} ({short(self.id)})" if self.name else f"{called(self.noun)} {self.id}"


def short(id: str) -> str:
    """The time in it, to the millisecond: two things seldom have the same."""
    return id[:13]


def thing_of(door: "Api", noun: str, word: str, *, trash: bool = False) -> Thing:
    """What is meant, with its name also where the id was typed. Raises Stop."""
    from cli.client import Problem

    if not is_id(word):
        return _meant(door, noun, word, trash)
    thing = Thing(noun, str(UUID(word)))
    try:
        return Thing(noun, thing.id, door.get(thing.path).get("name"))
    except Problem as refused:
        if refused.status != 403:
            raise
        return thing  # who may not look at it may still be let do what is asked


def id_of(door: "Api", noun: str, word: str, *, trash: bool = False) -> str:
    """By the id, by the beginning of only one, or by the name that only one bears; with `trash`, of those there.

    Raises Stop.
    """
    return str(UUID(word)) if is_id(word) else _meant(door, noun, word, trash).id


def _meant(door: "Api", noun: str, word: str, trash: bool) -> Thing:
    if not word:
        raise Stop(f"name a {called(noun)}, or give its id", Exit.USAGE)
    every = list(door.pages(PLACES.get(noun, f"/{noun}s"), deleted=True if trash else None))
    found = named(every, noun, word)
    if not found:
        listing, where = (
            (f"`vistory {noun} list --trash`", " in the trash") if trash else (f"`vistory {noun} list`", "")
        )
        what_there_is = f"{listing} tells what there is" if noun in LISTED else "give its id"
        what_there_is = f"{what_there_is}, each by its id" if noun in NAMELESS else what_there_is
        guess = perhaps(word, (str(each["name"]) for each in every if each.get("name")))
        raise Stop(f"there is no {called(noun)} {word!r}{where}{guess}; {what_there_is}")
    if len(found) > 1:
        ids = ", ".join(each.id for each in found)
        raise Stop(f"{word!r} may be each of {len(found)} {called(noun)}s; give more of the id: {ids}")
    return found[0]


def named(every: list[dict[str, Any]], noun: str, word: str) -> list[Thing]:
    """Who bears the name counts first: a name may look like the beginning of an id."""
    same = [each for each in every if each.get("name") == word]
    found = same or [each for each in every if begins(str(each["id"]), word)]
    return [Thing(noun, str(each["id"]), each.get("name")) for each in found]


def id_among(every: Iterable[dict[str, Any]], noun: str, word: str, listing: str) -> str:
    """The same of a list that its own command shows. Raises Stop."""
    if is_id(word):
        return str(UUID(word))
    found = named(list(every), noun, word)
    if len(found) != 1:
        why = f"{len(found)} {noun}s may be meant by" if found else f"no {noun} is called"
        raise Stop(f"{why} {word!r}; `{listing}` tells what there is")
    return found[0].id


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
    found, names = [], []
    for member in door.pages("/members", **only):
        names += [str(member["email"]), str(member["avatar_name"])]
        if word.casefold() in (str(member["email"]).casefold(), member["avatar_name"], member["id"]):
            return member
        found += [member] if begins(str(member["person_id"]), word) else []
    if len(found) != 1:
        nobody = "nobody who waits" if "waiting" in only else "nobody in your organization"
        why = f"{len(found)} people may be meant by" if found else f"{nobody} is called"
        guess = "" if found else perhaps(word, names)
        raise Stop(f"{why} {word!r}{guess}; give an e-mail address, an avatar name or an id")
    return found[0]


def own_organization(door: "Api", word: str) -> dict[str, Any]:
    """One that one can go over to, by its name, its id or the beginning of it. Raises Stop."""
    every = door.get("/auth/me/organizations")
    meant = {each.id for each in named(every, "organization", word)}
    if len(meant) == 1:
        return next(each for each in every if each["id"] in meant)
    why = f"{len(meant)} of your organizations may be meant by" if meant else "you are in no organization"
    guess = "" if meant else perhaps(word, (str(each["name"]) for each in every))
    raise Stop(f"{why} {word!r}{guess}; `vistory organization list` tells what there is")


def avatar_names(door: "Api", people: set[str]) -> dict[str, str]:
    """By id; nobody's for whom the members of the organization are not to be seen."""
    from cli.client import Problem

    found: dict[str, str] = {}
    try:
        for member in door.pages("/members") if people else ():
            if member["person_id"] in people:
                found[member["person_id"]] = member["avatar_name"]
            if found.keys() == people:
                break
    except Problem as error:
        if error.status != 403:
            raise
    return found
