"""Looking at one image."""

import pytest

from infra.formats import look
from tests.infra.formats.folders import declared, picture, turned


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "WEBP", "TIFF"])
def test_a_whole_image_has_a_width_and_a_height(kind: str) -> None:
    facts = look(picture(1, 31, 17, kind))
    assert (facts.width, facts.height, facts.turned, facts.fault) == (31, 17, False, None)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_width_and_height_are_those_of_the_upright_image(orientation: int, kind: str) -> None:
    facts = look(turned(orientation, 40, 20, kind))
    assert (facts.width, facts.height) == ((40, 20) if orientation < 5 else (20, 40))
    assert facts.turned == (orientation != 1)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "WEBP", "TIFF"])
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.9])
def test_a_truncated_image_has_a_fault(kind: str, kept: float) -> None:
    data = picture(1, 300, 200, kind)
    assert look(data[: int(len(data) * kept)]).fault


def test_nothing_is_no_image() -> None:
    assert look(b"").fault == "is empty (0 bytes)"


@pytest.mark.parametrize(
    "data", [b"text", b"<svg/>", b"%!PS-Adobe-3.0 EPSF", b"GIF89a" + b"\0" * 50, b"\x89PNG\r\n\x1a\n"]
)
def test_other_kinds_of_file_are_no_image(data: bytes) -> None:
    assert look(data).fault == "is not an image (JPEG, PNG, BMP, WebP or TIFF)"


def test_damage_within_is_a_fault() -> None:
    data = bytearray(picture(1, 300, 200))
    data[len(data) // 2] ^= 0xFF
    assert "cannot be decoded" in (look(bytes(data)).fault or "")


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (20_000, 5_000), (10**6, 100), (0, 10)])
def test_an_image_that_declares_too_many_pixels_or_none_is_never_decoded(width: int, height: int) -> None:
    assert look(declared(width, height)).fault
