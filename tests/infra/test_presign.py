"""Presigned addresses: the same as those of the vendor's own library, only sooner."""

import time
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import botocore.session
import pytest
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from infra.presign import Presigner

ACCESS, SECRET, REGION = "an-access-key", "a/secret+key", "eu-central-1"
ENDPOINTS = ["http://127.0.0.1:18333", "http://store.example:80", "https://store.example:443", "https://store.example"]
keys = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).filter(
    lambda key: not key.startswith("/") and "//" not in key and not set(key.split("/")) & {".", ".."}
)
sums = st.binary(min_size=32, max_size=32).map(lambda data: b64encode(data).decode())
seconds = st.integers(1, 300)


@pytest.fixture(scope="module", params=ENDPOINTS)
def clients(request: pytest.FixtureRequest) -> tuple[Presigner, Any]:
    config = Config(
        signature_version="s3v4", s3={"addressing_style": "path"}, request_checksum_calculation="when_required"
    )
    botocores = botocore.session.Session().create_client(
        "s3", REGION, endpoint_url=request.param, aws_access_key_id=ACCESS, aws_secret_access_key=SECRET, config=config
    )
    return Presigner(request.param, REGION, ACCESS, SECRET), botocores


def parts(url: str) -> tuple[str, dict[str, list[str]]]:
    return urlsplit(url).path, parse_qs(urlsplit(url).query)


def when(url: str) -> datetime:
    return datetime.strptime(parts(url)[1]["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


@given(key=keys, seconds=seconds, name=st.none() | keys)
def test_an_address_to_read_is_that_of_botocore(
    clients: tuple[Presigner, Any], key: str, seconds: int, name: str | None
) -> None:
    ours, theirs = clients
    disposition = {"ResponseContentDisposition": name} if name else {}
    wanted = theirs.generate_presigned_url("get_object", {"Bucket": "vistory", "Key": key, **disposition}, seconds)
    query = {"response-content-disposition": name} if name else {}
    assert parts(ours.url("GET", f"vistory/{key}", {}, query, seconds, when(wanted))) == parts(wanted)


@given(key=keys, checksum=sums, size=st.integers(0, 2**40), seconds=seconds)
def test_an_address_to_send_promised_bytes_to_is_that_of_botocore(
    clients: tuple[Presigner, Any], key: str, checksum: str, size: int, seconds: int
) -> None:
    ours, theirs = clients
    promised = {"Bucket": "vistory", "Key": key, "ChecksumSHA256": checksum, "ContentLength": size}
    wanted = theirs.generate_presigned_url("put_object", promised, seconds)
    headers = {"x-amz-checksum-sha256": checksum, "Content-Length": str(size)}
    assert parts(ours.url("PUT", f"vistory/{key}", headers, {}, seconds, when(wanted))) == parts(wanted)


def test_ten_thousand_addresses_take_well_under_a_second() -> None:
    ours = Presigner(ENDPOINTS[0], REGION, ACCESS, SECRET)
    begun = time.process_time()
    for number in range(10_000):
        ours.url("PUT", f"vistory/orgs/x/blobs/{number:064x}", {"x-amz-checksum-sha256": "A" * 44})
    assert time.process_time() - begun < 0.9
