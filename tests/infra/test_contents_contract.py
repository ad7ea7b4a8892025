"""What every Contents promises, asked of the real one and of the double that stands in for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import pytest
from psycopg_pool import ConnectionPool
from uuid_utils.compat import uuid7

from commands.ports import Contents, Prepared
from domain.content import Content, Layout, Ratios, SplitMethod, Task
from domain.errors import Invalid, NotFound
from domain.manifest import digest
from infra.arrivals import Arrivals
from infra.blobs import Blobs
from infra.contents import DatasetContents
from infra.migrate import migrate
from infra.objects import Objects
from infra.provision import APP
from infra.uploads import Upload, UploadedFile, Uploads
from tests.api.folders import picture
from tests.doubles import PreparedContents
from tests.servers import Databases, Servers

DATASET, ELSEWHERE = UUID(int=11), UUID(int=12)
HERE, THERE = uuid4(), uuid4()
BASE = "b" * 64
RATIOS = Ratios(train=0.6, val=0.2, test=0.2)
CLASSES = ("dark", "light")


@dataclass
class Room:
    """Where an upload of so many images, the first half dark and the others light, is ready to be committed."""

    contents: Contents
    offer: Callable[[int, str | None], UUID]

    def prepared(self, images: int, base: str | None = None) -> Prepared:
        return self.contents.prepare(self.offer(images, base), DATASET, HERE, strict=False)


@pytest.fixture(params=["double", pytest.param("real", marks=pytest.mark.connected)])
def room(request: pytest.FixtureRequest) -> Room:
    if request.param == "real":
        real: Room = request.getfixturevalue("real")
        return real
    double = PreparedContents()

    def offer(images: int, base: str | None) -> UUID:
        upload = uuid4()
        double.offer(upload, DATASET, HERE, prepared_by_hand(images, base) if images else None)
        return upload

    return Room(double, offer)


def prepared_by_hand(images: int, base: str | None) -> Prepared:
    content = Content(
        root=f"{images:064x}", images=images, labelled_images=images, annotations=images,
        bytes=images, task=Task.CLASSIFICATION, layout=Layout.IMAGEFOLDER, classes=CLASSES,
    )  # fmt: skip
    return Prepared(content=content, report="f" * 64, base=base, split=None)


@pytest.fixture
def real(servers: Servers, fresh_database: Callable[[], Databases]) -> Iterator[Room]:
    databases = fresh_database()
    migrate(databases.owner_url, APP, uuid7())
    objects = Objects.open(servers.settings("api", databases))
    with ConnectionPool(databases.app_url, min_size=1, open=True) as pool:
        blobs, uploads = Blobs(pool, objects), Uploads(pool)
        arrivals = Arrivals(blobs)

        def offer(images: int, base: str | None) -> UUID:
            upload = uuid4()
            uploads.begin(Upload(upload, HERE, DATASET, base))
            uploads.add(upload, [sent(blobs, n, images) for n in range(images)])
            return upload

        yield Room(DatasetContents(pool, blobs, uploads, arrivals), offer)
        arrivals.close()


def sent(blobs: Blobs, n: int, images: int) -> UploadedFile:
    data = picture(n)
    blobs.write(HERE, data)
    return UploadedFile(f"{CLASSES[2 * n >= images]}/{n:02}.png", digest(data), len(data))


@pytest.mark.parametrize(
    ("dataset", "organization"),
    [(ELSEWHERE, HERE), (DATASET, THERE), (ELSEWHERE, THERE)],
    ids=["in another dataset", "in another organization", "in neither"],
)
def test_an_upload_is_found_where_it_was_begun_only(room: Room, dataset: UUID, organization: UUID) -> None:
    upload = room.offer(4, None)
    with pytest.raises(NotFound):
        room.contents.prepare(upload, dataset, organization, strict=False)
    assert room.contents.prepare(upload, DATASET, HERE, strict=False).content.images == 4


def test_an_upload_that_was_never_begun_is_not_found(room: Room) -> None:
    with pytest.raises(NotFound):
        room.contents.prepare(uuid4(), DATASET, HERE, strict=False)


def test_an_upload_without_images_is_refused(room: Room) -> None:
    with pytest.raises(Invalid):
        room.prepared(0)


def test_what_is_prepared_says_what_there_is(room: Room) -> None:
    prepared = room.prepared(4)
    content = prepared.content
    assert (content.images, content.labelled_images, content.annotations) == (4, 4, 4)
    assert (content.classes, content.task, content.layout) == (CLASSES, Task.CLASSIFICATION, Layout.IMAGEFOLDER)
    assert prepared.split is None


@pytest.mark.parametrize("base", [None, BASE])
def test_what_is_prepared_names_the_revision_that_the_upload_began_at(room: Room, base: str | None) -> None:
    assert room.prepared(2, base).base == base


def test_the_same_images_are_the_same_content(room: Room) -> None:
    upload = room.offer(4, None)
    first = room.contents.prepare(upload, DATASET, HERE, strict=False)
    assert room.contents.prepare(upload, DATASET, HERE, strict=False) == first == room.prepared(4)
    assert room.prepared(6).content.root != first.content.root


@pytest.mark.parametrize("method", [SplitMethod.AUTO, SplitMethod.STRATIFIED])
def test_every_image_is_on_one_side(room: Room, method: SplitMethod) -> None:
    content = room.prepared(20).content
    split = room.contents.split(HERE, content, method, RATIOS, 7)
    assert (split.train, split.val, split.test) == (12, 4, 4)
    assert (split.root, split.method, split.ratios, split.seed) == (content.root, method, RATIOS, 7)


def test_a_side_without_a_share_is_empty(room: Room) -> None:
    split = room.contents.split(
        HERE, room.prepared(4).content, SplitMethod.AUTO, Ratios(train=0.5, val=0.5, test=0), seed=0
    )
    assert (split.train, split.val, split.test) == (2, 2, 0)


def test_the_seed_decides(room: Room) -> None:
    content = room.prepared(20).content
    first = room.contents.split(HERE, content, SplitMethod.AUTO, RATIOS, 1)
    assert room.contents.split(HERE, content, SplitMethod.AUTO, RATIOS, 1) == first
    assert room.contents.split(HERE, content, SplitMethod.AUTO, RATIOS, 2).sha256 != first.sha256


def test_three_sides_need_three_images(room: Room) -> None:
    with pytest.raises(Invalid):
        room.contents.split(HERE, room.prepared(2).content, SplitMethod.AUTO, RATIOS, 0)


@pytest.mark.connected
class TestWhatIsPushedOnceMore:
    def test_is_not_read_once_more(self, real: Room, monkeypatch: pytest.MonkeyPatch) -> None:
        first = real.prepared(4)
        monkeypatch.setattr("infra.contents.read_folder", refuse)
        assert real.prepared(4, BASE) == first.model_copy(update={"base": BASE})

    @pytest.mark.parametrize("change", ["other files", "other names", "another dataset", "other code"])
    def test_is_read_where_anything_is_different(
        self, real: Room, monkeypatch: pytest.MonkeyPatch, change: str
    ) -> None:
        real.prepared(4)
        monkeypatch.setattr("infra.contents.read_folder", refuse)
        contents, dataset, names = real.contents, DATASET, 4
        assert isinstance(contents, DatasetContents)
        if change == "another dataset":
            dataset = ELSEWHERE
        if change == "other names":
            names = 8
        if change == "other code":
            contents = replace(contents, code="another")
        upload = uuid4()
        contents.uploads.begin(Upload(upload, HERE, dataset, None))
        images = 6 if change == "other files" else 4
        contents.uploads.add(upload, [sent(contents.blobs, n, max(names, images)) for n in range(images)])
        with pytest.raises(AssertionError, match="read again"):
            contents.prepare(upload, dataset, HERE, strict=False)

    def test_is_read_where_its_pages_are_gone(self, real: Room) -> None:
        first = real.prepared(4)
        assert isinstance(real.contents, DatasetContents)
        blobs = real.contents.blobs
        with blobs.pool.connection() as connection:
            connection.execute("DELETE FROM content.pages")
            connection.execute("DELETE FROM content.blobs WHERE sha256 = %s", (bytes.fromhex(first.content.root),))
        blobs.objects.delete(HERE, [first.content.root])
        assert real.prepared(4) == first
        assert blobs.known(HERE, [first.content.root])


def refuse(*given: object) -> None:
    raise AssertionError("it is read again")
