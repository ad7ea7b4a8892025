"""Uploads into a dataset: analyse, begin, say what there is, commit as one revision, or drop."""

from asyncio import wrap_future
from collections.abc import Iterable
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field
from starlette.responses import JSONResponse
from uuid_utils.compat import uuid7

from api import errors
from api.edge import Body, CommandReceipt, Desk, Empty, Holder, PersonDesk
from api.house import House, TheHouse
from api.reading import Member
from api.threads import in_a_thread
from commands.access import Caller, demand, must_be_able_to_write
from commands.dataset import CommitUpload
from domain.content import Content, Split
from domain.dataset import Dataset
from domain.errors import Invalid
from domain.organization import Organization
from domain.paths import normal, quoted
from domain.report import Report
from domain.roles import Permission
from domain.values import Count, Flag, Sha256, Value
from infra.analysis import Analysis, analyzed
from infra.formats import File
from infra.objects import LARGEST_OBJECT
from infra.preparing import Work
from infra.uploads import Upload, UploadedFile

router = APIRouter(prefix="/datasets", tags=["uploads"])
COMMAND = errors.responses(401, 403, 404, 409, 413, 422, 503)


PATIENCE = 5.0


class ListedFile(Body):
    path: Annotated[str, Field(max_length=4_000)]
    size: Count
    sha256: Sha256 | None = None


class FolderListing(Body):
    files: Annotated[tuple[ListedFile, ...], Field(max_length=100_000)]


class HashedFile(Body):
    path: Annotated[str, Field(max_length=4_000)]
    size: Count
    sha256: Sha256


class FileBatch(Body):
    files: Annotated[tuple[HashedFile, ...], Field(max_length=1_000)]


class Destination(Value):
    """Where to PUT the bytes that have this hash, and with which headers; good for minutes."""

    sha256: Sha256
    url: str
    headers: dict[str, str]


class MissingFiles(Value):
    missing: list[Destination]


class UploadCommit(Body):
    strict: Flag = False


class UploadProgress(Value):
    """The files are still being looked at; ask again after as many seconds as Retry-After says."""

    done: Count
    total: Count


class CommittedUpload(CommandReceipt):
    revision: Count
    content: Content
    report: Report
    split: Split | None


@router.post(
    "/analyze", summary="Analyze a folder before uploading it", responses=errors.responses(401, 403, 413, 422, 503)
)
def analyze(body: FolderListing, member: Member) -> Analysis:
    """What a folder seems to be. One with more files than a request can name goes, named, into an upload first."""
    return analyzed(File(file.path, file.size, file.sha256 or "") for file in body.files)


@router.post("/{dataset_id}/uploads", summary="Begin an upload to a dataset", status_code=201, responses=COMMAND)
def begin(dataset_id: UUID, caller: Holder, house: TheHouse, body: Empty | None = None) -> CommandReceipt:
    """No command, so it heeds no `Idempotency-Key`; begun twice and committed once, nothing is done twice."""
    dataset = _changeable(house, caller, dataset_id)
    must_be_able_to_write(caller, house.ledger_as(caller))
    base = dataset.content.root if dataset.content else None
    upload = Upload(uuid7(), dataset.organization_id, dataset_id, base)
    house.uploads.begin(upload)
    return CommandReceipt(id=upload.id)


@router.post("/{dataset_id}/uploads/{upload_id}/files", summary="Add files to an upload", responses=COMMAND)
async def files(dataset_id: UUID, upload_id: UUID, body: FileBatch, caller: Holder, house: TheHouse) -> MissingFiles:
    """The answer says where to send each that is missing; asked again once they were sent, it names none."""
    return await wrap_future(
        house.receiving.submit(caller.organization_id, lambda: _missing(house, caller, dataset_id, upload_id, body))
    )


def _must_fit(files: Iterable[File]) -> None:
    for file in files:
        if file.size > LARGEST_OBJECT:
            raise Invalid(f"{quoted(file.path)} has {file.size:,} bytes; one file has {LARGEST_OBJECT:,} at most")


