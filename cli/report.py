"""What was measured of a model on the test side, class by class."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cli.exits import Exit, Stop
from cli.output import rounded
from cli.predict import address, hash_of

if TYPE_CHECKING:
    from cli.client import Api

COLUMNS = ("class", "images", "instances", "precision", "recall", "ap50", "ap50_95")


def report_of(door: "Api", model: Mapping[str, Any]) -> dict[str, Any]:
    return dict(json.loads(checked(door.download(address(model, "result_url")), model["result"])))


def checked(content: bytes, sha256: str) -> bytes:
    if hash_of(content) != sha256:
        raise Stop(f"an object does not have the hash {sha256} that the history names", Exit.NOT_VERIFIED)
    return content


def per_class(report: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of what there is for this task."""
    there = {name for line in report["per_class"] for name in line}
    heads = [name for name in COLUMNS if name in there]
    return heads, [[rounded(line.get(name, "")) for name in heads] for line in report["per_class"]]
