"""Step 3: folders of labelled images go in by the same door as any user's folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cli.push import analyze, folder_of, left_out, push
from cli.tour import Tour
from cli.tour.sources import Source

LAYOUTS = {"yolo": "YOLO", "pascal_voc": "Pascal VOC", "imagefolder": "ImageFolder"}


@dataclass(frozen=True)
class Brought:
    """A dataset, and where it comes from."""

    id: str
    source: Source
    content: Mapping[str, Any]

    @property
    def task(self) -> str:
        return str(self.content["task"])


def bring(tour: Tour, source: Source) -> Brought:
    name, folder = source.name, folder_of(source.folder)
    seen = analyze(folder)
    tour.stage.done(
        f"{name}: {LAYOUTS[seen['layout']]} found by itself, for {seen['task']}, in {len(folder.files)} files"
    )
    dataset = tour.api.post("/datasets", name=name)["id"]
    with tour.stage.bars() as bars:
        answer = push(tour.api, dataset, folder, advance=lambda done, total: bars.set(name, done / total, "uploaded"))
    tell(tour, answer)
    if not answer["split"]:
        answer["split"] = split(tour, dataset)
    return Brought(dataset, source, answer["content"])


def tell(tour: Tour, answer: Mapping[str, Any]) -> None:
    content, report = answer["content"], answer["report"]
    tour.stage.done(
        f"revision {answer['revision']}: {content['images']:,} images, {content['annotations']:,} annotations, "
        f"{len(content['classes'])} classes"
    )
    for dropped in report["dropped"][:5]:
        tour.stage.say(left_out(dropped))
    if answer["split"]:
        tour.stage.done(f"split as it came ({answer['split']['method']}): {sides(answer['split'])}")


def split(tour: Tour, dataset: str) -> Any:
    ratios = {"train": 0.6, "val": 0.2, "test": 0.2}
    made = tour.api.post(f"/datasets/{dataset}/split", method="stratified", ratios=ratios, seed=0)["split"]
    tour.stage.done(f"no split came with it; stratified: {sides(made)}")
    return made


def sides(split: Mapping[str, Any]) -> str:
    return ", ".join(f"{split[side]:,} {side}" for side in ("train", "val", "test"))
