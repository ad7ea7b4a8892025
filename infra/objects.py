"""Objects by hash in an S3 store, each behind the wall of its organization.

The store itself refuses bytes that do not have the hash they are sent under: the address to send them to signs
`x-amz-checksum-sha256`. A store that turns out not to check it gets them under `incoming/`, and they are hashed again
here before they count.
"""

import logging
import mimetypes
from base64 import b64encode
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256 as hashed
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import PurePosixPath
from secrets import token_bytes, token_hex
from tempfile import SpooledTemporaryFile
from typing import Final, NamedTuple, Self
from urllib.parse import quote, urlsplit
from uuid import UUID

from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from infra.config import Settings
from infra.presign import Presigner
from infra.redaction import in_short

AT_ONCE: Final = 16
IN_MEMORY: Final = 16 * 2**20
# What says nothing of the bytes: too slow, too early, too many.
PASSING: Final = (408, 425, 429)
# S3 takes no more in one PUT.
LARGEST_OBJECT: Final = 5 * 2**30
log = logging.getLogger(__name__)
SHOWN: Final = frozenset({"image/jpeg", "image/png", "image/bmp", "image/webp", "image/tiff"})


class ObjectIsMissing(LookupError):
    pass


class StoreIsUnusable(Exception):
    """The object store does not take what it is sent in good order."""


class StoreRefusesUs(StoreIsUnusable):
    """By its own word: its keys or its bucket are not those that this process was told."""


class Address(NamedTuple):
    """Where bytes may be sent for a few minutes, and the headers that must come with them."""

    url: str
    headers: dict[str, str]


class Objects:
    def __init__(self, store: S3Store, presigner: Presigner, bucket: str, checks_hashes: bool | None = None) -> None:
        self._store = store
        self._presigner = presigner
        self._bucket = bucket
        self._checks_hashes = checks_hashes

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Asks the store at once whether it checks hashes. One that takes nothing then is asked again when needed.

        Raises StoreRefusesUs.
        """
        url, bucket = settings.need("s3_url").rstrip("/"), settings.s3_bucket
        access, secret = settings.need("s3_access_key"), settings.need("s3_secret_key")
        presigner = Presigner(url, settings.s3_region, access, secret)
        objects = cls(s3_store(settings), presigner, bucket)
        try:
            _ = objects.checks_hashes
        except StoreRefusesUs:
            raise
        except (StoreIsUnusable, BaseError) as error:
            log.warning("the object store cannot be used yet: %s", in_short(error))
        return objects

    @property
    def checks_hashes(self) -> bool:
        """Raises StoreIsUnusable, or what the store itself raises, while that is not known."""
        if self._checks_hashes is None:
            self._checks_hashes = self.probe()
        return self._checks_hashes

    def get(self, organization_id: UUID, sha256: str) -> bytes:
        try:
            return bytes(self._store.get(blob(organization_id, sha256)).bytes())
        except (NotFoundError, FileNotFoundError) as error:
            raise ObjectIsMissing(f"the object {sha256} is not in the store") from error

    def find(self, organization_id: UUID, sha256: str) -> bytes | None:
        """The bytes, or None where they have not arrived (or others have, in their place)."""
        try:
            return self.get(organization_id, sha256)
        except ObjectIsMissing:
            arrived = not self.checks_hashes and self._admit(organization_id, sha256) is not None
            return self.get(organization_id, sha256) if arrived else None

    def put(self, organization_id: UUID, sha256: str, data: bytes) -> None:
        """Durable when this returns. Bytes under another hash than theirs are never written."""
        if hashed(data).hexdigest() != sha256:
            raise ValueError(f"these {len(data)} bytes do not have the hash {sha256}")
        self._store.put(blob(organization_id, sha256), data)

    def size(self, organization_id: UUID, sha256: str) -> int | None:
        """How large the object is, or None where it has not arrived (or something else has, in its place)."""
        size = self._size(blob(organization_id, sha256))
        if size is None and not self.checks_hashes:
            return self._admit(organization_id, sha256)
        return size

    def sizes(self, organization_id: UUID, sha256s: Iterable[str]) -> dict[str, int]:
        """Those that are there."""
        wanted = list(dict.fromkeys(sha256s))
        with ThreadPoolExecutor(AT_ONCE, "head") as threads:
            found = threads.map(lambda sha256: self.size(organization_id, sha256), wanted)
            return {sha256: size for sha256, size in zip(wanted, found, strict=True) if size is not None}

    def delete(self, organization_id: UUID, sha256s: Iterable[str]) -> None:
        """Those that are not there are no matter."""
        if paths := [blob(organization_id, sha256) for sha256 in sha256s]:
            self._store.delete(paths)

    def presigned_put(self, organization_id: UUID, sha256: str, size: int) -> Address:
        key = blob if self.checks_hashes else incoming
        return self._put_address(key(organization_id, sha256), bytes.fromhex(sha256), size)

    def presigned_get(self, organization_id: UUID, sha256: str, name: str | None = None) -> str:
        """Images by their name's suffix are shown; anything else is only ever a download, whatever it was sent as."""
        kind = mimetypes.guess_type(name or "", strict=True)[0]
        shown = kind if kind in SHOWN else None
        file = f"; filename*=UTF-8''{quote(PurePosixPath(name).name, safe='')}" if name else ""
        query = {
            "response-content-type": shown or "application/octet-stream",
            "response-content-disposition": f"{'inline' if shown else 'attachment'}{file}",
        }
        return self._presigner.url("GET", f"{self._bucket}/{blob(organization_id, sha256)}", query=query)

    def probe(self) -> bool:
        """Whether the store refuses other bytes than those whose hash was signed, however they are dressed up.

        Raises StoreIsUnusable, or what the store itself raises.
        """
        right, wrong = token_bytes(32), token_bytes(32)
        key = f"probe/{token_hex(16)}"
        address = self._put_address(key, hashed(right).digest(), len(right))
        other = self._put_address(key, hashed(wrong).digest(), len(wrong)).headers
        answers = [_put(address.url, headers, wrong) for headers in (address.headers, other, {})]
        status = _put(address.url, address.headers, right)
        if status in (401, 403, 404):
            raise StoreRefusesUs(f"the object store answers {status} to us: are its keys and bucket right?")
        if status >= 300 or bytes(self._store.get(key).bytes()) != right:
            raise StoreIsUnusable(f"the object store answers {status} to a signed upload")
        if unsure := [each for each in answers if each >= 500 or each in PASSING]:
            raise StoreIsUnusable(f"the object store answers {unsure[0]} to bytes of another hash")
        self._store.delete(key)
        return all(each >= 400 for each in answers)

    def _put_address(self, key: str, digest: bytes, size: int) -> Address:
        """The length is signed too, but not among the headers to send: every client sends it by itself."""
        headers = {"x-amz-checksum-sha256": b64encode(digest).decode()}
        signed = {**headers, "content-length": str(size)}
        return Address(self._presigner.url("PUT", f"{self._bucket}/{key}", signed), headers)

    def _size(self, key: str) -> int | None:
        try:
            return self._store.head(key)["size"]
        except (NotFoundError, FileNotFoundError):
            return None

    def _admit(self, organization_id: UUID, sha256: str) -> int | None:
        """What came in is read once, and what was read is what is kept: it may be changed there at any moment."""
        arrived, digest = incoming(organization_id, sha256), hashed()
        if self._size(arrived) is None:
            return None
        with SpooledTemporaryFile(IN_MEMORY) as copy:
            for chunk in self._store.get(arrived):
                digest.update(chunk)
                copy.write(chunk)
            size = copy.tell()
            copy.seek(0)
            if digest.hexdigest() == sha256:
                self._store.put(blob(organization_id, sha256), copy)
        self._store.delete(arrived)
        return size if digest.hexdigest() == sha256 else None


