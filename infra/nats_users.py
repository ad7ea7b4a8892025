"""Who may do what on the bus: one user per kind of process, each with an inbox of its own.

Only `admin` (that is `vistory migrate` and `vistory stream rebuild`) may make, change, purge or delete a stream. A
trainer has no subscription on events and may not make consumers: it fetches from and acknowledges its one durable.
Whoever could subscribe to `_INBOX.>` would read the deliveries of others, so nobody can.

Permissions do not hold for the subject that an answer is asked to: JetStream answers wherever a request says, onto
stream EVENTS too. Who needs no more than single answers is therefore a guest, in an account of its own: there nothing
leads to the streams but what it may publish anyway.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

ADMIN = "admin"
API = "$JS.API"
HOUSE = "vistory"


@dataclass(frozen=True)
class User:
    name: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    # What it is asked, and may answer, once, whatever inbox the question names.
    answers: tuple[str, ...] = ()
    is_guest: bool = False


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
        User("api", publish=(*looks("EVENTS"), *looks("TELEMETRY")), is_guest=True),
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
            f"$KV.LEASES.{framework}.*.*",
            f"vistory.telemetry.{framework}.*.*.*",
        ),
        answers=(f"vistory.control.{framework}.>",),
        is_guest=True,
    )


def touches(stream: str, consumer: str) -> tuple[str, ...]:
    """Every way to take from a consumer, to acknowledge in its place, to overwrite it or to delete it."""
    ways = ("CREATE", "DURABLE.CREATE", "DELETE", "MSG.NEXT")
    exact = [f"{API}.CONSUMER.{way}.{stream}.{consumer}" for way in ways]
    return (*exact, f"{API}.CONSUMER.CREATE.{stream}.{consumer}.>", f"$JS.ACK.{stream}.{consumer}.>")


def looks(stream: str) -> tuple[str, ...]:
    """Reads a stream's state and single messages."""
    return (
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
    """The part of a server's configuration that makes these users; for a server of one's own, include it there."""
    users = list(users)
    accounts = {HOUSE: house(users, passwords)} | {
        user.name: guest(user, passwords[user.name]) for user in users if user.is_guest
    }
    return "authorization { timeout: 5 }\naccounts " + json.dumps(accounts, indent=2)


def house(users: Iterable[User], passwords: Mapping[str, str]) -> dict[str, object]:
    """Where the streams are. A guest reaches them by what is exported to it, and is asked by what is imported of it."""
    exported: defaultdict[str, list[str]] = defaultdict(list)
    guests = [user for user in users if user.is_guest]
    for user in guests:
        for subject in user.publish:
            exported[subject].append(user.name)
    return {
        "jetstream": "enabled",
        "users": [entry(user, passwords[user.name]) for user in users if not user.is_guest],
        "exports": [{"service": subject, "accounts": names} for subject, names in exported.items()],
        "imports": [service(user.name, subject) for user in guests for subject in user.answers],
    }


def guest(user: User, password: str) -> dict[str, object]:
    return {
        "users": [entry(user, password)],
        "exports": [{"service": subject, "accounts": [HOUSE]} for subject in user.answers],
        "imports": [service(HOUSE, subject) for subject in user.publish],
    }


def service(account: str, subject: str) -> dict[str, object]:
    return {"service": {"account": account, "subject": subject}}


def entry(user: User, password: str) -> dict[str, object]:
    publish = {"allow": list(dict.fromkeys(user.publish))} | ({"deny": list(user.never)} if user.never else {})
    permissions = {
        "publish": publish,
        "subscribe": {"allow": [f"{inbox(user.name)}.>", *user.subscribe, *user.answers]},
    } | ({"allow_responses": {"max": 1, "expires": "1m"}} if user.answers else {})
    return {"user": user.name, "password": password, "permissions": permissions}
