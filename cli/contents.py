"""What a dataset holds and how it is split, in words and in a table of its classes."""

from collections.abc import Iterator, Mapping, Sequence
from shlex import quote
from typing import Any

from cli.hint import line
from cli.output import amount, moment, table

Facts = Mapping[str, Any]


def words(dataset: Facts, report: Facts | None, split: Facts | None, snapshots: Sequence[Facts]) -> str:
    return "\n".join(_lines(dataset, report, split, snapshots))


def _lines(dataset: Facts, report: Facts | None, split: Facts | None, snapshots: Sequence[Facts]) -> Iterator[str]:
    yield f"{dataset['name']}  {dataset['id']}"
    if dataset["description"]:
        yield dataset["description"]
    if report is None:
        yield "no images yet"
        return
    yield (
        f"revision {dataset['revision']}: {dataset['images']:,} images for {dataset['task']}, "
        f"{dataset['annotations']:,} annotations, {amount(dataset['bytes'])}"
    )
    yield how(split) if split else f"not split yet: {line('dataset', 'split', dataset['id'])}"
    yield from ("", classes(report["classes"], split["sides"] if split else (), report["task"] == "detection"))
    if snapshots:
        yield from (
            "",
            table(("snapshot", "images", "taken"), [(s["tag"], s["images"], moment(s["taken_at"])) for s in snapshots]),
        )


def sides(split: Facts) -> str:
    return ", ".join(f"{split[side]:,} {side}" for side in ("train", "val", "test") if split.get(side))


def how(split: Facts) -> str:
    """How a split came about."""
    counts = sides(split)
    if split["method"] == "manual":
        return f"split as it came with the data: {counts}"
    grouped = split["grouped"]
    return f"split ({split['method']}, seed {split['seed']}): {counts}" + (f"; {_grouped(grouped)}" if grouped else "")


def split_of_now(dataset: Facts) -> Facts | None:
    """One of an older revision says nothing about this one."""
    split: Facts | None = dataset["last_split"]
    return split if split and split["root"] == dataset["root"] else None


def replaced(dataset: Facts, made: Facts) -> str:
    """What a split that was made takes the place of; nothing where that is the same or of other images."""
    last = split_of_now(dataset)
    if last is None or last.items() <= made.items():
        return ""
    was = "that came with the data" if last["method"] == "manual" else "of before"
    return f"; it replaces the split {was} ({sides(last)}), which snapshots and trainings of before keep"


def after_push(made: Facts, before: Facts) -> str:
    """What became of the split."""
    split, last = made["split"], before["last_split"]
    name = before["name"]
    if split is None:
        of_before = f"the split of revision {before['revision']} does not fit this one; " if last else ""
        return f"{of_before}not split yet: {line('dataset', 'split', name)}"
    if last and last["method"] != "manual" and split["method"] == "manual":
        return f"{how(split)}; it replaces the one that was made ({last['method']}, seed {last['seed']})"
    return f"{how(split)}\n{trained(name)}"


def trained(name: str) -> str:
    """What is done next with a dataset that is split."""
    return f"`vistory train FRAMEWORK MODEL --dataset {quote(name)} --project PROJECT` trains on it"


def _grouped(grouped: Facts) -> str:
    rule = grouped["rule"]
    by = rule["pattern"] if rule["by"] == "pattern" else f"folder, level {rule['level']}"
    alone = f", {grouped['alone']:,} images in none" if grouped["alone"] else ""
    return f"{grouped['groups']:,} groups ({by}) kept together{alone}"


def classes(everything: Sequence[Facts], sides: Sequence[Facts], boxes: bool) -> str:
    """Images (and boxes, where there are some) of each class: in all, and on each side."""
    columns = [("all", everything), *((side["side"], side["classes"]) for side in sides)]
    kinds = ("images", "annotations") if boxes else ("images",)
    heads = [f"{name} {kind}" if boxes else name for name, _ in columns for kind in kinds]
    by_name = [{line["name"]: line for line in column} for _, column in columns]
    rows = ((line["name"], *(each[line["name"]][kind] for each in by_name for kind in kinds)) for line in everything)
    return table(("class", *heads), rows)


def compared(one: str, other: str, found: Facts) -> str:
    """What one has to become to be the other, in counts."""
    counts = (
        f"{found['added']:,} images only in {other}, {found['removed']:,} only in {one}; of those in both "
        f"{found['images_changed']:,} are other pictures and {found['annotations_changed']:,} are annotated otherwise"
    )
    rows = ((each["name"], each["before"], each["after"]) for each in found["classes"])
    return f"{counts}\n\n{table(('annotations', one, other), rows)}"
