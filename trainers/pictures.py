"""Pictures for people: what a model saw, drawn into the images, one by one or as one sheet."""

from collections.abc import Sequence
from math import ceil

from PIL import Image, ImageDraw, ImageFont

from trainers.base import Found

COLOURS = ("#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#008080", "#9a6324", "#800000", "#808000", "#000075")
TILE = 256
COLUMNS = 4


def annotated(image: Image.Image, seen: Sequence[Found], classes: Sequence[str]) -> Image.Image:
    drawn = image.copy()
    pen = ImageDraw.Draw(drawn)
    if seen and seen[0].box is None:
        write(pen, 0, 0, seen[0], "#000000", drawn.width)
    for found in seen:
        if found.box is not None:
            draw_box(pen, found, COLOURS[list(classes).index(found.label) % len(COLOURS)], drawn.size)
    return drawn


def draw_box(pen: ImageDraw.ImageDraw, found: Found, colour: str, size: tuple[int, int]) -> None:
    assert found.box is not None
    x, y, width, height = found.box
    left, top = (x - width / 2) * size[0], (y - height / 2) * size[1]
    right, bottom = (x + width / 2) * size[0], (y + height / 2) * size[1]
    pen.rectangle((left, top, right, bottom), outline=colour, width=max(1, min(size) // 128))
    write(pen, left, top, found, colour, size[0])


def write(pen: ImageDraw.ImageDraw, left: float, top: float, found: Found, colour: str, width: int) -> None:
    height = max(8, width // 20)
    font = ImageFont.load_default(height)
    text = f"{found.label} {found.score:.2f}"
    place = pen.textbbox((left, max(0, top - height - 2)), text, font=font)
    pen.rectangle(place, fill=colour)
    pen.text(place[:2], text, fill="white", font=font, anchor="lt")


def enlarged(image: Image.Image, seen: Sequence[Found], classes: Sequence[str]) -> Image.Image:
    """Small pictures are enlarged first, so that what is written into them can be read."""
    return annotated(fitted(image, max(TILE, *image.size)), seen, classes)


def fitted(image: Image.Image, longest: int) -> Image.Image:
    ratio = longest / max(image.size)
    return image.resize((round(image.width * ratio) or 1, round(image.height * ratio) or 1))


def sheet(seen: Sequence[tuple[Image.Image, Sequence[Found]]], classes: Sequence[str]) -> Image.Image:
    """All pictures side by side, at one size, with what was seen in each."""
    columns = min(COLUMNS, len(seen))
    page = Image.new("RGB", (columns * TILE, ceil(len(seen) / columns) * TILE), "white")
    for place, (image, found) in enumerate(seen):
        page.paste(annotated(fitted(image, TILE), found, classes), (place % columns * TILE, place // columns * TILE))
    return page
