import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo

import verifier
from tests.ground import Ground, ground
from tests.servers import Databases
from tests.test_layers import ROOT
from verifier import Broken, Event, History, database, genesis, leaf, link

LEDGER = UUID(int=9)
STATE = b'{"data":{"name":"digits"},"envelope":{"format":1}}'


def chained(events: list[Event], ledger: UUID = LEDGER) -> History:
    chain, told = genesis(ledger), []
    for event in events:
        chain = link(chain, leaf(ledger.bytes, event))
        told.append(event._replace(chain=chain))
    return History(ledger, len(events), chain, told)


def event(position: int, version: int | None = None, **other: Any) -> Event:
    told = Event(position, 1_000 + position, UUID(int=1).bytes, version or position, "project.renamed", STATE, b"")
    return told._replace(**other)


def good() -> list[Event]:
    return [event(n) for n in range(1, 6)]


def broken(history: History, *receipts: verifier.Receipt) -> tuple[int, str]:
    with pytest.raises(Broken) as found:
        verifier.verify(history, receipts)
    return found.value.position, found.value.what


def test_a_whole_history_holds() -> None:
    history = chained(good())
    found = verifier.verify(history, [(3, list(history.events)[2].chain.hex())])
    assert (found.events, found.chain, found.receipts) == (5, history.chain, 1)


@pytest.mark.parametrize("changed", [{"state": STATE.replace(b"digits", b"letters")}, {"topic": "project.made"}])
def test_an_event_that_was_edited_is_found(changed: dict[str, Any]) -> None:
    history = chained(good())
    events = list(history.events)
    events[2] = events[2]._replace(**changed)
    position, what = broken(history._replace(events=events))
    assert position == 3
    assert "recomputed" in what


def test_an_event_that_was_taken_out_is_found() -> None:
    history = chained(good())
    events = [e for e in history.events if e.position != 3]
    assert broken(history._replace(events=events)) == (3, "missing; the next event is at position 4")


def test_a_tail_that_was_cut_off_is_found_by_the_head_and_by_a_receipt() -> None:
    whole = chained(good())
    position, what = broken(whole._replace(events=list(whole.events)[:3]))
    assert (position, what.split(",")[0]) == (3, "the head says position 5")
    position, what = broken(chained(good()[:3]), (5, whole.chain.hex()))
    assert (position, what) == (5, "there is a receipt for this position, and history ends at 3")


def test_a_history_written_anew_is_found_by_a_receipt() -> None:
    receipt = list(chained(good()).events)[3].chain.hex()
    anew = [event(n, state=STATE.replace(b"digits", b"others")) for n in range(1, 6)]
    position, what = broken(chained(anew), (4, receipt))
    assert position == 4
    assert "history was edited" in what


def test_versions_and_times_must_go_on() -> None:
    assert broken(chained([event(1), event(2, version=3)]))[1].endswith("is at version 3, not 2")
    assert broken(chained([event(1), event(2, micros=5)])) == (2, "recorded before the event that it follows")


@pytest.mark.parametrize(
    ("state", "what"),
    [
        (b'{"envelope":{},"data":{}}', "its state is not in canonical form"),
        (b'{"data": {},"envelope":{}}', "its state is not in canonical form"),
        (b'{"data":{"a":1,"a":1},"envelope":{}}', "its state is not in canonical form"),
        (b'{"data":{"a":1.0},"envelope":{}}', "its state is not in canonical form"),
        (b'{"data":{"a":"\\u00e9"},"envelope":{}}', "its state is not in canonical form"),
        (b'{"data":{}}', "its state is not {data, envelope}"),
        (b"{", "its state is not JSON"),
        (b'{"data":{"a":NaN},"envelope":{}}', "its state is not JSON"),
    ],
)
def test_a_state_that_is_not_canonical_is_found(state: bytes, what: str) -> None:
    position, said = broken(chained([event(1, state=state)]))
    assert position == 1
    assert said.startswith(what)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**53) + 1, 2**53 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
        max_leaves=20,
    )
)
def test_what_the_library_writes_is_canonical_to_the_verifier(value: Any) -> None:
    verifier.verify(chained([event(1, state=rfc8785.dumps({"data": {"a": value}, "envelope": {}}))]))


FAMILIAR = b'{"data":{"a":12,"b":[0.5,true],"c":"x"},"envelope":{"d":"y"}}'


@pytest.mark.parametrize(
    ("of", "into"),
    [
        (b'"a":12', b'"a":012'), (b'"a":12', b'"a":-0'), (b'"a":12', b'"a":1e2'), (b"0.5", b"0.50"), (b"0.5", b".5"),
        (b"0.5", b"5.0"), (b"0.5", b"1e-05"), (b"0.5", b"1.5e-07"), (b"0.5", b"0.1000000000000000055"), (b"0.5", b"-"),
        (b'"b"', b'"a"'), (b'"b"', b'"d"'), (b'"x"', b'"\\u0061"'), (b'"x"', b'"\t"'), (b'"x"', b'"\xff"'),
        (b'"x"', b'"\xed\xa0\x80"'), (b'"x"', b'"\\x"","'), (b'"x"', b'"x" '), (b"true", b"True"), (b'"d":', b'"d",'),
    ],
)  # fmt: skip
def test_what_looks_like_one_that_was_canonical_is_looked_at_by_itself(of: bytes, into: bytes) -> None:
    edited = FAMILIAR.replace(of, into)
    assert edited != FAMILIAR
    assert broken(chained([event(1, state=FAMILIAR), event(2, state=edited)]))[0] == 2


