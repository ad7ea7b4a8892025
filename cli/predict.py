"""Asks a trained model about an image: the file is fetched, its hash is checked, its framework answers."""

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from itertools import chain
from math import floor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.exits import Exit, Stop
from cli.files import must_have_a_folder, named_file
from cli.kept import home
from cli.named import id_of, short
from cli.output import Json, amount, busy, show
from cli.session import Address, signed_in

if TYPE_CHECKING:
    from cli.client import Api

app = typer.Typer()
UNLIKELY = 0.001
Image = Annotated[Path, typer.Argument(help="A picture.", exists=True, dir_okay=False)]
Picture = Annotated[Path | None, typer.Option(help="Draw what it sees into this file (PNG).")]
Confidence = Annotated[float, typer.Option(help="How confident it must be for a finding to be shown.", min=0, max=1)]


@app.command(epilog="Example: vistory predict 0198c0de-4c5b photo.jpg --picture seen.png")
def predict(
    model: Annotated[str, typer.Argument(help="Id of the model, or the beginning of it.")],
    image: Image,
    picture: Picture = None,
    confidence: Confidence = 0.25,
    api: Address = None,
    as_json: Json = False,
) -> None:
    """Ask a trained model what it sees in a picture."""
    must_have_a_folder(picture)
    with signed_in(api) as door:
        about = door.get(f"/models/{id_of(door, 'model', model)}")
        busy(f"fetching model {short(about['id'])}, {amount(about['size'])}")
        file = fetch(door, about, home() / "models")
    busy(f"loading {about['framework']}, which takes some seconds")
    answer = ask(about["framework"], file, about["sha256"], image, picture, confidence)
    if confidence > UNLIKELY and not any(map(found, answer["predictions"])):
        busy("looking again, less sure")
        unsure = ask(about["framework"], file, about["sha256"], image, confidence=UNLIKELY)
        answer["below"] = max(chain.from_iterable(map(found, unsure["predictions"])), key=score, default=None)
    show(answer, as_json, lambda: words(answer))


def fetch(door: "Api", about: Mapping[str, Any], folder: Path) -> Path:
    """The model's file, kept by its hash; what was kept is checked like what comes."""
    file = folder / str(about["sha256"])
    with named_file():
        kept = file.exists() and hash_of(file.read_bytes()) == about["sha256"]
    if not kept:
        content = fetched(door, about)
        with named_file():
            folder.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    return file


def fetched(door: "Api", about: Mapping[str, Any]) -> bytes:
    content = door.download(address(about, "url"))
    if hash_of(content) != about["sha256"]:
        raise Stop(f"the model's file does not have the hash {about['sha256']}", Exit.NOT_VERIFIED)
    return content


def address(model: Mapping[str, Any], name: str) -> str:
    """Where a file of it can be had. Raises Stop where the model was purged."""
    if model[name] is None:
        raise Stop(f"model {model['id']} was purged with its project; nothing but its history is left")
    return str(model[name])


def hash_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def ask(
    framework: str, model: Path, sha256: str, image: Path, picture: Path | None = None, confidence: float = 0.25
) -> dict[str, Any]:
    """In the framework's own environment, which is no part of this process."""
    with tempfile.TemporaryDirectory() as folder:
        question = {"model": str(model), "sha256": sha256, "images": [str(image.absolute())], "confidence": confidence}
        drawn = Path(folder, "drawn")
        Path(folder, "question.json").write_text(json.dumps(question | {"output": str(drawn) if picture else None}))
        answer = answer_of(framework, Path(folder, "question.json"))
        for found in answer["pictures"]:
            with named_file():
                shutil.move(found["path"], picture or drawn)
            found["path"] = str(picture)
    return answer


def answer_of(framework: str, question: Path) -> dict[str, Any]:
    from infra.config import Settings
    from infra.cores import cores
    from infra.executors import environment, python_of

    python = python_of(Settings().environments.absolute(), framework)
    if not python.exists():
        raise Stop(f"{python} is missing; `make environments` sets it up")
    source = Path(__file__).parent.parent
    argv = [str(python), "-m", "trainers", framework, "--predict", str(question)]
    known = environment(question.parent, cores())
    done = subprocess.run(argv, cwd=source, env=known, capture_output=True, text=True, check=False)
    said = [json.loads(line) for line in done.stdout.splitlines() if line]
    for line in said:
        if line["kind"] == "predictions":
            return dict(line)
    raise Stop(next((line["message"] for line in said if line["kind"] == "failed"), done.stderr[-2000:]))


def words(answer: Mapping[str, Any]) -> str:
    lines = []
    for seen in answer["predictions"]:
        lines += [f"{one['class']}  {one['score']:.0%}{place(one)}" for one in found(seen)] or [nothing(answer)]
    return "\n".join([*lines, *(f"drawn into {picture['path']}" for picture in answer["pictures"])])


def found(seen: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(seen.get("boxes", seen.get("classes", [])[:3]))


def score(one: Mapping[str, Any]) -> float:
    return float(one["score"])


def nothing(answer: Mapping[str, Any]) -> str:
    """What is seen is a question of how sure one must be."""
    if not (best := answer.get("below")):
        return "nothing"
    least = max(floor(best["score"] * 100) / 100, UNLIKELY)
    return f"nothing that it is sure of; the likeliest is {best['class']} at {best['score']:.1%}: --confidence {least}"


def place(found: Mapping[str, Any]) -> str:
    if "box" not in found:
        return ""
    x, y, width, height = found["box"]
    return f"  at {x:.2f}, {y:.2f}, {width:.2f} wide, {height:.2f} high"
