"""What is made of a training's live messages."""

import pytest

from cli.exits import Exit, Stop
from cli.follow import Standing, epoch_line
from cli.train import parameters

EPOCH = {
    "kind": "epoch", "epoch": 2, "epochs": 4, "seconds": 8.25,
    "metrics": {"train/box_loss": 1.5, "val/map50": 0.8123, "learning_rate": 0.001},
}  # fmt: skip


def test_time_left_follows_from_the_share_done() -> None:
    standing = Standing()
    standing.hear({"kind": "epoch", "epoch": 1, "epochs": 4, "metrics": {}}, now=100.0)
    standing.hear({"kind": "batch", "epoch": 2, "batch": 5, "batches": 10, "metrics": {}}, now=105.0)
    standing.hear({"kind": "batch", "epoch": 2, "batch": 10, "batches": 10, "metrics": {}}, now=110.0)
    assert standing.share == 0.5
    assert standing.seconds_left(now=110.0) == pytest.approx(20.0)


def test_before_the_second_sign_of_life_nobody_knows_how_long_it_takes() -> None:
    standing = Standing()
    assert standing.seconds_left() is None
    standing.hear({"kind": "epoch", "epoch": 1, "epochs": 4, "metrics": {}}, now=1.0)
    assert standing.seconds_left(now=2.0) is None


def test_the_end_says_what_became_of_it() -> None:
    standing = Standing()
    standing.hear({"kind": "state", "status": "running"})
    standing.hear({"kind": "end", "status": "failed"})
    assert (standing.status, standing.ended) == ("failed", {"kind": "end", "status": "failed"})


def test_an_epoch_is_told_by_its_losses_and_scores() -> None:
    assert epoch_line(EPOCH) == "epoch 2/4  box loss 1.500  mAP50 0.812  (8.2 s)"


def test_a_loss_that_became_nan_is_shown_as_such() -> None:
    assert "box loss NaN" in epoch_line(EPOCH | {"metrics": {"train/box_loss": "NaN"}})


def test_parameters_are_numbers_and_flags_where_they_look_like_it() -> None:
    given = parameters(["epochs=3", "learning_rate=0.1", "flip=true", "optimizer=AdamW"])
    assert given == {"epochs": 3, "learning_rate": 0.1, "flip": True, "optimizer": "AdamW"}


def test_a_parameter_without_a_value_is_a_fault_of_usage() -> None:
    with pytest.raises(Stop) as stopped:
        parameters(["epochs"])
    assert stopped.value.exit_code == Exit.USAGE
