"""What a process is told from outside: read once at its start, then passed down.

Values come from `VISTORY_*` variables, or from the JSON file that `VISTORY_SETTINGS_FILE` names: the supervisor writes
one per process, readable by its owner only, so that neither argv nor the environment of a process shows a password.
"""

import os
import stat
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    JsonConfigSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from infra.mail_settings import Mail

SETTINGS_FILE = "VISTORY_SETTINGS_FILE"


class MissingSetting(Exception):
    """This process was not told something that it needs."""

    exit_code = 78  # EX_CONFIG


class ExposedSettings(Exception):
    """Others can read the file with this process's settings."""

    exit_code = 78


def trainer_port(framework: str) -> int:
    """Where the service of a framework is looked for first; it takes the next that is free."""
    return {"timm": 8001, "ultralytics": 8002}.get(framework, 8003)


def either(ours: str, theirs: str) -> AliasChoices:
    return AliasChoices(ours, f"VISTORY_{ours.upper()}", f"OTEL_EXPORTER_OTLP_{theirs.upper()}")


@cache
def networks(trusted: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(each.strip()) for each in trusted.split(",") if each.strip())


def must_be_networks(trusted: str) -> str:
    networks(trusted)
    return trusted


def as_number(text: object) -> object:
    """A choice of numbers takes no text, and the environment knows nothing else."""
    return int(text) if isinstance(text, str) and text.isdecimal() else text


def must_be_a_place(url: SecretStr) -> SecretStr:
    """Whatever it does not know would be taken for a folder, on the very machine it should be away from."""
    parts = urlsplit(url.get_secret_value())
    folder = parts.scheme in ("", "file") and not parts.netloc and parts.path.startswith("/")
    if not folder and not (parts.scheme in ("http", "https") and parts.hostname and parts.path.strip("/")):
        raise ValueError("name a folder (/mnt/elsewhere) or https://key:secret@host/bucket/prefix, also for s3")
    return url


class OperatorLimits(BaseModel):
    """What whoever runs the platform allows, whatever an organization's admins do."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    # What the API answers to one account, in a burst ten times as much; 0 is without limits, for a benchmark.
    requests_per_second: float = Field(1_000, ge=0)
    # How many invitations one organization may send in a day; 0 is without limits.
    invitations_per_day: int = Field(500, ge=0, le=1_000_000)
    # How many trainings one organization may run at once, on all workers together.
    running_per_organization: int = Field(8, ge=1)


SERVERS: Final = ("database_url", "keys_database_url", "nats_url", "s3_url", "mlflow_url", "heads_url")


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="VISTORY_",
        env_nested_delimiter="_",
        env_nested_max_split=1,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
    )

    data: Path | None = None
    # `up` and `migrate` are given an administrator here, every other process its own narrow role.
    database_url: SecretStr | None = None
    keys_database_url: SecretStr | None = None
    nats_url: SecretStr | None = None
    # On how many of its servers each stream is kept, where the bus has several.
    nats_replicas: Annotated[Literal[1, 3, 5], BeforeValidator(as_number)] = 1
    s3_url: str | None = None
    s3_access_key: str | None = None
    s3_secret_key: SecretStr | None = None
    s3_bucket: str = "vistory"
    s3_region: str = "us-east-1"
    # A second place for heads of the ledger: a folder, or https://key:secret@host/bucket/prefix.
    heads_url: Annotated[SecretStr, AfterValidator(must_be_a_place)] | None = None
    mlflow_url: str | None = None
    mlflow_bucket: str = "mlflow"
    api_host: str = "127.0.0.1"
    api_port: int = 8000
    api_url: str | None = None
    # Whose word about where a request came from counts: addresses or networks with commas between; nobody's, else.
    trusted_proxies: Annotated[str, AfterValidator(must_be_networks)] = ""
    master_key_file: Path | None = None
    pepper_file: Path | None = None
    token_key_file: Path | None = None
    link_key_file: Path | None = None
    worker_credential: SecretStr | None = None
    # What the API knows of the workers: framework -> sha256 of its credential, in hex.
    worker_credentials: dict[str, str] = {}
    # Whether an account begins only once its address is proven by mail; then no answer tells who has one.
    verify_first: bool = False
    # How long whoever asked to be erased can stay after all.
    erasure_days: int = Field(7, ge=0, le=365)
    # By variables of its own, like VISTORY_LIMITS_INVITATIONS_PER_DAY.
    limits: OperatorLimits = OperatorLimits()
    trainer_port: int | None = None
    # Where Prometheus may ask, on 127.0.0.1 only; nowhere, if none is named.
    metrics_port: int | None = None
    environments: Path = Path(__file__).parent.parent / ".envs"
    threads: int | None = None
    log_level: str = "info"
    # By variables of its own, like VISTORY_MAIL_HOST.
    mail: Mail = Mail()
    # Where traces go by OTLP over HTTP; the names that OpenTelemetry gives these are heard too.
    otlp_endpoint: str | None = Field(None, validation_alias=either("otlp_endpoint", "endpoint"))
    otlp_headers: SecretStr | None = Field(None, validation_alias=either("otlp_headers", "headers"))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = os.environ.get(SETTINGS_FILE)
        if file is None:
            return init_settings, env_settings
        return init_settings, env_settings, JsonConfigSettingsSource(settings_cls, private(Path(file)))

    @property
    def named_servers(self) -> tuple[str, ...]:
        """The variables that name a server instead of an embedded one."""
        named = [name for name in SERVERS if getattr(self, name) is not None]
        return tuple(f"VISTORY_{name.upper()}" for name in named) + (("VISTORY_MAIL_HOST",) if self.mail.host else ())

    def need(self, name: str) -> str:
        """The plain value of a setting that this process cannot do without."""
        value = getattr(self, name)
        if value is None:
            raise MissingSetting(f"VISTORY_{name.upper()} is not set, and this process needs it")
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def private(file: Path) -> Path:
    """The same path, once nobody but its owner can read it."""
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise ExposedSettings(f"{file} holds secrets and others may read it; chmod 600 {file}")
    return file
