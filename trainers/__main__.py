"""python -m trainers FRAMEWORK job.json | --models | --predict question.json"""

import argparse
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import cast

from trainers import answers, files, process, registry
from trainers.base import Run, Trainer
from trainers.entries import read_entries
from trainers.environment import gpus
from trainers.failures import understand
from trainers.job import Shipped, read_job, read_question
from trainers.reporting import Reporter


def main(arguments: Sequence[str]) -> int:
    asked = arguments_of(arguments)
    process.end_on_signals()
    process.die_with_parent(asked.parent)
    report = Reporter(process.take_stdout())
    try:
        run(asked, report)
    except Exception as error:
        traceback.print_exc()
        failure = understand(error)
        report.say("failed", reason=failure.reason, message=str(failure))
        return failure.exit_code
    return 0


def arguments_of(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m trainers", description="Train a model as a job file says.")
    parser.add_argument("framework")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("job", nargs="?", type=Path, help="a job file: train")
    what.add_argument("--models", action="store_true", help="print what the framework can train")
    what.add_argument("--predict", type=Path, metavar="QUESTION", help="ask a trained model about images")
    parser.add_argument("--parent", type=int, default=os.getppid(), help="the process to end with")
    return parser.parse_args(arguments)


def run(asked: argparse.Namespace, report: Reporter) -> None:
    known = registry.models(asked.framework)
    if asked.models:
        report.say("models", framework=asked.framework, models=[model.as_json() for model in known], gpus=gpus())
    elif asked.predict:
        predict(asked.framework, asked.predict, report)
    else:
        train(asked.framework, asked.job, report)


def train(framework: str, path: Path, report: Reporter) -> None:
    job = read_job(path)
    model = registry.find(framework, job.model, job.task)
    parameters = model.resolve(job.parameters, job.seed)
    entries = read_entries(job)
    files.verify(job, entries)
    process.confine(job.folder / "cache", job.threads)
    load(framework).train(Run(job, model, parameters, entries, report))


def predict(framework: str, path: Path, report: Reporter) -> None:
    question = read_question(path)
    files.verify_shipped(Shipped(question.model, question.sha256), "model")
    with tempfile.TemporaryDirectory() as folder:
        process.confine(Path(folder), question.threads)
        trainer = load(framework)
        model = Path(folder, f"model{trainer.SUFFIX}")
        files.link(Path(question.model).absolute(), model)
        report.say("predictions", **answers.described(question, trainer.predict(question, model)))


def load(framework: str) -> Trainer:
    return cast(Trainer, import_module(f"trainers.{framework}"))


if __name__ == "__main__":
    process.leave(main(sys.argv[1:]))
