from collections.abc import Iterator
from typing import get_type_hints

from bench.__main__ import benchmarks
from bench.frame import Bench, Result, growth, in_turn


def test_what_passes_for_a_benchmark_is_one() -> None:
    found = benchmarks()
    assert {"ledger", "http", "training"} <= found.keys()
    for benchmark in found.values():
        assert get_type_hints(benchmark) == {"bench": Bench, "return": Iterator[Result]}


def test_a_ratio_is_the_median_of_the_rounds_not_of_their_sides() -> None:
    rounds = {"ours": [10.0, 20.0, 90.0], "the limit": [10.0, 40.0, 100.0]}
    result = Result.of("appends", "/s", rounds, "the limit", goal=0.9)
    assert (result.ours, result.limit, result.ratio, result.met) == (20.0, 40.0, 0.9, True)


def test_where_there_is_no_limit_the_goal_is_for_the_figure_itself() -> None:
    slow = Result("accepted to visible", "ms", 60.0, goal=50, more_is_better=False)
    assert (slow.ratio, slow.met) == (None, False)
    assert Result("anything", "ms", 60.0).met is None


def test_ways_are_measured_one_after_the_other_round_by_round() -> None:
    order: list[str] = []

    def way(name: str) -> float:
        order.append(name)
        return len(order)

    assert in_turn({"ours": lambda: way("a"), "bare": lambda: way("b")}, 2) == {"ours": [1, 3], "bare": [2, 4]}


def test_growth_is_told_between_one_size_and_the_next() -> None:
    found = list(growth("relay", "events", [(10, 2.0), (100, 20.0), (1_000, 20.0)]))
    assert [each.work for each in found] == [
        "relay: exponent, 10 to 100 events",
        "relay: exponent, 100 to 1,000 events",
    ]
    assert [round(each.ours, 6) for each in found] == [1.0, 0.0]
    assert list(growth("of one size", "events", [(10, 2.0)])) == []
