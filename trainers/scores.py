"""Scores of a classification, from what was true and what was said."""

from collections.abc import Iterable, Sequence
from typing import Any

Rows = list[list[int]]


def confusion(pairs: Iterable[tuple[int, int]], classes: int) -> Rows:
    """A row for each true class, a column for each predicted one."""
    rows = [[0] * classes for _ in range(classes)]
    for true, predicted in pairs:
        rows[true][predicted] += 1
    return rows


def accuracy(rows: Rows) -> float:
    return share(sum(row[i] for i, row in enumerate(rows)), sum(map(sum, rows)))


def per_class(classes: Sequence[str], rows: Rows) -> list[dict[str, Any]]:
    """Precision and recall of every class; a class without images on this side has neither."""
    return [class_scores(name, rows, i) for i, name in enumerate(classes)]


def class_scores(name: str, rows: Rows, i: int) -> dict[str, Any]:
    images, said = sum(rows[i]), sum(row[i] for row in rows)
    if not images:
        return {"class": name, "images": 0}
    return {
        "class": name,
        "images": images,
        "precision": share(rows[i][i], said),
        "recall": share(rows[i][i], images),
    }


def share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
