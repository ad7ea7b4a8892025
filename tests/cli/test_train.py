"""The parameters of a training, as they are typed."""

import pytest

from cli.exits import Exit, Stop
from cli.train import parameters


def test_numbers_and_truth_are_read_and_the_rest_is_text() -> None:
    assert parameters(["a=1", "b=0.5", "c=true", "d=sgd", "e="]) == {"a": 1, "b": 0.5, "c": True, "d": "sgd", "e": ""}


@pytest.mark.parametrize("given", [["a"], ["=1"], ["a=1", "a=2"]])
def test_what_makes_no_sense_is_a_fault_of_usage(given: list[str]) -> None:
    with pytest.raises(Stop) as stopped:
        parameters(given)
    assert stopped.value.exit_code == Exit.USAGE
