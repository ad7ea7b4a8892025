"""What the soak calls growing: neither a cache that fills at the start, nor what comes and goes."""

from collections.abc import Callable

import pytest

from bench.growth import Sample, Series, table, verdicts


def series(mib: Callable[[int], float], files: Callable[[int], int] = lambda n: 20) -> Series:
    found = Series("a-process")
    for n in range(100):
        found.add(7, Sample(n * 5.0, mib(n), files(n)))
    return found


@pytest.mark.parametrize(
    ("mib", "verdict"),
    [
        pytest.param(lambda n: 100.0, "", id="stays"),
        pytest.param(lambda n: min(200.0, 100.0 + 10 * n), "", id="warms up"),
        pytest.param(lambda n: 100.0 + 60 * (n % 7 == 0), "", id="comes and goes"),
        pytest.param(lambda n: 100.0 + 0.5 * n, "memory", id="grows"),
    ],
)
def test_memory_grows_where_it_goes_on_growing_after_the_start(mib: Callable[[int], float], verdict: str) -> None:
    assert series(mib).grows == verdict


def test_files_that_are_never_closed_are_found() -> None:
    leaking = series(lambda n: 100.0, lambda n: 20 + n)
    assert leaking.grows == "files"
    assert verdicts([leaking, series(lambda n: 50.0)]) == ["a-process (files)"]
    assert "grows: files" in table([leaking])
