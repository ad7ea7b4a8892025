"""What a framework says that it can train."""

import subprocess
from pathlib import Path

import pytest

from tests.trainers.guests import ROOT, Line, python_of, refused
from trainers import registry
from trainers.failures import TrainingFailed

FRAMEWORKS = registry.frameworks()
ALL = [(framework, model) for framework in FRAMEWORKS for model in registry.models(framework)]
TYPES = {"integer": int, "number": float, "boolean": bool, "string": str}


def models(framework: str, log: Path) -> list[Line]:
    """Printed by a Python that has no framework at all: so none is imported."""
    code, said = refused(framework, "--models", log=log)
    assert (code, said["kind"], said["framework"]) == (0, "models", framework)
    listed: list[Line] = said["models"]
    return listed


def test_both_frameworks_are_found() -> None:
    assert FRAMEWORKS == ["timm", "ultralytics"]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_models_are_listed_with_every_parameter_its_type_default_and_limits(framework: str, tmp_path: Path) -> None:
    for model in models(framework, tmp_path / "log"):
        assert {"name", "task", "description", "metric", "parameters"} == model.keys()
        for parameter in model["parameters"]:
            assert {"name", "type", "description", "default", "min", "max", "choices"} == parameter.keys()
            assert type(parameter["default"]) is TYPES[parameter["type"]]


def test_the_defaults_of_the_small_detector_are_the_measured_recipe(tmp_path: Path) -> None:
    small = next(model for model in models("ultralytics", tmp_path / "log") if model["name"] == "tiny-detector")
    defaults = {parameter["name"]: parameter["default"] for parameter in small["parameters"]}
    assert defaults == defaults | {
        "epochs": 4,
        "batch": 16,
        "image_size": 96,
        "optimizer": "AdamW",
        "learning_rate": 0.006,
        "cosine": True,
        "warmup_epochs": 0.5,
        "mosaic": 0.0,
        "flip": 0.0,
        "scale": 0.2,
    }


@pytest.mark.parametrize(("framework", "model"), ALL, ids=[model.name for _, model in ALL])
def test_every_default_is_within_its_own_limits(framework: str, model: registry.Model) -> None:
    resolved = model.resolve({}, seed=5)
    assert resolved["seed"] == 5
    assert all(parameter.description for parameter in model.parameters)


@pytest.mark.parametrize(("framework", "model"), ALL, ids=[model.name for _, model in ALL])
def test_every_parameter_may_take_its_limits_and_nothing_beyond(framework: str, model: registry.Model) -> None:
    for parameter in model.parameters:
        for limit, beyond in ((parameter.min, -1), (parameter.max, 1)):
            if limit is not None:
                parameter.check(TYPES[parameter.type](limit))
                with pytest.raises(TrainingFailed):
                    parameter.check(TYPES[parameter.type](limit + beyond))


@pytest.mark.slow
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_framework_knows_every_declared_model_and_takes_every_declared_limit(framework: str) -> None:
    command: list[str | Path] = [python_of(framework), "-c", CHECKS[framework]]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


CHECKS = {
    "timm": """
import timm
from trainers import registry
for model in registry.models("timm"):
    timm.create_model(model.source, pretrained=False, num_classes=3)
""",
    "ultralytics": """
import os
os.environ["YOLO_OFFLINE"] = "true"
from pathlib import Path
from ultralytics import YOLO
from ultralytics.cfg import get_cfg
from trainers import registry
from trainers.base import Run
from trainers.yolo_settings import Settings
from trainers.yolo_training import recipe, source
for model in registry.models("ultralytics"):
    run = Run(None, model, model.resolve({}, 0), [], None)
    YOLO(source(run))
    for parameter in model.parameters:
        for value in (parameter.min, parameter.max, *(parameter.choices or ())):
            if value is not None:
                whole = parameter.type == "integer"
                limit = {parameter.name: int(value) if whole else value}
                changed = Run(None, model, model.resolve(limit, 0), [], None)
                get_cfg(overrides=recipe(changed, Settings("cpu", 96, Path("run"))))
""",
}


@pytest.mark.slow
def test_ultralytics_is_importable_in_its_own_environment_only() -> None:
    for python, importable in ((python_of("ultralytics"), True), (python_of("timm"), False), (Path("python3"), False)):
        find = "import sys; from importlib.util import find_spec; sys.exit(find_spec('ultralytics') is None)"
        done = subprocess.run([python, "-c", find], check=False, cwd="/")
        assert (done.returncode == 0) is importable
