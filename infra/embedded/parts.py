"""Where the servers are: those of the data folder, or those that somebody named by URL."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from infra import nats_users
from infra.config import Settings
from infra.embedded.folder import DataFolder
from infra.embedded.mail import MailServer
from infra.embedded.mlflow import MLflow
from infra.embedded.nats import Nats, answers
from infra.embedded.objects import Keys, Objects
from infra.embedded.passwords import Passwords, write_private
from infra.embedded.ports import HOST, Ports
from infra.embedded.postgres import Postgres
from infra.mail_settings import Mail
from infra.provision import ROLES, Names, provision, url_for


class UnknownBusUser(Exception):
    """The NATS server that was named does not know one of our users."""

    exit_code = 78  # EX_CONFIG


@dataclass(frozen=True)
class Parts:
    """What is embedded; None stands for a server that the settings name."""

    settings: Settings
    passwords: Passwords
    postgres: Postgres | None
    nats: Nats | None
    objects: Objects | None
    mlflow: MLflow | None
    mail: MailServer | None
    users: tuple[nats_users.User, ...]
    authorization_file: Path

    @classmethod
    def of(
        cls, folder: DataFolder, settings: Settings, ports: Ports, passwords: Passwords, frameworks: Iterable[str]
    ) -> "Parts":
        users = tuple(nats_users.users(frameworks))
        return cls(
            settings,
            passwords,
            None if settings.database_url else Postgres(folder, ports["postgres"], passwords["postgres-admin"]),
            None if settings.nats_url else Nats(folder / "nats", ports["nats"], passwords, users),
            None if settings.s3_url else Objects(folder, ports, passwords),
            None if settings.mlflow_url else MLflow(folder, ports["mlflow"], settings.environments),
            None if settings.mail.host else MailServer(folder, ports["mail"], passwords),
            users,
            folder / "secrets" / "nats-users.conf",
        )

    @property
    def admin_url(self) -> str:
        return self.postgres.admin_url if self.postgres else self.settings.need("database_url")

    @property
    def keys_admin_url(self) -> str:
        """The keys may live on a server of their own."""
        return self.settings.need("keys_database_url") if self.settings.keys_database_url else self.admin_url

    @property
    def s3_url(self) -> str:
        return self.objects.url if self.objects else self.settings.need("s3_url")

    @property
    def mlflow_url(self) -> str:
        return self.mlflow.url if self.mlflow else self.settings.need("mlflow_url")

    @property
    def mail_settings(self) -> Mail:
        return self.mail.settings(self.settings.mail) if self.mail else self.settings.mail

    def nats_url(self, user: str) -> str:
        if self.nats:
            return self.nats.url(user)
        named = self.settings.need("nats_url")
        return named if user == nats_users.ADMIN else nats_users.url_for(user, self.passwords[f"nats-{user}"], named)

    def database_url(self, role: str, database: str) -> str:
        return url_for(role, self.passwords[f"postgres-{role}"], database, self.admin_url)

    def keys_database_url(self, role: str, database: str) -> str:
        return url_for(role, self.passwords[f"postgres-{role}"], database, self.keys_admin_url)

    def s3_keys(self, bucket: str) -> Keys:
        if self.objects:
            return self.objects.keys(bucket)
        return Keys(self.settings.need("s3_access_key"), self.settings.need("s3_secret_key"))

    def check_bus(self) -> None:
        """A server of somebody else's must have our users already: NATS offers no way to make them from outside."""
        for user in [] if self.nats else self.users:
            address = urlsplit(self.nats_url(user.name))
            secret = unquote(address.password or "")
            if address.scheme == "nats" and not answers(
                address.port or 4222, user.name, secret, address.hostname or HOST
            ):
                raise UnknownBusUser(
                    f"the NATS server at {address.hostname}:{address.port} refuses the user {user.name}; "
                    f"put into its configuration: include '{self.write_authorization()}'"
                )

    def write_authorization(self) -> Path:
        """The users with their passwords, in the words of a NATS server's configuration."""
        passwords = {user.name: self.passwords[f"nats-{user.name}"] for user in self.users}
        block = nats_users.authorization(self.users, passwords)
        return write_private(self.authorization_file, block.encode())

    def provision(self, names: Names | None = None) -> None:
        passwords = {role: self.passwords[f"postgres-{role}"] for role in ROLES}
        for url in dict.fromkeys([self.admin_url, self.keys_admin_url]):
            provision(url, passwords, names)