@given(
    st.text("0123456789.eE+-", min_size=1), st.text(max_size=5), st.integers(0, len(FAMILIAR)), st.binary(max_size=3)
)
def test_what_was_seen_before_changes_no_verdict(number: str, text: str, at: int, put: bytes) -> None:
    for state in (
        FAMILIAR.replace(b"12", number.encode()),
        FAMILIAR.replace(b"0.5", number.encode()),
        FAMILIAR.replace(b"x", text.encode()),
        FAMILIAR[:at] + put + FAMILIAR[at:],
        FAMILIAR[:at] + put + FAMILIAR[at + len(put) :],
    ):
        assert holds(event(1, state=FAMILIAR), event(2, state=state)) == holds(event(1, state=state))


def holds(*events: Event) -> bool:
    try:
        verifier.verify(chained(list(events)))
    except Broken:
        return False
    return True


@pytest.fixture
def ledger(fresh_database: Callable[..., Databases]) -> Iterator[Ground]:
    with ground(fresh_database()) as ready:
        yield ready


def superuser(ledger: Ground) -> psycopg.Connection:
    return psycopg.connect(make_conninfo(ledger.databases.admin_url, dbname=ledger.databases.names.ledger))


def test_a_ledger_in_pieces_is_verified_as_one_in_a_row(ledger: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces that end in the middle of an aggregate; a head in each of them."""
    ledger.write(150, per_command=40)
    kept = [(row.position, row.chain.hex()) for row in ledger.ledger.read(0, 150) if row.position % 20 == 7]
    for each in (verifier, database):
        monkeypatch.setattr(each, "PIECE", 30)
    with verifier.stored(ledger.databases.app_url) as history:
        in_pieces = verifier.verify(history, kept)
        assert in_pieces == verifier.verify(history._replace(shared=None), kept)
    assert (in_pieces.events, in_pieces.receipts, len(in_pieces.aggregates)) == (150, 8, 4)


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        ("SET topic = 'a.b' WHERE notification_id = 70", (70, "the chain is")),
        ("SET notification_id = -1 WHERE notification_id = 1", (1, "missing; the next event is at position -1")),
        (
            "SET originator_version = 50 WHERE originator_version = 21 AND notification_id = 61",
            (61, "is at version 50"),
        ),
        ("SET recorded_at = 'epoch' WHERE notification_id = 95", (95, "recorded before the event that it follows")),
    ],
)
def test_the_first_fault_is_named_though_pieces_find_it(
    ledger: Ground, monkeypatch: pytest.MonkeyPatch, edit: str, found: tuple[int, str]
) -> None:
    ledger.write(150, per_command=40)
    with superuser(ledger) as connection:
        connection.execute("ALTER TABLE ledger.events DISABLE TRIGGER ALL")
        assert connection.execute(f"UPDATE ledger.events {edit}".encode()).rowcount == 1
        connection.execute("UPDATE ledger.events SET topic = 'later.fault' WHERE notification_id = 149")
    for each in (verifier, database):
        monkeypatch.setattr(each, "PIECE", 30)
    with verifier.stored(ledger.databases.app_url) as history:
        position, what = broken(history)
    assert position == found[0]
    assert found[1] in what


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-m", "verifier", *arguments]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)


# psycopg needs typing_extensions on Python below 3.13.
NEEDED = ("psycopg", "psycopg_binary", "psycopg_binary.libs", "typing_extensions.py")
ALONE = "import runpy, sys; sys.path.append(sys.argv.pop(1)); runpy.run_module('verifier', run_name='__main__')"


def test_it_runs_where_nothing_but_psycopg_is_installed(ledger: Ground, tmp_path: Path) -> None:
    """Its folder alone, as whoever trusts nobody's installation takes it away."""
    ledger.write(3)
    for name in NEEDED:
        (tmp_path / name).symlink_to(Path(psycopg.__file__).parents[1] / name)
    (tmp_path / "verifier").symlink_to(ROOT / "verifier")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", ALONE, str(tmp_path)],
        env={"VISTORY_DATABASE_URL": ledger.databases.app_url},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    chain = ledger.ledger.head().chain.hex()
    assert (done.returncode, done.stdout) == (0, f"verified 3 events; chain {chain}\n"), done.stderr


def test_whoever_names_no_history_is_told_how() -> None:
    done = run()
    assert done.returncode == 2
    assert done.stderr.endswith("name a database in VISTORY_DATABASE_URL, or a --file\n")


def test_a_stored_ledger_is_verified_with_a_receipt_and_from_its_dump(ledger: Ground, tmp_path: Path) -> None:
    ledger.write(150)
    url, chain = ledger.databases.app_url, ledger.ledger.head().chain.hex()
    done = run(f"{ledger.id}:150:{chain}", VISTORY_DATABASE_URL=url)
    assert (done.returncode, done.stdout) == (0, f"verified 150 events; chain {chain}\n"), done.stderr
    assert run("--dump", str(tmp_path / "dump"), VISTORY_DATABASE_URL=url).returncode == 0
    assert run("--file", str(tmp_path / "dump")).stdout == done.stdout
    lines = (tmp_path / "dump").read_text().splitlines()
    lines[42] = json.dumps(json.loads(lines[42]) | {"micros": 2**52})
    (tmp_path / "dump").write_text("\n".join(lines))
    done = run("--file", str(tmp_path / "dump"))
    assert done.returncode == 4
    assert done.stderr.startswith("history does not hold: position 42: the chain is")
