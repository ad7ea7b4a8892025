"""How mail goes out: the server, how it is spoken to, who writes, and where the links lead."""

from email.headerregistry import AddressHeader
from email.policy import SMTP
from enum import StrEnum
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

HERE: Final = ("127.0.0.1", "::1", "localhost")


class Security(StrEnum):
    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


PORTS: Final = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}


def must_be_one_address(sender: str) -> str:
    header = SMTP.header_factory("From", sender)
    assert isinstance(header, AddressHeader)
    if header.defects or len(header.addresses) != 1 or "@" not in header.addresses[0].addr_spec:  # type: ignore[attr-defined]
        raise ValueError("name one address: noreply@example.org, or Vistory <noreply@example.org>")
    return sender


def must_be_a_page(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("name the address of a page: https://vistory.example.org")
    return url.rstrip("/")


class Mail(BaseModel):
    """Each by a variable of its own: VISTORY_MAIL_HOST, VISTORY_MAIL_FROM, and so on."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, populate_by_name=True)

    # The embedded one, where none is named.
    host: str | None = None
    port: int | None = Field(None, ge=1, le=65_535)
    user: str | None = None
    password: SecretStr | None = None
    security: Security = Security.STARTTLS
    sender: Annotated[str, AfterValidator(must_be_one_address)] = Field("Vistory <vistory@localhost>", alias="from")
    # Where the links lead: this platform's own pages, where no other is named.
    frontend_url: Annotated[str, AfterValidator(must_be_a_page)] | None = None

    @model_validator(mode="after")
    def _passwords_stay_secret(self) -> Self:
        if self.security is Security.NONE and self.password and self.host not in HERE:
            raise ValueError("a password goes out by starttls or tls only, unless the server is on this machine")
        return self

    @property
    def at_port(self) -> int:
        return self.port or PORTS[self.security]
