"""Letters as files: each whole, for their owner alone, and never too many."""

import stat
from email.policy import SMTP
from pathlib import Path
from uuid import UUID

import pytest

from infra import mailbox
from infra.mailbox import Mailbox
from tests.infra.test_letters import ANN, BEN, written


@pytest.fixture
def box(tmp_path: Path) -> Mailbox:
    return Mailbox(tmp_path)


def test_what_was_kept_is_read_again_the_newest_first(box: Mailbox) -> None:
    for name in ("Ann", "Ben"):
        box.keep(written(full_name=name).as_bytes(policy=SMTP))
    newest, oldest = box.letters()
    assert "Hello Ben," in newest.text
    assert oldest.text.startswith("Hello Ann,\n\nSomebody")
    assert "\r" not in oldest.text + oldest.html
    assert "<p>Hello Ann,</p>" in oldest.html
    assert box.letter(oldest.number) is not None


def test_a_letter_is_for_the_owner_of_the_folder_alone(box: Mailbox) -> None:
    box.keep(b"Subject: x\r\n\r\ny")
    (file,) = box.folder.iterdir()
    assert file.suffix == ".eml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_oldest_goes_when_there_are_too_many(box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "MOST", 2)
    for subject in ("one", "two", "three"):
        box.keep(f"Subject: {subject}\r\n\r\n".encode())
    assert [each.letter["subject"] for each in box.letters()] == ["three", "two"]


def test_the_oldest_goes_when_they_take_too_much(box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "MOST_BYTES", 250)
    for subject in ("one", "two", "three"):
        box.keep(f"Subject: {subject}\r\n\r\n".encode().ljust(100))
    assert [each.letter["subject"] for each in box.letters()] == ["three", "two"]


def test_a_letter_is_kept_whoever_makes_room_at_the_same_time(box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "MOST", 1)
    box.keep(b"Subject: one\r\n\r\n")
    real = Mailbox._files

    def and_gone(box: Mailbox) -> list[Path]:
        files = real(box)
        files[0].unlink()
        return files

    monkeypatch.setattr(Mailbox, "_files", and_gone)
    box.keep(b"Subject: two\r\n\r\n")
    monkeypatch.setattr(Mailbox, "_files", real)
    assert [each.letter["subject"] for each in box.letters()] == ["two"]


def test_what_tells_of_somebody_is_forgotten_with_them_and_nothing_else(box: Mailbox) -> None:
    for letter in (written(), written(about=(BEN,)), written(about=(UUID(int=9), BEN))):
        box.keep(letter.as_bytes(policy=SMTP))
    (newest, *_) = box.letters()
    page = box.show(newest.number, newest.html)
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    box.forget([])
    assert len(list(box.letters())) == 3
    box.forget([ANN])
    assert [each.tells_of([BEN]) for each in box.letters()] == [True, True]
    assert page.exists()
    box.forget([UUID(int=9)])
    assert [file.suffix for file in box.folder.iterdir()] == [".eml"]


def test_a_letter_that_names_nobody_may_tell_of_anybody(box: Mailbox) -> None:
    box.keep(b"Subject: x\r\n\r\nof old")
    box.forget([ANN])
    assert list(box.folder.iterdir()) == []


@pytest.mark.parametrize("number", ["", "../secrets/pepper", "20260102T030405678901-abcdef"])
def test_only_a_letter_is_read_by_its_number(box: Mailbox, number: str) -> None:
    assert box.letter(number) is None


def test_what_is_no_letter_is_shown_as_what_it_is(box: Mailbox) -> None:
    box.keep(b"\xff\x00 not a letter")
    (kept,) = box.letters()
    assert kept.html == ""
