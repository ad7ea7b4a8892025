"""Whether the bytes that revisions of datasets name are in the object store, and are those that clients brought."""

import re
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Final

from obstore.store import S3Store

from infra.embedded.parts import Parts
from tests.faults.checking import Ledger, Stored
from tests.faults.wishing import BROUGHT, Wish

HASH: Final = re.compile(rb"\b[0-9a-f]{64}\b")
CREATED: Final = "dataset.created"
# The bytes under a hash, of an organization.
Read = Callable[[str, str], bytes | None]


def reading(parts: Parts) -> Read:
    """From the store itself, past every road."""
    keys = parts.s3_keys("vistory")
    store = S3Store(
        "vistory",
        endpoint=parts.s3_url,
        region="us-east-1",
        virtual_hosted_style_request=False,
        access_key_id=keys.access,
        secret_access_key=keys.secret,
        client_options={"allow_http": True},
    )

    def read(organization: str, hash: str) -> bytes | None:
        try:
            return bytes(store.get(f"orgs/{organization}/blobs/{hash}").bytes())
        except FileNotFoundError:
            return None

    return read


def faults(ledger: Ledger, wishes: Sequence[Wish], read: Read) -> Iterator[str]:
    """Whatever a revision names is there under its hash; what a commit brought is in its revision, or in none."""
    owners = {event.originator: event.data["organization_id"] for event in ledger.events if event.topic == CREATED}
    found: dict[str, set[int]] = {}
    for event in ledger.events:
        if event.topic == BROUGHT:
            reached, missing = named_by(event, owners[event.originator], read)
            for hash in missing:
                yield f"revision at {event.position}: the store has no bytes, or others, under {hash}"
            for hash in reached:
                found.setdefault(hash, set()).add(event.position)
    for wish in wishes:
        wanted = {wish.position} if wish.accepted else set()
        for hash in wish.brings:
            if (there := found.get(hash, set())) != wanted:
                yield f"{wish.path} was answered {wish.status}: its bytes {hash} are in the revisions at {there}"


def named_by(event: Stored, organization: str, read: Read) -> tuple[set[str], list[str]]:
    """Every hash that the event names, or a page that it names, and those whose bytes are not there."""
    waiting, reached, missing = [event.data["content"]["root"], event.data["report"]], set[str](), list[str]()
    while waiting:
        if (hash := waiting.pop()) in reached:
            continue
        reached.add(hash)
        data = read(organization, hash)
        if data is None or sha256(data).hexdigest() != hash:
            missing.append(hash)
        elif data.startswith(b"{"):
            waiting += [each.decode() for each in HASH.findall(data)]
    return reached, missing
