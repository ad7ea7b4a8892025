"""The answer of a model as JSON, and as pictures for people."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL.Image import Image

from trainers import files, pictures
from trainers.base import Answer, Found, Run
from trainers.entries import on
from trainers.images import open_image
from trainers.job import Question

SHOWN = 12


def described(question: Question, answer: Answer) -> dict[str, Any]:
    what = "boxes" if answer.task == "detection" else "classes"
    return {
        "task": answer.task,
        "classes": list(answer.classes),
        "predictions": [
            {"image": image, what: [found.as_json() for found in seen]}
            for image, seen in zip(question.images, answer.seen, strict=True)
        ],
        "pictures": drawn(question, answer, Path(question.output)) if question.output else [],
    }


def drawn(question: Question, answer: Answer, folder: Path) -> list[dict[str, Any]]:
    return [
        {"image": image} | draw(image, seen, answer, folder.absolute() / f"{number:06d}.png")
        for number, (image, seen) in enumerate(zip(question.images, answer.seen, strict=True))
    ]


def draw(image: str, seen: Sequence[Found], answer: Answer, target: Path) -> dict[str, str | int]:
    return save(pictures.enlarged(open_image(Path(image), image), seen, answer.classes), target)


def picture(run: Run, look: Callable[[Image], Sequence[Found]]) -> dict[str, str | int] | None:
    """A sheet of images from all over the test side, with what the model sees in them."""
    test = on("test", run.entries)
    chosen = test[:: max(1, len(test) // SHOWN)][:SHOWN]
    images = [open_image(run.blobs / entry.sha256, entry.path) for entry in chosen]
    if not images:
        return None
    page = pictures.sheet([(image, look(image)) for image in images], run.job.classes)
    return save(page, run.job.folder / "picture.png")


def save(image: Image, target: Path) -> dict[str, str | int]:
    return files.produce(target, lambda draft: image.save(draft, "PNG")).as_json()
