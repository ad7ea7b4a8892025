"""What the trainers can train, as their services reported it: the port Trainers on `work.trainers`."""

import math
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool
from pydantic import Field, TypeAdapter

from domain.content import Task
from domain.errors import Invalid, Refused
from domain.paths import quoted
from domain.values import Finite, Line, Scalar, Slug, Text, Value

Given = Mapping[str, bool | int | float | str]


class NoTrainer(Refused):
    """No service of this framework has said yet what it can train."""


class Parameter(Value):
    name: Slug
    type: Literal["integer", "number", "boolean", "string"]
    description: Text = ""
    default: Scalar
    min: Finite | None = None
    max: Finite | None = None
    choices: Annotated[tuple[Line, ...], Field(max_length=200)] | None = None


class TrainableModel(Value):
    name: Slug
    task: Task
    description: Text = ""
    metric: Line
    parameters: Annotated[tuple[Parameter, ...], Field(max_length=200)]


Models = Annotated[tuple[TrainableModel, ...], Field(max_length=1_000)]
_MODELS: Final[TypeAdapter[tuple[TrainableModel, ...]]] = TypeAdapter(Models)
_TYPES: Final = {"integer": (int,), "number": (int, float), "boolean": (bool,), "string": (str,)}
_KINDS: Final = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "string": "text"}


class ReportedTrainers:
    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    def report(self, framework: str, models: tuple[TrainableModel, ...], gpus: int) -> None:
        with self._pool.connection() as connection:
            connection.execute(
                "INSERT INTO work.trainers (framework, models, gpus) VALUES (%s, %s, %s) ON CONFLICT (framework)"
                " DO UPDATE SET models = excluded.models, gpus = excluded.gpus, reported_at = now()",
                (framework, Jsonb(_MODELS.dump_python(models, mode="json")), gpus),
            )

    def have_gpus(self, framework: str) -> bool:
        with self._pool.connection() as connection:
            query = "SELECT gpus > 0 FROM work.trainers WHERE framework = %s"
            return connection.execute(query, (framework,)).fetchone() == (True,)

    def all(self) -> dict[str, tuple[TrainableModel, ...]]:
        with self._pool.connection() as connection:
            rows = connection.execute("SELECT framework, models FROM work.trainers ORDER BY framework").fetchall()
        return {framework: _MODELS.validate_python(models) for framework, models in rows}

    def check(self, framework: str, model: str, task: Task, parameters: Given) -> dict[str, bool | int | float | str]:
        """All parameters with defaults filled in. Raises Invalid and names what is allowed."""
        found = self._find(framework, model)
        if found.task is not task:
            raise Invalid(f"the model {model} is for {found.task}, and this dataset is for {task}")
        known = {parameter.name: parameter for parameter in found.parameters}
        if unknown := sorted(parameters.keys() - known.keys()):
            raise Invalid(f"{model} has no parameter {quoted(unknown[0])}; it has {', '.join(known)}")
        return {name: _checked(known[name], parameters.get(name, known[name].default)) for name in known}

    def _find(self, framework: str, model: str) -> TrainableModel:
        everything = self.all()
        if framework not in everything:
            raise NoTrainer(
                f"no trainer of {framework} has reported what it can train; "
                f"known are: {', '.join(everything) or 'none yet'}"
            )
        models = {each.name: each for each in everything[framework]}
        if model not in models:
            raise Invalid(f"{framework} has no model {quoted(model)}; it has {', '.join(models)}")
        return models[model]


def _checked(known: Parameter, value: bool | int | float | str) -> bool | int | float | str:
    if type(value) not in _TYPES[known.type]:
        raise Invalid(f"the parameter {known.name} must be {_KINDS[known.type]}, not {quoted(str(value))}")
    if known.choices is not None and value not in known.choices:
        raise Invalid(f"the parameter {known.name} must be one of {', '.join(known.choices)}")
    if not isinstance(value, str | bool):
        low = -math.inf if known.min is None else known.min
        high = math.inf if known.max is None else known.max
        if not low <= value <= high:
            raise Invalid(f"the parameter {known.name} must be {_bounds(known)}, not {value}")
    return float(value) if known.type == "number" else value


def _bounds(known: Parameter) -> str:
    """A whole number has whole ones."""
    low, high = (each if each is None or known.type == "number" else int(each) for each in (known.min, known.max))
    if low is None or high is None:
        return f"at most {high}" if low is None else f"at least {low}"
    return f"between {low} and {high}"
