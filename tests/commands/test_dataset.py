from uuid import UUID

import pytest
from pydantic import ValidationError

from commands.dataset import CommitUpload, CreateDataset, MakeSplit, TakeSnapshot
from commands.ports import Prepared
from domain.content import Content, Layout, Ratios, Split, SplitMethod, Task
from domain.dataset import (
    ContentHasMoved,
    Dataset,
    DatasetIsEmpty,
    SnapshotTagIsTaken,
    SplitIsOfAnotherRevision,
    TaskWouldChange,
    Visibility,
)
from domain.errors import Forbidden, Invalid, NotFound
from domain.roles import Role
from domain.split import RatiosMakeNoSense
from tests.commands.conftest import ACME, ANN, BEN, CAT, ann, approve, ben, cat, eve
from tests.spec import Spec

CRACKS = UUID(int=11)
ONE, TWO = "1" * 64, "2" * 64
create = CreateDataset(dataset_id=CRACKS, name="cracks 🧱 שלום")
split = MakeSplit(dataset_id=CRACKS, seed=7)


def snapshot(tag: str) -> TakeSnapshot:
    return TakeSnapshot(dataset_id=CRACKS, snapshot_id=UUID(int=len(tag)), tag=tag)


def content(root: str, images: int = 10, task: Task = Task.DETECTION) -> Content:
    return Content(
        root=root,
        images=images,
        labelled_images=images,
        annotations=images,
        bytes=100,
        task=task,
        layout=Layout.YOLO,
        classes=("crack",),
    )


def upload(spec: Spec, root: str, base: str | None = None, split: Split | None = None) -> CommitUpload:
    """An upload that was prepared against the revision `base`."""
    upload_id = UUID(root[:32])
    prepared = Prepared(content=content(root), report="f" * 64, base=base, split=split)
    spec.contents.offer(upload_id, CRACKS, ACME, prepared)
    return CommitUpload(dataset_id=CRACKS, upload_id=upload_id)


def given_split(root: str) -> Split:
    """One that came with the data."""
    counts = {"train": 6, "val": 2, "test": 2}
    by_hand = {"method": SplitMethod.MANUAL, "ratios": None, "seed": None, "grouped": None}
    return Split.model_validate({"sha256": "a" * 64, "tables": "b" * 64, "root": root} | by_hand | counts)


def test_a_dataset_belongs_to_whoever_creates_it(spec: Spec) -> None:
    spec.when(create).then((Dataset.Created, {"name": "cracks 🧱 שלום", "owner_id": ANN}))


def test_a_guest_creates_no_dataset(spec: Spec) -> None:
    spec.given(approve(BEN, Role.GUEST)).by(ben).when(create).then_refused(Forbidden)


def test_an_upload_becomes_a_revision(spec: Spec) -> None:
    spec.given(create).when(upload(spec, ONE)).then(
        (Dataset.RevisionCommitted, {"revision": 1, "previous": None, "content": content(ONE)})
    )


def test_the_same_upload_once_more_does_not_replace_the_split_that_was_chosen_since(spec: Spec) -> None:
    came, other = given_split(ONE), given_split(ONE).model_copy(update={"sha256": "c" * 64})
    again = spec.given(create, upload(spec, ONE, split=came), split)
    again.when(upload(spec, ONE, base=ONE, split=came)).then()
    again.when(upload(spec, ONE, base=ONE, split=other)).then((Dataset.SplitMade, {"split": other}))


def test_the_same_content_again_is_no_revision(spec: Spec) -> None:
    spec.given(create, upload(spec, ONE)).when(upload(spec, ONE, base=ONE)).then()


def test_a_second_revision_names_the_first(spec: Spec) -> None:
    spec.given(create, upload(spec, ONE)).when(upload(spec, TWO, base=ONE)).then(
        (Dataset.RevisionCommitted, {"revision": 2, "previous": ONE})
    )


def test_an_upload_begun_before_another_was_committed_is_refused(spec: Spec) -> None:
    spec.given(create, upload(spec, ONE)).when(upload(spec, TWO)).then_refused(ContentHasMoved)


def test_an_upload_without_images_changes_nothing(spec: Spec) -> None:
    spec.contents.offer(UUID(int=5), CRACKS, ACME, None)
    spec.given(create).when(CommitUpload(dataset_id=CRACKS, upload_id=UUID(int=5))).then_refused(Invalid)


def test_an_upload_that_was_never_begun_is_not_found(spec: Spec) -> None:
    spec.given(create).when(CommitUpload(dataset_id=CRACKS, upload_id=UUID(int=6))).then_refused(NotFound)


