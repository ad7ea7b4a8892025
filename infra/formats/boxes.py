"""From the edges that a file gives to the box that is kept: inside the image, with an area, in six decimals."""

from math import isfinite
from typing import Final

TOLERANCE: Final = 0.01  # of the image: rounding, or an edge counted from 1; further outside, the label is wrong
ROUNDING: Final = 1e-6
Edges = tuple[float, float, float, float]


def fault(edges: Edges) -> str | None:
    """Why this box (relative to its image) cannot be kept, or None."""
    left, top, right, bottom = edges
    if not all(map(isfinite, edges)):
        return "has a coordinate that is not a number"
    if min(left, top) < -TOLERANCE or max(right, bottom) > 1 + TOLERANCE:
        return "reaches outside the image"
    if left >= right or top >= bottom or "0.000000" in _extent(clipped(edges)):
        return "has no area"
    return None


def is_clipped(edges: Edges) -> bool:
    return min(edges) < -ROUNDING or max(edges) > 1 + ROUNDING


def clipped(edges: Edges) -> Edges:
    left, top, right, bottom = (min(max(0.0, edge), 1.0) for edge in edges)
    return left, top, right, bottom


def box(edges: Edges) -> tuple[str, str, str, str]:
    left, top, right, bottom = inside = clipped(edges)
    return _six((left + right) / 2), _six((top + bottom) / 2), *_extent(inside)


def _extent(edges: Edges) -> tuple[str, str]:
    return _six(edges[2] - edges[0]), _six(edges[3] - edges[1])


def relative(edges: Edges, size: tuple[int, int]) -> Edges:
    width, height = size
    return edges[0] / width, edges[1] / height, edges[2] / width, edges[3] / height


def _six(value: float) -> str:
    return f"{value:.6f}"
