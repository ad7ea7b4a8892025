"""Who may do what on the bus: one user per kind of process, each with an inbox of its own.

Only `admin` (that is `vistory migrate` and `vistory stream rebuild`) may make, change, purge or delete a stream. A
trainer has no subscription on events and may not make consumers: it fetches from and acknowledges its one durable.
Whoever could subscribe to `_INBOX.>` would read the deliveries of others, so nobody can.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

ADMIN = "admin"
API = "$JS.API"


@dataclass(frozen=True)
class User:
    name: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...] = ()
    # May answer a request, once, whatever inbox it names.
    responds: bool = False


def inbox(user: str) -> str:
    """The prefix that a client of this user must ask for: `nats.connect(..., inbox_prefix=...)`."""
    return f"_INBOX_{user}"


def user_of(url: str) -> str:
    return unquote(urlsplit(url).username or "")


def connect_options(url: str) -> dict[str, object]:
    """What `nats.connect` needs to be the user that the URL names."""
    return {"servers": [url], "inbox_prefix": inbox(user_of(url)).encode()}


def url_for(user: str, password: str, url: str) -> str:
    """The same server, for another user."""
    address = urlsplit(url)
    return address._replace(netloc=f"{quote(user)}:{quote(password)}@{address.netloc.rpartition('@')[2]}").geturl()


def trainer(framework: str) -> str:
    return f"trainer-{framework}"


def trainer_durable(framework: str) -> str:
    """The one durable consumer of EVENTS that a framework's service may fetch from; made for it by the platform."""
    return f"train-{framework}"


def users(frameworks: Iterable[str]) -> list[User]:
    return [
        User(ADMIN, publish=(f"{API}.>", "$JS.ACK.>", "$JS.FC.>", "$KV.>", "vistory.>"), subscribe=("vistory.>",)),
        User("relay", publish=("vistory.events.>", *looks("EVENTS"))),
        User("projector", publish=(*consumes("EVENTS"), "vistory.parked.>")),
        User(
            "consumers",
            publish=(
                *consumes("EVENTS"),
                *consumes("TELEMETRY"),
                *looks("PARKED"),
                *consumes("KV_LEASES"),
                "$KV.LEASES.>",
                "vistory.parked.>",
                "vistory.control.>",
            ),
        ),
        User("api", publish=(*consumes("EVENTS"), *consumes("TELEMETRY"), *consumes("KV_LEASES"), "vistory.control.>")),
        *(trainer_user(framework) for framework in frameworks),
    ]


def trainer_user(framework: str) -> User:
    durable = trainer_durable(framework)
    return User(
        trainer(framework),
        publish=(
            f"{API}.CONSUMER.INFO.EVENTS.{durable}",
            f"{API}.CONSUMER.MSG.NEXT.EVENTS.{durable}",
            f"$JS.ACK.EVENTS.{durable}.>",
            *looks("KV_LEASES"),
            "$KV.LEASES.>",
            "vistory.telemetry.>",
        ),
        subscribe=(f"vistory.control.{framework}.>",),
        responds=True,
    )


def looks(stream: str) -> tuple[str, ...]:
    """Reads a stream's state and single messages."""
    return (
        f"{API}.INFO",
        f"{API}.STREAM.INFO.{stream}",
        f"{API}.STREAM.MSG.GET.{stream}",
        f"{API}.DIRECT.GET.{stream}",
        f"{API}.DIRECT.GET.{stream}.>",
    )


def consumes(stream: str) -> tuple[str, ...]:
    """Reads a stream in order, through consumers that it makes itself."""
    return (
        *looks(stream),
        f"{API}.STREAM.NAMES",
        f"{API}.CONSUMER.CREATE.{stream}",
        f"{API}.CONSUMER.CREATE.{stream}.>",
        f"{API}.CONSUMER.DURABLE.CREATE.{stream}.*",
        f"{API}.CONSUMER.INFO.{stream}.*",
        f"{API}.CONSUMER.DELETE.{stream}.*",
        f"{API}.CONSUMER.MSG.NEXT.{stream}.*",
        f"$JS.ACK.{stream}.>",
        "$JS.FC.>",
    )


def authorization(users: Iterable[User], passwords: Mapping[str, str]) -> str:
    """The block of a server's configuration that makes these users; for a server of one's own, include it there."""
    entries = [entry(user, passwords[user.name]) for user in users]
    return "authorization {\n  timeout: 5\n  users: [\n" + "\n".join(entries) + "\n  ]\n}"


def entry(user: User, password: str) -> str:
    permissions = {
        "publish": {"allow": list(dict.fromkeys(user.publish))},
        "subscribe": {"allow": [f"{inbox(user.name)}.>", *user.subscribe]},
    } | ({"allow_responses": {"max": 1, "expires": "1m"}} if user.responds else {})
    return "    " + json.dumps({"user": user.name, "password": password, "permissions": permissions})
