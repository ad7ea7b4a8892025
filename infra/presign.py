"""Addresses that carry their own permission for a few minutes: Signature Version 4 in the query string.

The algorithm: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html. Ours, since obstore's does
not sign headers, and a signed checksum is what makes the store refuse other bytes than were promised.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from urllib.parse import quote, urlsplit

LONGEST: Final = 300
_USUAL_PORTS: Final = {"http": ":80", "https": ":443"}


@dataclass(frozen=True)
class Presigner:
    endpoint: str
    region: str
    access_key: str
    secret_key: str

    def url(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        seconds: int = LONGEST,
        now: datetime | None = None,
    ) -> str:
        """`headers` must come with the request exactly so; `path` begins with the bucket."""
        _refuse_long(seconds)
        at = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{at[:8]}/{self.region}/s3/aws4_request"
        signed = {"host": _host(self.endpoint)} | {name.lower(): value for name, value in (headers or {}).items()}
        names = ";".join(sorted(signed))
        canonical = _query(
            {
                "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
                "X-Amz-Credential": f"{self.access_key}/{scope}",
                "X-Amz-Date": at,
                "X-Amz-Expires": str(seconds),
                "X-Amz-SignedHeaders": names,
                **(query or {}),
            }
        )
        path = "/" + quote(path, safe="/~")
        request = "\n".join((method, path, canonical, *_lines(signed), names, "UNSIGNED-PAYLOAD"))
        to_sign = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key = _signing_key(self.secret_key, at[:8], self.region)
        return f"{self.endpoint}{path}?{canonical}&X-Amz-Signature={_mac(key, to_sign).hex()}"


def _refuse_long(seconds: int) -> None:
    if not 0 < seconds <= LONGEST:
        raise ValueError(f"a presigned address is good for at most {LONGEST} seconds")


def _lines(signed: Mapping[str, str]) -> tuple[str, ...]:
    return (*(f"{name}:{signed[name].strip()}" for name in sorted(signed)), "")


def _query(parameters: Mapping[str, str]) -> str:
    return "&".join(f"{_quoted(name)}={_quoted(parameters[name])}" for name in sorted(parameters))


@lru_cache
def _quoted(text: str) -> str:
    """Remembered: of thousands of addresses made at once, only the paths differ."""
    return quote(text, safe="~")


@lru_cache
def _host(endpoint: str) -> str:
    """What clients send as Host: without the port where it is the usual one."""
    parts = urlsplit(endpoint)
    return parts.netloc.removesuffix(_USUAL_PORTS[parts.scheme])


@lru_cache(8)
def _signing_key(secret: str, date: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, "s3", "aws4_request"):
        key = _mac(key, part)
    return key


def _mac(key: bytes, message: str) -> bytes:
    return hmac.digest(key, message.encode(), "sha256")
