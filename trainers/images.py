"""Images as a person sees them: decoded, turned as their EXIF says, in colour."""

import warnings
from collections.abc import Iterable
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from trainers.failures import data_error


def open_image(file: Path, name: str) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on palettes and large sizes are no failure
            with Image.open(file) as image:
                return ImageOps.exif_transpose(image).convert("RGB")
    except FileNotFoundError as error:
        raise data_error(f"{name}: there is no such file") from error
    # ImportError: ultralytics patches Pillow to look for a HEIF decoder when nothing else can read a file.
    except (UnidentifiedImageError, ImportError) as error:
        raise data_error(f"{name} cannot be decoded: it is no picture of a kind that is known here") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise data_error(f"{name} cannot be decoded: {error}") from error


def check_all(files: Iterable[tuple[Path, str]]) -> None:
    for file, name in files:
        open_image(file, name)
