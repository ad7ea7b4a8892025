"""The layers are as drawn, and each rule about them does catch what breaks it."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
TOLD: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
PACKAGES: list[str] = TOLD["importlinter"]["root_packages"]
RULES: list[dict[str, Any]] = TOLD["importlinter"]["contracts"]
LINT = Path(sys.prefix) / "bin" / "lint-imports"


def lint(tree: Path) -> str:
    done = subprocess.run([LINT, "--no-cache"], cwd=tree, capture_output=True, text=True, timeout=60, check=False)
    assert ("0 broken" in done.stdout) is (done.returncode == 0), done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / "pyproject.toml", tree)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    return tree


def test_the_layers_are_as_drawn() -> None:
    assert "0 broken" in lint(ROOT)


@pytest.mark.parametrize(
    ("package", "imported", "rule"),
    [
        ("domain", "commands", "Dependencies point inwards"),
        ("commands", "projections", "Dependencies point inwards"),
        ("projections", "infra", "Dependencies point inwards"),
        ("infra", "consumers", "Dependencies point inwards"),
        ("api", "consumers", "Dependencies point inwards"),
        ("cli", "api", "Dependencies point inwards"),
        ("commands", "sqlalchemy", "Rules know no technology"),
        ("domain", "nats", "Rules know no technology"),
        ("projections", "psycopg", "Read models are pure folds"),
        ("consumers", "trainers", "Nothing but trainers loads training frameworks"),
        ("infra", "torch", "Nothing but trainers loads training frameworks"),
        ("trainers", "domain", "Trainers stand alone"),
        ("verifier", "domain", "The verifier stands alone"),
        ("verifier", "typer", "The verifier stands alone"),
    ],
)
def test_an_import_against_the_layers_is_caught(copy: Path, package: str, imported: str, rule: str) -> None:
    planted = copy / package / "planted.py"
    planted.write_text(f"import {imported}\n")
    try:
        assert f"{rule} BROKEN" in lint(copy)
    finally:
        planted.unlink()


def test_two_modules_that_import_each_other_are_caught(copy: Path) -> None:
    pair = {copy / "infra" / "hen.py": "import infra.egg\n", copy / "infra" / "egg.py": "import infra.hen\n"}
    for planted, line in pair.items():
        planted.write_text(line)
    try:
        assert "No circles BROKEN" in lint(copy)
    finally:
        for planted in pair:
            planted.unlink()


def test_every_package_stands_under_a_rule() -> None:
    """Which says what it may import: who comes new has none, until somebody draws where it belongs."""
    layers = {package for rule in RULES for layer in rule.get("layers", ()) for package in layer.split(" | ")}
    alone = {
        package
        for rule in RULES
        if set(rule.get("forbidden_modules", ())) >= layers
        for package in rule["source_modules"]
    }
    assert layers | alone == set(PACKAGES)
    assert layers.isdisjoint(alone)


def test_every_package_is_shipped_and_has_its_types_checked() -> None:
    shipped = TOLD["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(shipped) == sorted(PACKAGES)
    assert set(PACKAGES) <= set(TOLD["mypy"]["files"])
