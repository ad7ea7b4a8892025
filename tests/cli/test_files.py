"""Files that a person names."""

from pathlib import Path

import pytest

from cli.exits import Stop
from cli.files import named_file, secret_in


@pytest.mark.parametrize(
    ("content", "password"),
    [
        (b"secret\n", "secret"),
        (b"secret\r\n", "secret"),
        (b" two words \n", " two words "),
        (b"secret\n\n", "secret\n"),
        (b"\xef\xbb\xbfsecret", "secret"),
        ("이름".encode(), "이름"),
    ],
)
def test_a_password_is_what_the_file_holds_but_for_one_end_of_line(
    tmp_path: Path, content: bytes, password: str
) -> None:
    (tmp_path / "password").write_bytes(content)
    assert secret_in(tmp_path / "password", "password") == password


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "empty"), (b"\r\n", "empty"), ("secret".encode("utf-16"), "not text in UTF-8"), (b"x" * 5_000, "more than")],
)
def test_a_file_that_holds_no_password_is_refused_in_words(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "password").write_bytes(content)
    with pytest.raises(Stop, match=rf"password holds no password: it .*{why}"):
        secret_in(tmp_path / "password", "password")


def test_a_file_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(Stop, match="more than 4096 bytes"):
        secret_in(Path("/dev/zero"), "code")


def test_a_file_that_cannot_be_opened_is_named_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(Stop, match=f"^{tmp_path}: Is a directory$"):
        secret_in(tmp_path, "code")
    with pytest.raises(Stop, match=r"none: No such file or directory$"), named_file():
        (tmp_path / "none").read_bytes()
