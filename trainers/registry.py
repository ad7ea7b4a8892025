"""What a framework can train, declared in models/<framework>.toml: models, their parameters, defaults and limits."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trainers.failures import data_error
from trainers.job import Task

Value = int | float | bool | str
MODELS = Path(__file__).parent / "models"
TYPES: Mapping[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "string": (str,),
}


@dataclass(frozen=True)
class Parameter:
    name: str
    type: str
    description: str
    default: Value
    min: float | None = None
    max: float | None = None
    choices: tuple[str, ...] | None = None

    def check(self, value: Any) -> Value:
        if type(value) not in TYPES[self.type]:
            raise data_error(f"parameter {self.name} must be {a(self.type)}, not {value!r}")
        if self.choices is not None and value not in self.choices:
            raise data_error(f"parameter {self.name} must be one of {', '.join(self.choices)}, not {value!r}")
        if self.type in ("integer", "number"):
            self.check_limits(value)
        return value if self.type != "number" else float(value)

    def check_limits(self, value: float) -> None:
        low = -math.inf if self.min is None else self.min
        high = math.inf if self.max is None else self.max
        if not low <= value <= high:
            raise data_error(f"parameter {self.name} must be between {self.min} and {self.max}, not {value}")


@dataclass(frozen=True)
class Model:
    name: str
    task: Task
    description: str
    metric: str
    source: str
    parameters: tuple[Parameter, ...]

    def resolve(self, given: Mapping[str, Any], seed: int) -> dict[str, Value]:
        """Every parameter with its value: what was given, checked, over the defaults."""
        known = {parameter.name: parameter for parameter in self.parameters}
        if unknown := sorted(given.keys() - known.keys()):
            raise data_error(f"model {self.name} has no parameter {unknown[0]!r}; it has {', '.join(known)}")
        wanted = {name: parameter.default for name, parameter in known.items()} | {"seed": seed} | dict(given)
        return {name: known[name].check(value) for name, value in wanted.items()}

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "source"}


def a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def frameworks() -> list[str]:
    return sorted(file.stem for file in MODELS.glob("*.toml"))


def models(framework: str) -> list[Model]:
    if framework not in frameworks():
        raise data_error(f"there is no framework {framework!r}; there are {', '.join(frameworks())}")
    declared = tomllib.loads((MODELS / f"{framework}.toml").read_text())
    return [declare(model, declared["parameters"][model["task"]]) for model in declared["models"]]


def declare(model: dict[str, Any], parameters: dict[str, dict[str, Any]]) -> Model:
    defaults = model.pop("defaults", {})
    return Model(
        **model,
        parameters=tuple(parameter(name, fields | override(defaults, name)) for name, fields in parameters.items()),
    )


def override(defaults: Mapping[str, Value], name: str) -> dict[str, Value]:
    return {"default": defaults[name]} if name in defaults else {}


def parameter(name: str, fields: dict[str, Any]) -> Parameter:
    choices = fields.pop("choices", None)
    return Parameter(name=name, choices=tuple(choices) if choices else None, **fields)


def find(framework: str, name: str, task: Task) -> Model:
    found = {model.name: model for model in models(framework)}
    if name not in found:
        raise data_error(f"{framework} has no model {name!r}; it has {', '.join(found)}")
    if found[name].task != task:
        raise data_error(f"model {name} is for {found[name].task}, not for {task}")
    return found[name]
