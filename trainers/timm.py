"""Classification with timm's models, trained from nothing or from an earlier model."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from PIL.Image import Image

from trainers import answers, devices, scores, timm_data, timm_files
from trainers.base import Answer, Found, Run
from trainers.entries import on
from trainers.failures import data_error
from trainers.images import open_image
from trainers.job import Question
from trainers.job import Side as SideName
from trainers.timm_course import Course, examine
from trainers.timm_data import Side

SUFFIX = ".safetensors"
PACKAGES = ("torch", "torchvision", "timm")


def train(run: Run) -> None:
    device = devices.choose(run.job.device, run.job.threads)
    run.start(device.kind, device.name, PACKAGES)
    with ThreadPoolExecutor(run.job.threads) as pool:
        course = begin(run, device.kind)
        learning, validation = (side(run, name, pool) for name in ("train", "val"))
        while not course.finished:
            one_epoch(run, course, learning, validation)
        finish(run, course, side(run, "test", pool))


def side(run: Run, name: SideName, pool: ThreadPoolExecutor) -> Side:
    return Side(on(name, run.entries), run.blobs, run.whole("image_size"), pool)


def begin(run: Run, device: str) -> Course:
    images = len(on("train", run.entries))
    if images < 2:
        raise data_error("timm needs at least two images on the train side")
    course = Course(run, device, images)
    if state := timm_files.read_checkpoint(run):
        course.restore(state)
    elif run.job.weights:
        timm_files.begin_from(course.model, Path(run.job.weights.path))
    return course


def one_epoch(run: Run, course: Course, learning: Side, validation: Side) -> None:
    began = time.monotonic()
    loss = course.train(learning)
    marks = examine(course.model, validation, course.device, run.whole("batch"), run.job.classes)
    course.remember(marks)
    run.report.say(
        "epoch",
        epoch=course.epoch,
        epochs=run.whole("epochs"),
        metrics={"train/loss": loss, "learning_rate": course.rate, **marks.as_metrics("val")},
        seconds=time.monotonic() - began,
    )
    run.checkpoint(course.epoch, timm_files.save_checkpoint(run, course.epoch, course.state()))


def finish(run: Run, course: Course, test: Side) -> None:
    """The test side is looked at here, once, with the weights that validation chose."""
    course.model.load_state_dict(course.best)
    header = timm_files.about(run)
    marks = examine(course.model, test, course.device, run.whole("batch"), run.job.classes) if test.entries else None
    model = timm_files.save_model(run, course.best)
    run.report.say(
        "result",
        metrics=marks.as_metrics("test") if marks else {},
        per_class=scores.per_class(run.job.classes, marks.rows) if marks else [],
        confusion_matrix={"classes": list(run.job.classes), "rows": marks.rows} if marks else None,
        model=model.as_json(),
        picture=answers.picture(run, lambda image: look(course.model, header, image)),
        best_epoch=course.best_epoch,
    )


def predict(question: Question, model: Path) -> Answer:
    device = devices.choose(question.device, question.threads)
    header, network = timm_files.open_model(model)
    network.to(device.kind)
    seen = [look(network, header, open_image(Path(image), image)) for image in question.images]
    return Answer("classification", header.classes, seen)


def look(model: torch.nn.Module, header: timm_files.About, image: Image) -> list[Found]:
    """Every class, the likeliest first."""
    device = next(model.parameters()).device
    pixels = timm_data.as_tensor(image, header.image_size)[None].to(device)
    with torch.inference_mode():
        chances = model.eval()(timm_data.normal(pixels)).softmax(1)[0].tolist()
    return sorted(map(Found, header.classes, chances), key=lambda found: -found.score)
