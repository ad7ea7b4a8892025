"""The whole way on the real parts, as a newcomer walks it; one epoch on few images, so the figures mean nothing."""

import hashlib
import json
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from tests.e2e.running import left_of, up, vistory
from tests.servers import data_folder

pytestmark = [pytest.mark.slow, pytest.mark.connected]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with data_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def demo(folder: Path) -> "subprocess.CompletedProcess[str]":
    return vistory("demo", "--data", str(folder / "demo"), "--epochs", "1", "--images", "120", home=folder / "home")


@pytest.mark.timeout(300)
def test_the_demo_goes_from_nothing_to_a_model_and_back_through_its_history(
    demo: "subprocess.CompletedProcess[str]",
) -> None:
    assert demo.returncode == 0, demo.stdout + demo.stderr
    for said in (
        "waited for approval",
        "split as it came (manual)",
        "epoch 1/1",
        "mAP50",
        "accuracy",
        "MLflow run",
        "its lineage, in one call",
        "the chain holds from the first event",
        "the stream on the bus is the ledger",
        "every read model, built anew beside the live one, is equal",
    ):
        assert said in demo.stdout


@pytest.mark.timeout(180)
def test_what_the_demo_left_is_there_again_and_ctrl_c_leaves_no_process(
    demo: "subprocess.CompletedProcess[str]", folder: Path
) -> None:
    data, home = folder / "demo", folder / "home"
    with up(data, home) as running:
        told = json.loads(running.first_line())
        second = vistory("up", "--data", str(data), home=home)
        assert second.returncode == 75
        assert "already" in second.stderr

        signed_in = ("--api", told["api"], "--password-file", told["password_file"])
        assert vistory("login", told["email"], *signed_in, home=home).returncode == 0
        assert len(asked("dataset", "list", home=home)) == 2
        assert_a_person_gets_a_model_by_names(home, folder / "mine.pt")
        verified = vistory("replay", "verify", "--data", str(data), "--json", home=home)
        assert json.loads(verified.stdout)["events"] > 0

        family = running.family()
        assert len(family) >= 10
        assert running.interrupt() < 10
    assert left_of(family) == []


def assert_a_person_gets_a_model_by_names(home: Path, file: Path) -> None:
    asked("project", "create", "Cracks", home=home)
    assert any(each["framework"] == "timm" for each in asked("model", "trainable", home=home))
    (classified,) = [each["name"] for each in asked("dataset", "list", home=home) if each["task"] == "classification"]
    names = ("--dataset", classified, "--project", "Cracks", "--set", "epochs=1", "--device", "cpu")
    followed = vistory("train", "timm", "test_resnet", *names, "--follow", home=home)
    assert followed.stdout.splitlines()[-3] == "completed", followed.stdout + followed.stderr
    model = asked("model", "list", home=home)[0]
    command, *words = shlex.split(followed.stdout.splitlines()[-1])
    assert (which(command) is not None, words) == (True, ["predict", model["id"], "IMAGE"])
    shown = asked("model", "show", model["id"][:20], home=home)
    assert (shown["project"]["name"], len(shown["report"]["per_class"])) == ("Cracks", 10)
    asked("model", "download", model["id"], str(file), home=home)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == model["sha256"]
    assert "is there already" in vistory("model", "download", model["id"], str(file), home=home).stderr


def asked(*words: str, home: Path) -> Any:
    done = vistory(*words, "--json", home=home)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_password_is_in_a_file_for_its_owner_alone(demo: "subprocess.CompletedProcess[str]", folder: Path) -> None:
    secrets = list((folder / "demo" / "secrets").iterdir())
    assert "account" in {file.name for file in secrets}
    assert {file.stat().st_mode & 0o777 for file in secrets} == {0o600}
    assert all(file.read_text() not in demo.stdout for file in secrets if not file.suffix and file.name != "pepper")
