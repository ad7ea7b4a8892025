"""Which images belong together, as a person says it: frames of one video, slices of one patient.

Invalid
├── PatternMakesNoSense
└── GroupsMatchNothing    the rule puts no image into any group
"""

from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, Strict, StringConstraints

from domain.errors import Invalid
from domain.paths import composed, quoted
from domain.values import Count, Value

MARK: Final = "{group}"
MOST_WILDCARDS: Final = 8


class PatternMakesNoSense(Invalid):
    pass


class GroupsMatchNothing(Invalid):
    pass


def refuse_senseless(pattern: str) -> None:
    if pattern.count(MARK) != 1:
        raise PatternMakesNoSense("a pattern must have {group} in it once, where the name of the group stands")
    tokens = _tokens(pattern)
    if any(a in ("*", MARK) and b in ("*", MARK) for a, b in pairwise(tokens)):
        raise PatternMakesNoSense("a pattern needs some text between {group} and *, or nobody sees where a group ends")
    if tokens.count("*") > MOST_WILDCARDS:
        raise PatternMakesNoSense(f"a pattern may have {MOST_WILDCARDS} * at most")


def _normal(pattern: object) -> object:
    return composed(pattern) if isinstance(pattern, str) else pattern


# In the normal form of paths, or a pattern that some machine wrote in another one would fit none of them; before it is
# measured, for in that form it is stored and read again.
Pattern = Annotated[
    str,
    StringConstraints(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]+$"),
    BeforeValidator(_normal),
]


class ByFolder(Value):
    """Images of one folder, with all below it: `level` 1 is the folder they lie in, 2 the one above, and so on."""

    by: Literal["folder"]
    level: Annotated[int, Strict(), Field(ge=1, le=50)] = 1


class ByPattern(Value):
    """Images that have the same text where `{group}` stands: `{group}_frame*.jpg`, or with folders `*/{group}/*`.

    `*` and `{group}` stand for the shortest text that fits, `{group}` for at least one character. A pattern with `/` is
    about the whole path, one without about the file's name.
    """

    by: Literal["pattern"]
    pattern: Pattern


Rule = ByFolder | ByPattern


class Grouped(Value):
    """What a split says of groups: the rule, how many groups it found, and how many images are in none."""

    rule: Rule
    groups: Count
    alone: Count


class Groups:
    """Names the group of each image, and counts."""

    def __init__(self, rule: Rule | None) -> None:
        if isinstance(rule, ByPattern):
            refuse_senseless(rule.pattern)
        self.rule = rule
        self.names: set[str] = set()
        self.alone = 0
        self._passed_over = ""

    def of(self, path: str) -> str | None:
        """None where the image is in no group."""
        name = self._name(path)
        if name is None:
            self.alone += 1
            self._passed_over = self._passed_over or path
        else:
            self.names.add(name)
        return name

    def found(self) -> Grouped | None:
        if self.rule is None:
            return None
        if not self.names:
            raise GroupsMatchNothing(f"no image is in a group: {self._why_not()}")
        return Grouped(rule=self.rule, groups=len(self.names), alone=self.alone)

    def _why_not(self) -> str:
        path = self._passed_over
        if isinstance(self.rule, ByPattern):
            of = "the path" if "/" in self.rule.pattern else "the name of the file"
            return f"{of} of {quoted(path)} does not fit {quoted(self.rule.pattern)}"
        return f"{quoted(path)} lies in too few folders for that; a pattern groups by names, as in `{MARK}_*`"

    def _name(self, path: str) -> str | None:
        match self.rule:
            case ByFolder(level=level):
                return _ancestor(path, level)
            case ByPattern(pattern=pattern):
                return captured(pattern, path)
        return None


def _ancestor(path: str, level: int) -> str | None:
    parts = path.split("/")
    return "/".join(parts[:-level]) if len(parts) > level else None


def captured(pattern: str, path: str) -> str | None:
    """What stands where `{group}` does; shortest first, without ever going back, so a long path costs no more."""
    text = path if "/" in pattern else path.rpartition("/")[2]
    at, found, waiting = 0, None, None
    tokens = _tokens(pattern)
    for number, token in enumerate(tokens):
        if token in ("*", MARK):
            waiting = token
            continue
        start = _place(text, token, at, waiting, is_last=number == len(tokens) - 1)
        if start < at:
            return None
        found = text[at:start] if waiting == MARK else found
        at, waiting = start + len(token), None
    if waiting is None:
        return found if at == len(text) else None
    return found if waiting == "*" else text[at:] or None


def _place(text: str, token: str, at: int, waiting: str | None, is_last: bool) -> int:
    """Where the token stands from `at` on, at least a character later behind a group; -1 where it does not."""
    if waiting is None:
        return at if text.startswith(token, at) else -1
    least = at + (waiting == MARK)
    if is_last:
        start = len(text) - len(token)
        return start if start >= least and text.endswith(token) else -1
    return text.find(token, least)


@lru_cache(64)
def _tokens(pattern: str) -> tuple[str, ...]:
    """Texts, wildcards and the mark, in order."""
    before, _, after = pattern.partition(MARK)
    return (*_around_stars(before), MARK, *_around_stars(after))


def _around_stars(text: str) -> tuple[str, ...]:
    parts = text.split("*")
    tokens = [token for part in parts for token in (part, "*")][:-1]
    return tuple(token for token in tokens if token)
