"""Whatever has become of a dataset or a project, each operation on it answers as its description says."""

import re
from collections.abc import Callable, Iterator
from typing import Final
from uuid import uuid4

import pytest
from fastapi import FastAPI

from tests.api.folders import filled
from tests.api.visitor import PREFIX, Visitor

# What brings a thing into another state is asked where that is looked at.
TURNING: Final = re.compile(r"(\{\w+\}|/(purge|undelete|archive|restore))$")


def kept(admin: Visitor, thing: str) -> None:
    admin.get(thing)


def archived(admin: Visitor, thing: str) -> None:
    admin.post(f"{thing}/archive")


def deleted(admin: Visitor, thing: str) -> None:
    assert admin("DELETE", thing).is_success


def purged(admin: Visitor, thing: str) -> None:
    deleted(admin, thing)
    admin.post(f"{thing}/purge", {"name": admin.get(thing)["name"]})


def begun(admin: Visitor) -> dict[str, str]:
    dataset = filled(admin)
    return {"dataset_id": dataset, "upload_id": admin.post(f"/datasets/{dataset}/uploads")["id"]}


def founded(admin: Visitor) -> dict[str, str]:
    return {"project_id": admin.post("/projects", {"name": f"P {uuid4()}"})["id"]}


@pytest.mark.parametrize(
    ("begin", "become"),
    [(begun, kept), (begun, deleted), (begun, purged)]
    + [(founded, each) for each in (kept, archived, deleted, purged)],
)
def test_every_operation_on_it_answers_what_is_documented(
    founder: Callable[[], Visitor], begin: Callable[[Visitor], dict[str, str]], become: Callable[[Visitor, str], None]
) -> None:
    admin = founder()
    ids = begin(admin)
    name, id = next(iter(ids.items()))
    become(admin, f"/{name.removesuffix('_id')}s/{id}")
    asked = 0
    for method, path in about(admin, name):
        filled_in = re.sub(r"\{(\w+)\}", lambda part: ids.get(part[1]) or str(uuid4()), path)
        answer = admin(method, filled_in, None if method in ("GET", "DELETE") else {})
        assert answer.status_code < 500, (method, path, answer.text)
        asked += 1
    assert asked >= 8


def about(admin: Visitor, name: str) -> Iterator[tuple[str, str]]:
    app = admin.client.app
    assert isinstance(app, FastAPI)
    for path, operations in app.openapi()["paths"].items():
        for method in map(str.upper, operations):
            if f"{{{name}}}" in path and (method == "GET" or not TURNING.search(path)):
                yield method, path.removeprefix(PREFIX)
