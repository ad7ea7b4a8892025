"""What each of our processes is told: what it needs, and nothing else."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from infra import nats_users
from infra.bearer import digest
from infra.config import trainer_port
from infra.embedded.folder import DataFolder
from infra.embedded.parts import Parts
from infra.embedded.ports import HOST, Ports
from infra.provision import APP, KEYS, OWNER, Names

LEDGER = ("database_url", "keys_database_url", "master_key_file")
STORE = ("s3_url", "s3_access_key", "s3_secret_key", "s3_bucket", "s3_region")
COMMANDS = (*LEDGER, "pepper_file", "link_key_file", *STORE, "nats_url")
EVERYBODY = ("data", "log_level", "otlp_endpoint", "otlp_headers")
TOLD: dict[str, tuple[str, ...]] = {
    "migrate": ("database_url", "keys_database_url", "nats_url", "nats_replicas"),
    "relay": ("database_url", "nats_url", "metrics_port"),
    "projector": (*LEDGER, "nats_url", "metrics_port"),
    "consumers": (*COMMANDS, "mlflow_url", "api_url", "heads_url", "mail", "metrics_port"),
    "api": (
        *(*COMMANDS, "mlflow_url", "api_host", "api_port", "api_url", "token_key_file", "worker_credentials"),
        *("limits", "trusted_proxies", "erasure_days", "verify_first", "metrics_port"),
    ),
    # Alone in the house without any key to it: no database, no object storage.
    "trainer": ("nats_url", "api_url", "trainer_port", "worker_credential", "environments", "threads"),
    # The command line, on this machine.
    "cli": (*COMMANDS, "mlflow_url", "api_url", "heads_url"),
}
# What `up` itself makes use of.
KEPT = ("mlflow_bucket",)


class UnknownProcess(Exception):
    pass


@dataclass(frozen=True)
class Told:
    folder: DataFolder
    parts: Parts
    ports: Ports
    frameworks: Iterable[str]
    names: Names = field(default_factory=Names)

    def settings_for(self, process: str) -> dict[str, object]:
        """`relay`, `projector`, `consumers`, `api`, `cli`, `migrate` or `trainer-<framework>`."""
        kind = "trainer" if process.startswith("trainer-") else process
        if kind not in TOLD:
            raise UnknownProcess(process)
        values = self._on_disk() | self._addresses(process) | (self._trainer(process) if kind == "trainer" else {})
        if "metrics_port" in TOLD[kind]:
            values["metrics_port"] = self.metrics_port(process)
        return {name: values[name] for name in (*EVERYBODY, *TOLD[kind])}

    def _addresses(self, process: str) -> dict[str, object]:
        parts, keys = self.parts, self.parts.s3_keys("vistory")
        owner = process == "migrate"
        return {
            "database_url": parts.database_url(OWNER if owner else APP, self.names.ledger),
            "keys_database_url": parts.keys_database_url(OWNER if owner else KEYS, self.names.keys),
            "nats_url": parts.nats_url(bus_user(process)),
            "s3_url": parts.s3_url,
            "s3_access_key": keys.access,
            "s3_secret_key": keys.secret,
            "s3_bucket": parts.settings.s3_bucket,
            "s3_region": parts.settings.s3_region,
            "heads_url": parts.settings.heads_url and parts.settings.heads_url.get_secret_value(),
            "mlflow_url": parts.mlflow_url,
            "api_host": parts.settings.api_host,
            "api_port": self.api_port,
            "api_url": self.api_url,
            "mail": self._mail(),
        }

    def _mail(self) -> dict[str, object]:
        """With the password, which this file is made for."""
        mail = self.parts.mail_settings
        told = mail.model_dump(mode="json", by_alias=True)
        return told | {"password": mail.password and mail.password.get_secret_value()}

    def _on_disk(self) -> dict[str, object]:
        passwords, settings = self.parts.passwords, self.parts.settings
        return {
            "data": str(self.folder.path),
            "log_level": settings.log_level,
            "otlp_endpoint": settings.otlp_endpoint,
            "otlp_headers": settings.otlp_headers.get_secret_value() if settings.otlp_headers else None,
            "environments": str(settings.environments),
            "limits": settings.limits.model_dump(),
            "trusted_proxies": settings.trusted_proxies,
            "erasure_days": settings.erasure_days,
            "verify_first": settings.verify_first,
            "threads": settings.threads,
            "nats_replicas": settings.nats_replicas,
            "master_key_file": str(passwords.key_file("master-1.key")),
            "pepper_file": str(passwords.key_file("pepper")),
            "token_key_file": str(passwords.key_file("token.key")),
            "link_key_file": str(passwords.key_file("link.key")),
            "worker_credentials": {name: self._known(name) for name in self.frameworks},
        }

    def _trainer(self, process: str) -> dict[str, object]:
        framework = process.removeprefix("trainer-")
        return {
            "trainer_port": self.trainer_port(framework),
            "worker_credential": self.parts.passwords[f"worker-{framework}"],
        }

    @property
    def api_port(self) -> int:
        return self.ports.near("api", self.parts.settings.api_port)

    @property
    def api_url(self) -> str:
        return self.parts.settings.api_url or f"http://{HOST}:{self.api_port}"

    def trainer_port(self, framework: str) -> int:
        return self.ports.near(f"trainer-{framework}", trainer_port(framework))

    def metrics_port(self, process: str) -> int:
        """A trainer's metrics stand beside its health."""
        if process.startswith("trainer-"):
            return self.trainer_port(process.removeprefix("trainer-"))
        return self.ports[f"metrics-{process}"]

    def _known(self, framework: str) -> str:
        return digest(self.parts.passwords[f"worker-{framework}"]).hex()


def bus_user(process: str) -> str:
    return {"migrate": nats_users.ADMIN, "cli": "auditor"}.get(process, process)