def _missing(house: House, caller: Caller, dataset_id: UUID, upload_id: UUID, body: FileBatch) -> MissingFiles:
    upload = _upload(house, caller, dataset_id, upload_id)
    must_be_able_to_write(caller, house.ledger_as(caller))
    named = [File(normal(file.path), file.size, file.sha256) for file in body.files]
    _must_fit(named)
    missing = house.arrivals.missing(upload.organization_id, named)
    if missing:
        organization = house.ledger_as(caller).get(Organization, upload.organization_id)
        house.rooms.promise(upload.organization_id, missing, organization.must_have_room)
    try:
        house.uploads.add(upload.id, (UploadedFile(file.path, file.sha256, file.size) for file in named))
    except Exception:
        house.blobs.doubt(upload.organization_id, [file.sha256 for file in named])
        raise
    places = [(each.sha256, house.blobs.place(upload.organization_id, each)) for each in missing]
    return MissingFiles(
        missing=[Destination(sha256=sha256, url=place.url, headers=dict(place.headers)) for sha256, place in places]
    )


@router.delete("/{dataset_id}/uploads/{upload_id}", summary="Discard an upload", responses=COMMAND)
def drop(dataset_id: UUID, upload_id: UUID, caller: Holder, house: TheHouse) -> CommandReceipt:
    """What nothing else names is freed. An upload that nobody uses for 7 days ends by itself."""
    upload = _upload(house, caller, dataset_id, upload_id)
    must_be_able_to_write(caller, house.ledger_as(caller))
    house.uploads.drop(upload.id)
    return CommandReceipt(id=upload.id)


@router.get(
    "/{dataset_id}/uploads/{upload_id}/analysis",
    summary="Analyze the files named in an upload",
    responses=errors.responses(401, 403, 404, 409, 422, 503),
)
def analysis(dataset_id: UUID, upload_id: UUID, caller: Holder, house: TheHouse) -> Analysis:
    """What the files named so far seem to be, however many there are; none of them has to be there yet."""
    upload = _upload(house, caller, dataset_id, upload_id)
    return analyzed(File(file.path, file.size, file.sha256) for file in house.uploads.files(upload.id))


@router.post(
    "/{dataset_id}/uploads/{upload_id}/commit",
    summary="Commit an upload to its dataset",
    response_model=CommittedUpload,
    responses=COMMAND | {202: {"model": UploadProgress, "description": "Not yet: ask again"}},
)
async def commit(
    dataset_id: UUID, upload_id: UUID, body: UploadCommit, desk: PersonDesk, house: TheHouse
) -> CommittedUpload | Response:
    """The dataset's next revision is what this upload names. 202 as long as its files are being looked at."""

    def asked() -> Work | None:
        must_be_able_to_write(desk.caller, house.ledger_as(desk.caller))
        return house.preparing.ask(_upload(house, desk.caller, dataset_id, upload_id))

    work = await in_a_thread(house.following, asked)
    if work is not None:
        await work.over(PATIENCE)
        work = await in_a_thread(house.following, asked)
    if work is not None:
        progress = UploadProgress(done=work.progress.done, total=work.progress.total)
        return JSONResponse(progress.model_dump(), 202, headers={"Retry-After": "1"})
    command = CommitUpload(dataset_id=dataset_id, upload_id=upload_id, strict=body.strict)
    return await in_a_thread(house.following, partial(_committed, desk, command))


def _committed(desk: Desk, command: CommitUpload) -> CommittedUpload:
    accepted, house = desk(command), desk.house
    dataset = house.ledger_as(desk.caller).get(Dataset, command.dataset_id)
    house.uploads.commit(command.upload_id)
    assert dataset.content is not None, "a revision was just committed"
    assert dataset.report is not None, "with its report"
    return CommittedUpload(
        id=accepted.id,
        revision=dataset.revision,
        content=dataset.content,
        report=house.contents.report(dataset.organization_id, dataset.report),
        split=dataset.split if dataset.split and dataset.split.root == dataset.content.root else None,
    )


def _changeable(house: House, caller: Caller, dataset_id: UUID) -> Dataset:
    store = house.ledger_as(caller)
    dataset = store.get(Dataset, dataset_id)
    demand(caller, store, Permission.CHANGE_DATASET, dataset.owner_id, dataset)
    dataset.must_be_there()
    return dataset


def _upload(house: House, caller: Caller, dataset_id: UUID, upload_id: UUID) -> Upload:
    dataset = _changeable(house, caller, dataset_id)
    return house.uploads.get(upload_id, dataset.organization_id, dataset_id)
