"""Detection and classification with Ultralytics YOLO (AGPL-3.0: only ever in an environment of its own)."""

from pathlib import Path

import torch

from trainers import answers, devices, yolo_checkpoint, yolo_evaluation, yolo_model, yolo_offline
from trainers.base import Answer, Run
from trainers.images import open_image
from trainers.job import Question
from trainers.yolo_data import Layout, lay_out
from trainers.yolo_prediction import Looker
from trainers.yolo_settings import Settings, yolo_device
from trainers.yolo_training import train_epochs

SUFFIX = ".pt"
PACKAGES = ("torch", "torchvision", "ultralytics")
STRIDE = 32
CONFIDENCE = 0.25


def train(run: Run) -> None:
    yolo_offline.prepare()
    device = devices.choose(run.job.device, run.job.threads)
    image_size = -(-run.whole("image_size") // STRIDE) * STRIDE
    run.start(device.kind, device.name, PACKAGES, image_size=image_size)
    layout = lay_out(run)
    settings = Settings(yolo_device(device.kind), image_size, run.job.folder / "run")
    state = yolo_checkpoint.unpack(run, settings.weights)
    if state is None or not state.finished:
        state = train_epochs(run, layout, settings, state)
    finish(run, layout, settings, state)


def finish(run: Run, layout: Layout, settings: Settings, state: yolo_checkpoint.State) -> None:
    """The test side is looked at here, once, with the weights that validation chose."""
    torch.set_num_threads(run.job.threads)
    model = yolo_model.publish(settings.weights, run.job.folder / "model.pt")
    verdict = yolo_evaluation.examine(run, layout, settings, model.path)
    run.report.say(
        "result",
        metrics=verdict.metrics,
        per_class=verdict.per_class,
        confusion_matrix=verdict.confusion_matrix,
        model=model.as_json(),
        picture=answers.picture(run, Looker(model.path, CONFIDENCE, settings.device).look),
        best_epoch=state.best_epoch,
    )


def predict(question: Question, model: Path) -> Answer:
    yolo_offline.prepare()
    device = devices.choose(question.device, question.threads)
    looker = Looker(model, question.confidence, yolo_device(device.kind))
    return Answer(
        looker.task, looker.classes, [looker.look(open_image(Path(image), image)) for image in question.images]
    )
