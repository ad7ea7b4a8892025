"""Every answer of the API to somebody: each GET that it describes, about everything that is there, page after page."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cli.client import Api, Problem
from infra.names import PREFIX

DESCRIPTION: Final = Path(__file__).parents[2] / "docs" / "openapi.json"
# What is told to whoever shows a link, to workers, and while an upload is open: no list leads there. An export is an
# object.
ELSEWHERE: Final = {
    "/users/me/export",
    "/invitations/{token}/info",
    "/training-jobs/{job_id}/attempts/{attempt}",
    "/training-jobs/{job_id}/attempts/{attempt}/entries",
    "/datasets/{dataset_id}/uploads/{upload_id}/analysis",
}
# By what an address is filled, where it names these.
KINDS: Final = {
    ("type", "id"): "entity",
    ("person_id",): "person",
    ("project_id",): "project",
    ("dataset_id",): "dataset",
    ("experiment_id",): "experiment",
    ("job_id",): "job",
    ("experiment_id", "job_id"): "job",
    ("model_id",): "model",
    ("id",): "service",
}
Words = Mapping[str, str]
Known = Mapping[str, list[Words]]


def described() -> dict[str, Any]:
    paths = json.loads(DESCRIPTION.read_text())["paths"].items()
    ours = {path.removeprefix(PREFIX): ways["get"] for path, ways in paths if path.startswith(PREFIX) and "get" in ways}
    return {path: asked for path, asked in ours.items() if path not in ELSEWHERE}


@dataclass
class Answers:
    """`given` are the paths that were answered, by their templates, and not refused."""

    api: Api
    known: Known
    given: set[str] = field(default_factory=set)

    def every(self) -> Iterator[tuple[str, bytes]]:
        """By the template that each was asked by; what is refused is an answer too."""
        for template, asked in described().items():
            for words in self._named(template):
                for wish in wishes(asked):
                    path = template.format_map(words)
                    more = {name: word for name, word in words.items() if f"{{{name}}}" not in template}
                    yield template, self._whole(template, path, more | wish)

    def _whole(self, template: str, path: str, query: dict[str, Any]) -> bytes:
        pages: list[Any] = []
        while not pages or (isinstance(pages[-1], dict) and pages[-1].get("items") and pages[-1].get("next")):
            after = {"after": pages[-1]["next"]} if pages else {}
            try:
                pages.append(self.api.get(path, **query, **after))
            except Problem as refused:
                return json.dumps([*pages, refused.document], ensure_ascii=False).encode()
        self.given.add(template)
        return json.dumps(pages, ensure_ascii=False).encode()

    def _named(self, template: str) -> list[Words]:
        """Everything that is there by which its braces, and what it must be asked with, can be filled."""
        if template == "/datasets/compare":
            return [
                {"dataset_a": each["dataset_id"], "dataset_b": each["dataset_id"]} for each in self.known["dataset"]
            ]
        if template == "/permissions/explain":
            return [{"action": "rename_project", "target": each["project_id"]} for each in self.known["project"]]
        if template.endswith("/runs/compare"):
            return [{"experiment_id": each["experiment_id"], "run": each["job_id"]} for each in self.known["job"]]
        named = tuple(re.findall(r"{(\w+)}", template))
        return self.known[KINDS[named]] if named else [{}]


def known_to(admin: Api) -> Known:
    """What there is of each kind, and was: the audit log names also what was deleted, and whoever is gone."""
    kinds = ("person", "project", "dataset", "experiment")
    entries = admin.pages("/audit/organization", noisy=True, limit=500)
    log = {(str(each["entity_type"]), str(each["entity_id"])) for each in entries}
    jobs = list(admin.pages("/training-jobs"))
    return {
        "entity": [{"type": type, "id": id} for type, id in sorted(log)],
        **{kind: [{f"{kind}_id": id} for type, id in log if type == kind] for kind in kinds},
        "job": [{"job_id": str(each["id"]), "experiment_id": str(each["experiment_id"])} for each in jobs],
        "model": [{"model_id": str(each["id"])} for each in admin.pages("/models")],
        "service": [{"id": id} for type, id in log if type == "service_account"],
    }


def wishes(asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """As it is, and with each thing that may be asked for besides: what is archived, deleted, waiting, of everybody."""
    yes = [each["name"] for each in asked.get("parameters", ()) if each["schema"].get("type") == "boolean"]
    return [{}, *({name: True} for name in yes)]