def s3_store(settings: Settings) -> S3Store:
    url, access, secret = (settings.need(name) for name in ("s3_url", "s3_access_key", "s3_secret_key"))
    return bucket_at(url.rstrip("/"), settings.s3_bucket, settings.s3_region, access, secret)


class Patience(NamedTuple):
    """With a store that is away or slow."""

    tries: int = 6
    timeout: timedelta = timedelta(seconds=30)


USUAL: Final = Patience()


def bucket_at(
    url: str, bucket: str, region: str, access: str, secret: str, prefix: str | None = None, patience: Patience = USUAL
) -> S3Store:
    return S3Store(
        bucket, prefix=prefix, endpoint=url, region=region, virtual_hosted_style_request=False,
        access_key_id=access, secret_access_key=secret,
        client_options={"allow_http": True, "timeout": patience.timeout},
        retry_config={"max_retries": patience.tries - 1, "retry_timeout": timedelta(seconds=20)},
    )  # fmt: skip


def blob(organization_id: UUID, sha256: str) -> str:
    return f"orgs/{organization_id}/blobs/{sha256}"


def incoming(organization_id: UUID, sha256: str) -> str:
    return f"orgs/{organization_id}/incoming/{sha256}"


def _put(url: str, headers: dict[str, str], data: bytes) -> int:
    """By http.client, which writes no log: addresses are permissions."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.netloc, timeout=10)
    try:
        connection.request("PUT", f"{parts.path}?{parts.query}", data, headers)
        return connection.getresponse().status
    except (OSError, HTTPException) as error:
        raise StoreIsUnusable(f"the object store does not answer: {type(error).__name__}") from error
    finally:
        connection.close()
