"""What the judge of stored bytes lets pass, and what it finds; and how an answer that is none yet is taken."""

import json
from dataclasses import replace
from typing import Any, Final

import httpx
import pytest

from tests.faults.checking import Ledger, Stored
from tests.faults.stored import CREATED, faults
from tests.faults.uploading import hash_of
from tests.faults.wishing import BROUGHT, UNDONE, Wish, says

IMAGE, OTHER, REPORT = b"\x89PNG one", b"\x89PNG two", b'{"dropped":[]}'
PAGE: Final = json.dumps({"items": [{"path": "one/1.png", "sha256": hash_of(IMAGE)}]}).encode()
ROOT: Final = json.dumps({"top": {"sha256": hash_of(PAGE)}}).encode()
BLOBS: Final = {hash_of(data): data for data in (IMAGE, REPORT, PAGE, ROOT)}
MADE: Final = Stored(1, "dataset", CREATED, {"organization_id": "O"}, "", b"", "A")
REVISED: Final = Stored(
    2, "dataset", BROUGHT, {"content": {"root": hash_of(ROOT)}, "report": hash_of(REPORT)}, "", b"", "B"
)
COMMIT: Final = Wish("POST", "/commit", {}, "", BROUGHT, status=200, position=2, brings=(hash_of(IMAGE),))


def judged(wish: Wish, *revisions: Stored, blobs: dict[str, bytes] = BLOBS) -> list[str]:
    ledger = Ledger("")
    ledger.__dict__["events"] = [MADE, *revisions]
    return [*faults(ledger, [wish], lambda organization, hash: blobs.get(hash) if organization == "O" else None)]


def test_bytes_that_are_there_under_their_hash_are_let_pass() -> None:
    assert judged(COMMIT, REVISED) == []
    assert judged(replace(COMMIT, status=409)) == []


@pytest.mark.parametrize("lost", [IMAGE, REPORT, PAGE, ROOT])
def test_whatever_a_revision_names_is_missed_where_it_is_not_there_or_is_another(lost: bytes) -> None:
    rest = {hash: data for hash, data in BLOBS.items() if data != lost}
    assert judged(COMMIT, REVISED, blobs=rest)
    assert judged(COMMIT, REVISED, blobs=rest | {hash_of(lost): lost + b" "})


@pytest.mark.parametrize(
    ("wish", "revisions"),
    [
        pytest.param(COMMIT, [], id="accepted, and not there"),
        pytest.param(COMMIT, [REVISED, REVISED._replace(position=3)], id="there twice"),
        pytest.param(replace(COMMIT, position=3), [REVISED], id="another's receipt"),
        pytest.param(replace(COMMIT, brings=(hash_of(OTHER),)), [REVISED], id="other bytes"),
        pytest.param(replace(COMMIT, status=409), [REVISED], id="refused, and there"),
        pytest.param(replace(COMMIT, status=UNDONE), [REVISED], id="taken back, and there"),
    ],
)
def test_what_a_commit_brought_is_in_its_revision_or_in_none(wish: Wish, revisions: list[Stored]) -> None:
    assert judged(wish, *revisions)


@pytest.mark.parametrize(
    ("topic", "status", "is_said"), [(BROUGHT, 202, False), (BROUGHT, 200, True), ("x", 202, True)]
)
def test_a_commit_that_is_still_looked_at_is_asked_for_again(topic: str, status: int, is_said: bool) -> None:
    wish: Any = replace(COMMIT, topic=topic)
    assert says(wish, httpx.Response(status)) is is_said