def test_a_split_that_comes_with_the_data_is_kept(spec: Spec) -> None:
    own = given_split(ONE)
    spec.given(create).when(upload(spec, ONE, split=own)).then(
        (Dataset.RevisionCommitted, {}), (Dataset.SplitMade, {"split": own})
    )


def test_an_empty_dataset_has_no_split(spec: Spec) -> None:
    spec.given(create).when(split).then_refused(DatasetIsEmpty)


def test_a_split_is_made_once(spec: Spec) -> None:
    spec.given(create, upload(spec, ONE), split).when(split).then()


def test_a_split_counts_every_image(spec: Spec) -> None:
    spec.given(create, upload(spec, ONE)).when(split)
    made = spec.events()[-1]
    assert isinstance(made, Dataset.SplitMade)
    assert made.split.train + made.split.val + made.split.test == 10


def test_a_split_of_another_revision_is_refused(spec: Spec) -> None:
    spec.given(create)
    old = given_split(TWO)
    spec.when(upload(spec, ONE, split=old)).then_refused(SplitIsOfAnotherRevision)


def test_a_snapshot_fixes_content_and_split(spec: Spec) -> None:
    spec.given(create, upload(spec, ONE), split).when(snapshot("v1"))
    taken = spec.events()[-1]
    assert isinstance(taken, Dataset.SnapshotTaken)
    assert (taken.snapshot.root, taken.snapshot.images) == (ONE, 10)
    assert taken.snapshot.split is not None
    assert taken.snapshot.split.root == ONE


def test_a_snapshot_after_new_content_has_no_old_split(spec: Spec) -> None:
    spec.given(create, upload(spec, ONE), split, upload(spec, TWO, base=ONE)).when(snapshot("v2"))
    taken = spec.events()[-1]
    assert isinstance(taken, Dataset.SnapshotTaken)
    assert taken.snapshot.split is None


def test_an_empty_dataset_has_no_snapshot(spec: Spec) -> None:
    spec.given(create).when(snapshot("v1")).then_refused(DatasetIsEmpty)


def test_a_tag_names_one_snapshot(spec: Spec) -> None:
    spec.given(create, upload(spec, ONE), snapshot("v1")).when(snapshot("v1")).then_refused(SnapshotTagIsTaken)


def test_a_private_dataset_is_found_by_its_owner_and_by_admins_only(spec: Spec) -> None:
    hidden = create.model_copy(update={"visibility": Visibility.PRIVATE})
    spec.given(approve(BEN, Role.ENGINEER_II), approve(CAT, Role.ENGINEER_II)).by(cat).given(hidden, upload(spec, ONE))
    spec.by(ben).when(snapshot("v1")).then_refused(NotFound)
    spec.by(ann).when(snapshot("v1")).then((Dataset.SnapshotTaken, {}))
    spec.by(cat).when(snapshot("v2")).then((Dataset.SnapshotTaken, {}))


def test_another_organizations_dataset_is_not_found(spec: Spec) -> None:
    spec.given(create, upload(spec, ONE)).by(eve).when(snapshot("v1")).then_refused(NotFound)


@pytest.mark.parametrize(
    ("method", "ratios"),
    [
        (SplitMethod.MANUAL, (0.7, 0.2, 0.1)),
        (SplitMethod.AUTO, (0.7, 0.2, 0.2)),
        (SplitMethod.AUTO, (0.0, 0.5, 0.5)),
        (SplitMethod.AUTO, (1.7, -0.2, -0.5)),
        (SplitMethod.AUTO, (float("nan"), 0.5, 0.5)),
    ],
)
def test_senseless_splits_are_no_command(method: SplitMethod, ratios: tuple[float, float, float]) -> None:
    with pytest.raises((ValidationError, RatiosMakeNoSense)):
        MakeSplit(
            dataset_id=CRACKS, method=method, ratios=Ratios(**dict(zip(("train", "val", "test"), ratios, strict=True)))
        )


def test_a_dataset_is_for_one_task(spec: Spec) -> None:
    spec.given(create, upload(spec, ONE))
    other = Prepared(content=content(TWO, task=Task.CLASSIFICATION), report="f" * 64, base=ONE, split=None)
    spec.contents.offer(UUID(TWO[:32]), CRACKS, ACME, other)
    spec.when(CommitUpload(dataset_id=CRACKS, upload_id=UUID(TWO[:32])))
    spec.then_refused(TaskWouldChange, "make another dataset")
