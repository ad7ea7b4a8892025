"""Reading small files from strangers: text, YAML, XML, each with a bound on what it may do to us."""

from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError

import yaml
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from infra.formats.errors import FileIsHostile

DEEPEST: Final = 20
MOST_NODES: Final = 20_000
LONGEST_NUMBER: Final = 40
PLAIN: Final = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float"))


class _Loader(yaml.SafeLoader):
    """Null, booleans, short numbers and text; whatever else YAML 1.1 sees in plain words is text.

    Its numbers of base 60 take time by the square of their length, and its dates raise whatever comes to them.
    """

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        is_scalar = kind is yaml.ScalarNode
        if is_scalar and (len(value) > LONGEST_NUMBER or ":" in value):
            return self.DEFAULT_SCALAR_TAG
        tag = super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]
        return self.DEFAULT_SCALAR_TAG if is_scalar and tag not in PLAIN else tag


class IsNotText(Exception):
    """Bytes that are no text, or no XML: a fault of one file, which its reader names in the report."""


def text(data: bytes) -> str:
    try:
        found = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise IsNotText("is not text (UTF-8)") from error
    if "\x00" in found:
        raise IsNotText("is not text: it contains NUL")
    return found


def yaml_mapping(path: str, data: bytes) -> dict[Any, Any]:
    """A YAML file that must be a mapping; aliases, tags and depth are refused before anything is built from them."""
    try:
        source = text(data)
        _refuse_bombs(path, source)
        loaded = yaml.load(source, _Loader)
    except (IsNotText, yaml.YAMLError, ValueError, RecursionError) as error:
        raise FileIsHostile(f"{path!r} cannot be read as YAML: {str(error)[:200]}") from error
    if not isinstance(loaded, dict):
        raise FileIsHostile(f"{path!r} is not a YAML mapping")
    return loaded


def _refuse_bombs(path: str, source: str) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(source, Loader=yaml.SafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        # A tag may name a type that its value is not of, and then the reader raises whatever comes to it.
        if isinstance(event, yaml.AliasEvent) or getattr(event, "tag", None):
            raise FileIsHostile(f"{path!r} uses YAML aliases or tags, which a list of classes does not need")
        if depth > DEEPEST or count > MOST_NODES:
            raise FileIsHostile(f"{path!r} is nested too deep or has too many parts")


def xml(path: str, data: bytes) -> Element:
    """An XML file without document type and entities; one that has them is hostile."""
    try:
        found: Element = fromstring(data, forbid_dtd=True)
    except DefusedXmlException as error:
        raise FileIsHostile(f"{path!r} declares a document type or entities, which annotations do not need") from error
    except (ParseError, ValueError, LookupError) as error:
        raise IsNotText(f"is not XML: {str(error)[:100]}") from error
    return found
