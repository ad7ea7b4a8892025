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
    never: tuple[str, ...] = ()
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
    trainers = [trainer_user(framework) for framework in frameworks]
    durables = tuple(subject for framework in frameworks for subject in touches("EVENTS", trainer_durable(framework)))
    return [
        User(ADMIN, publish=(f"{API}.>", "$JS.ACK.>", "$KV.>", "vistory.>"), subscribe=("vistory.>",)),
        User("relay", publish=("vistory.events.>", *looks("EVENTS"))),
        User("projector", publish=reads("EVENTS"), never=durables),
        User("consumers", publish=(*CONSUMERS, "vistory.parked.>", "vistory.control.>"), never=durables),
        User("api", publish=(*looks("EVENTS"), *looks("TELEMETRY"))),
        # Compares the stream with the store, from the command line.
        User("auditor", publish=reads("EVENTS"), never=durables),
        *trainers,
    ]


def trainer_user(framework: str) -> User:
    durable = trainer_durable(framework)
    return User(
        trainer(framework),
        publish=(
            f"{API}.CONSUMER.INFO.EVENTS.{durable}",
            f"{API}.CONSUMER.MSG.NEXT.EVENTS.{durable}",
            f"$JS.ACK.EVENTS.{durable}.>",
            "$KV.LEASES.>",
            "vistory.telemetry.>",
        ),
        subscribe=(f"vistory.control.{framework}.>",),
        responds=True,
    )


def touches(stream: str, consumer: str) -> tuple[str, ...]:
    """Every way to take from a consumer, to acknowledge in its place, to overwrite it or to delete it."""
    ways = ("CREATE", "DURABLE.CREATE", "DELETE", "MSG.NEXT")
    exact = [f"{API}.CONSUMER.{way}.{stream}.{consumer}" for way in ways]
    return (*exact, f"{API}.CONSUMER.CREATE.{stream}.{consumer}.>", f"$JS.ACK.{stream}.{consumer}.>")


def looks(stream: str) -> tuple[str, ...]:
    """Reads a stream's state and single messages."""
    return (
        f"{API}.INFO",
        f"{API}.STREAM.INFO.{stream}",
        f"{API}.STREAM.MSG.GET.{stream}",
        f"{API}.DIRECT.GET.{stream}",
        f"{API}.DIRECT.GET.{stream}.>",
    )


def reads(stream: str) -> tuple[str, ...]:
    """Reads a stream in order, through passing consumers that it makes itself; it acknowledges nothing."""
    return (
        *looks(stream),
        f"{API}.CONSUMER.CREATE.{stream}.*",
        f"{API}.CONSUMER.INFO.{stream}.*",
        f"{API}.CONSUMER.DELETE.{stream}.*",
        f"{API}.CONSUMER.MSG.NEXT.{stream}.*",
    )


# Beside reading in order: reactions, each by a durable of its own, with a filter and acknowledgements.
CONSUMERS = (
    *reads("EVENTS"),
    *reads("TELEMETRY"),
    *looks("PARKED"),
    *looks("KV_LEASES"),
    f"{API}.CONSUMER.CREATE.EVENTS.*.>",
    f"{API}.CONSUMER.DURABLE.CREATE.EVENTS.*",
    "$JS.ACK.EVENTS.>",
)


def authorization(users: Iterable[User], passwords: Mapping[str, str]) -> str:
    """The block of a server's configuration that makes these users; for a server of one's own, include it there."""
    entries = [entry(user, passwords[user.name]) for user in users]
    return "authorization {\n  timeout: 5\n  users: [\n" + "\n".join(entries) + "\n  ]\n}"


def entry(user: User, password: str) -> str:
    publish = {"allow": list(dict.fromkeys(user.publish))} | ({"deny": list(user.never)} if user.never else {})
    permissions = {
        "publish": publish,
        "subscribe": {"allow": [f"{inbox(user.name)}.>", *user.subscribe]},
    } | ({"allow_responses": {"max": 1, "expires": "1m"}} if user.responds else {})
    return "    " + json.dumps({"user": user.name, "password": password, "permissions": permissions})
