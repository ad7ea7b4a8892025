"""The folders that YOLO reads: exactly the given split, by links, under names that cannot hurt."""

import io
import os
from pathlib import Path
from typing import Any

import pytest

from tests.trainers.guests import Material, coloured, shaped
from trainers import registry
from trainers.base import Run
from trainers.entries import read_entries
from trainers.failures import TrainingFailed
from trainers.job import read_job
from trainers.reporting import Reporter
from trainers.yolo_data import check_batches, lay_out


def run_of(material: Material, folder: Path, model: str, **parameters: Any) -> Run:
    job = read_job(material.job(folder / "output", model, parameters))
    declared = registry.find("ultralytics", job.model, job.task)
    return Run(job, declared, declared.resolve(job.parameters, 0), read_entries(job), Reporter(io.BytesIO()))


def test_each_image_is_a_link_on_its_side_with_its_labels_beside(tmp_path: Path) -> None:
    material = shaped(tmp_path / "material")
    layout = lay_out(run_of(material, tmp_path, "tiny-detector"))
    for side in ("train", "val", "test"):
        wanted = [entry for entry in material.entries if entry["side"] == side]
        images = sorted(Path(layout.data[side]).iterdir())
        assert len(images) == len(wanted)
        for entry, image in zip(wanted, images, strict=True):
            assert os.path.samefile(image, material.blobs / entry["sha256"])
            boxes = [f"{label['class']} {' '.join(label['box'])}" for label in entry["annotations"]]
            text = Path(str(image).replace("/images/", "/labels/")).with_suffix(".txt").read_text()
            assert text.splitlines() == boxes


def test_one_blob_may_stand_under_two_names(tmp_path: Path) -> None:
    material = shaped(tmp_path / "material")
    layout = lay_out(run_of(material, tmp_path, "tiny-detector"))
    assert {"صور/train/1.PNG", "again/train.png"} <= {entry.path for entry in layout.placed["train"].values()}


def test_classes_are_folders_in_the_order_of_the_job_even_without_images(tmp_path: Path) -> None:
    material = coloured(tmp_path / "material", {"train": 2, "val": 3, "test": 1})
    layout = lay_out(run_of(material, tmp_path, "yolo26n-cls"))
    for side in ("train", "val", "test"):
        assert sorted(folder.name for folder in Path(layout.data[side]).iterdir()) == ["000000", "000001", "000002"]
    assert list(layout.data["names"].values()) == list(material.classes)


def test_laying_out_again_begins_anew(tmp_path: Path) -> None:
    material = shaped(tmp_path / "material")
    run = run_of(material, tmp_path, "tiny-detector")
    Path(lay_out(run).data["train"], "99999999.png").write_bytes(b"left over")
    assert not Path(lay_out(run).data["train"], "99999999.png").exists()


@pytest.mark.parametrize(("batch", "size", "alone"), [(8, 32, True), (8, 64, False), (10, 32, False), (1, 32, True)])
def test_a_small_image_alone_in_a_batch_is_refused(tmp_path: Path, batch: int, size: int, alone: bool) -> None:
    run = run_of(shaped(tmp_path / "material"), tmp_path, "tiny-detector", batch=batch)
    if not alone:
        return check_batches(run, size)
    with pytest.raises(TrainingFailed, match=f"a batch of {batch} leaves one of the 25 training images alone"):
        check_batches(run, size)
