"""Looking at one image: is it whole, how large is it upright.

Width and height are those after the EXIF orientation is applied: what a person who drew boxes saw, and what OpenCV
(so ultralytics) loads. Pillow by itself (so torchvision's ImageFolder) does not turn images: `turned` warns of that.
"""

import threading
from contextlib import nullcontext
from io import BytesIO
from typing import Final

from PIL import (
    BmpImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from domain.values import Count, Value

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
FORMATS: Final = ("JPEG", "PNG", "BMP", "WEBP", "TIFF")  # MPO comes with JPEG
# Loaded before any thread opens an image: Pillow's own search for plugins is not made for several threads at once.
PLUGINS: Final = (BmpImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin)
MOST_PIXELS: Final = 89_478_485  # where Pillow, too, begins to speak of decompression bombs
MOST_BYTES: Final = 256 * 2**20
LARGE: Final = 16_000_000
ORIENTATION: Final = 0x0112

_one_large_image_at_a_time = threading.Lock()


class ImageFacts(Value):
    """Facts about some bytes, true for ever: may be kept by their hash. With a fault, the rest means nothing."""

    width: Count = 0
    height: Count = 0
    turned: bool = False
    fault: str | None = None


def look(data: bytes) -> ImageFacts:
    """Decode the image to its last byte; what its header declares too large is never decoded."""
    if not data:
        return ImageFacts(fault="is empty (0 bytes)")
    try:
        return _decoded(data)
    except UnidentifiedImageError:
        return ImageFacts(fault="is not an image (JPEG, PNG, BMP, WebP or TIFF)")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return ImageFacts(fault=f"declares more than {MOST_PIXELS:,} pixels")
    except Exception as error:  # a decoder fed with hostile bytes may raise anything
        return ImageFacts(fault=f"cannot be decoded: {str(error)[:200] or type(error).__name__}")


def _decoded(data: bytes) -> ImageFacts:
    with Image.open(BytesIO(data), formats=FORMATS) as image:
        width, height = image.size
        if width * height > MOST_PIXELS:
            return ImageFacts(fault=f"declares {width} × {height} pixels, more than {MOST_PIXELS:,}")
        with _one_large_image_at_a_time if width * height > LARGE else nullcontext():
            return _facts(image)


def _facts(image: Image.Image) -> ImageFacts:
    declared, size = image.getexif().get(ORIENTATION, 1), image.size
    # Of a JPEG every byte is still read, so that what is missing is found; the picture itself is made small and grey.
    image.draft("L", (1, 1))
    image.load()
    left_to_do = image.getexif().get(ORIENTATION, 1)  # Pillow turns TIFF, and only TIFF, by itself while loading
    width, height = size if isinstance(image, JpegImagePlugin.JpegImageFile) else image.size
    if left_to_do in (5, 6, 7, 8):
        width, height = height, width
    return ImageFacts(width=width, height=height, turned=declared in range(2, 9))
