"""How a training ends that does not end well: a reason, an exit code, and nobody left behind."""

import hashlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.trainers.conftest import Finished
from tests.trainers.guests import MATERIAL, ROOT, coloured, failure, python_of, shaped, training

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
Finish = Callable[[str], Finished]
ENDLESS = {"epochs": 10_000, "batch": 10, "image_size": 32}
CASES = [("ultralytics", "detection", "tiny-detector"), ("timm", "classification", "test_resnet")]
each_framework = pytest.mark.parametrize(("framework", "task", "model"), CASES, ids=[case[0] for case in CASES])


def test_a_loss_that_is_lost_is_shown_as_such(tmp_path: Path) -> None:
    job = coloured(tmp_path / "material").job(tmp_path / "output", "test_resnet", ENDLESS | {"learning_rate": 1000.0})
    code, line = failure("timm", job)
    assert (code, line["reason"]) == (5, "code_error")
    assert line["message"] == "the loss was nan for 3 epochs; try a smaller learning_rate"


def test_a_loss_that_was_never_a_number_is_shown_as_such(finished: Finish, tmp_path: Path) -> None:
    """From starting weights that an earlier training ruined."""
    ruined = ruin(Path(finished("tiny-detector").result["model"]["path"]), tmp_path / "ruined.pt")
    weights = {"path": str(ruined), "sha256": hashlib.sha256(ruined.read_bytes()).hexdigest()}
    job = shaped(tmp_path / "material").job(tmp_path / "output", "tiny-detector", ENDLESS, weights=weights)
    with training("ultralytics", job) as started:
        metrics = started.until("epoch")["metrics"]
        assert started.all("batch")[0]["metrics"]["train/cls_loss"] == "NaN"
    assert metrics["train/cls_loss"] == "NaN"


def ruin(model: Path, target: Path) -> Path:
    script = (
        "import sys, torch; whole = torch.load(sys.argv[1], weights_only=False);"
        "[weight.data.fill_(float('nan')) for weight in whole['model'].parameters()]; torch.save(whole, sys.argv[2])"
    )
    subprocess.run([python_of("ultralytics"), "-c", script, model, target], check=True)
    return target


@each_framework
def test_a_request_to_end_is_obeyed_at_once(framework: str, task: str, model: str, tmp_path: Path) -> None:
    material = MATERIAL[task](tmp_path / "material")
    with training(framework, material.job(tmp_path / "output", model, ENDLESS)) as started:
        started.until("epoch")
        asked = time.monotonic()
        assert started.end(signal.SIGTERM) == 143
    assert time.monotonic() - asked < 2


def test_a_training_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    """However early that is killed."""
    job = coloured(tmp_path / "material").job(tmp_path / "output", "test_resnet", ENDLESS)
    command: list[str | Path] = [sys.executable, "-c", STARTER, python_of("timm"), "-m", "trainers", "timm", job]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    psutil.wait_procs([child], timeout=30)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


STARTER = """
import os, subprocess, sys
child = subprocess.Popen([*sys.argv[1:], "--parent", str(os.getpid())], stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
child.wait()
"""


def test_a_training_whose_parent_is_already_gone_does_not_begin(tmp_path: Path) -> None:
    job = coloured(tmp_path / "material").job(tmp_path / "output", "test_resnet", ENDLESS)
    command: list[str | Path] = [python_of("timm"), "-m", "trainers", "timm", job, "--parent", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (143, b"")


@each_framework
def test_a_training_without_memory_says_so(framework: str, task: str, model: str, tmp_path: Path) -> None:
    material = MATERIAL[task](tmp_path / "material")
    with training(framework, material.job(tmp_path / "output", model, ENDLESS | {"image_size": 1024})) as started:
        started.until("started")
        used = psutil.Process(started.process.pid).memory_info().vms
        resource.prlimit(started.process.pid, resource.RLIMIT_AS, (used + 2**26, used + 2**26))
        code = started.finish()
    assert (code, started.said[-1]["reason"]) == (4, "out_of_memory")


def test_ultralytics_does_not_go_on_with_a_smaller_batch_than_was_asked_for(tmp_path: Path) -> None:
    """As it would after a CUDA device ran out of memory for the first time."""
    (tmp_path / "sitecustomize.py").write_text(FULL_ONCE)
    job = shaped(tmp_path / "material").job(tmp_path / "output", "tiny-detector", ENDLESS | {"epochs": 1})
    with training("ultralytics", job, {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)}) as started:
        code = started.finish()
    assert (code, started.said[-1]["reason"]) == (4, "out_of_memory")


FULL_ONCE = """
import torch
backward = torch.Tensor.backward
def full(*args, **kwargs):
    torch.Tensor.backward = backward
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
torch.Tensor.backward = full
"""


@each_framework
def test_a_device_that_this_machine_has_not_is_no_fault_of_the_training(
    framework: str, task: str, model: str, tmp_path: Path
) -> None:
    job = MATERIAL[task](tmp_path / "material").job(tmp_path / "output", model, ENDLESS, device="cuda")
    with training(framework, job, {"PATH": os.environ["PATH"], "CUDA_VISIBLE_DEVICES": ""}) as started:
        code = started.finish()
    assert (code, started.said[-1]["reason"]) == (6, "infrastructure")
    assert "CUDA" in started.said[-1]["message"]


@each_framework
def test_a_picture_that_is_not_whole_is_named(framework: str, task: str, model: str, tmp_path: Path) -> None:
    """Its hash is right: so it came."""
    material = MATERIAL[task](tmp_path / "material")
    entry = material.entries[3]
    torn = (material.blobs / entry["sha256"]).read_bytes()[:200]
    material.entries.remove(entry)
    material.add_bytes("torn/half.png", "train", torn, entry["annotations"])
    code, line = failure(framework, material.job(tmp_path / "output", model, ENDLESS))
    assert (code, line["reason"]) == (3, "data_error")
    assert line["message"].startswith("torn/half.png cannot be decoded: ")


def test_a_picture_that_ultralytics_would_leave_out_in_silence_ends_the_training(tmp_path: Path) -> None:
    material = shaped(tmp_path / "material")
    material.entries[3]["annotations"] = [{"class": 0, "box": ["1.500000", "0.5", "0.1", "0.1"]}]
    code, line = failure("ultralytics", material.job(tmp_path / "output", "tiny-detector", ENDLESS))
    assert (code, line["reason"]) == (3, "data_error")
    assert "took 24 of the 25 images on the train side" in line["message"]
