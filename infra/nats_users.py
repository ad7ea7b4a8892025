"""Who may do what on the bus: one user per kind of process, each with an inbox of its own.

Only `admin` (that is `vistory migrate` and `vistory stream rebuild`) may make, change, purge or delete a stream. A
trainer has no subscription on events and may not make consumers: it fetches from and acknowledges its one durable.
Whoever could subscribe to `_INBOX.>` would read the deliveries of others, so nobody can.

Permissions do not hold for the subject that an answer is asked to: JetStream answers wherever a request says, onto
stream EVENTS too. Therefore only who writes events or makes streams is in the account that has them. All others are
guests, each in an account of its own: there nothing leads to the streams but what it may publish anyway.

Downstream systems are guests, too, whose accounts are there from the beginning and have no users: who may enter one is
asked at the door (`infra.bus_pass`), so that a subscriber comes and goes without the server being told anew.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from infra.bus_pass import Issuer

ADMIN = "admin"
API = "$JS.API"
# Where clients find it (`infra.bus.jetstream`): the server answers under its own name in every account, guests' too.
DOOR = "$JS.vistory.API"
HOUSE = "vistory"
# A pull request is answered by many messages, and waits for them for a while: whoever asks must wait less.
ANSWERED_WITHIN = 8
PLACES = 32
# Who is asked at the door needs to know of the server itself who is there, and to send somebody away.
KEEPER = "consumers"
ASKED_AT = "$SYS.REQ.USER.AUTH"
CONNECTED_AT = "$SYS.REQ.SERVER.PING.CONNZ"
KICKED_AT = "$SYS.REQ.SERVER.*.KICK"
SYSTEM = "$SYS"
AT_THE_DOOR = (CONNECTED_AT, KICKED_AT)
EVERY_PLACE = range(1, PLACES + 1)


@dataclass(frozen=True)
class User:
    name: str
    publish: tuple[str, ...]
    never: tuple[str, ...] = ()
    # What it is asked, and may answer, once, whatever inbox the question names; and by whom.
    answers: tuple[str, ...] = ()
    asked_by: tuple[str, ...] = ()
    is_guest: bool = True
    # Is asked who may enter the account of a subscriber, and may send away whoever is there.
    keeps_door: bool = False


def inbox(user: str) -> str:
    """The prefix that a client of this user must ask for: `nats.connect(..., inbox_prefix=...)`."""
    return f"_INBOX_{user}"


def user_of(url: str) -> str:
    return unquote(urlsplit(url).username or "")


def connect_options(url: str) -> dict[str, Any]:
    """What `nats.connect` needs to be the user that the URL names, also at servers that it hears of from this one."""
    who = {"user": user_of(url), "password": unquote(urlsplit(url).password or "")}
    return {"servers": [without_credentials(url)], **who, "inbox_prefix": inbox(user_of(url)).encode()}


def without_credentials(url: str) -> str:
    address = urlsplit(url)
    return address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()


def url_for(user: str, password: str, url: str) -> str:
    """The same server, for another user."""
    address = urlsplit(url)
    return address._replace(netloc=f"{quote(user)}:{quote(password)}@{address.netloc.rpartition('@')[2]}").geturl()


def trainer(framework: str) -> str:
    return f"trainer-{framework}"


def trainer_durable(framework: str) -> str:
    """The one durable consumer of EVENTS that a framework's service may fetch from; made for it by the platform."""
    return f"train-{framework}"


def subscriber(place: int) -> str:
    """What the account of a downstream system is called, and the one durable consumer that it leads to."""
    return f"subscriber-{place}"


def of_subscriber(place: int) -> tuple[str, ...]:
    return takes(subscriber(place))


def users(frameworks: Iterable[str]) -> list[User]:
    trainers = [trainer_user(framework) for framework in frameworks]
    theirs = [trainer_durable(framework) for framework in frameworks]
    durables = tuple(subject for durable in theirs for subject in touches("EVENTS", durable))
    subscribers = tuple(subject for place in EVERY_PLACE for subject in touches("EVENTS", subscriber(place)))
    return [
        User(ADMIN, publish=(f"{API}.>", "$JS.ACK.>", "$KV.>", "vistory.>"), is_guest=False),
        User("relay", publish=("vistory.events.>", *looks("EVENTS")), is_guest=False),
        User("projector", publish=reads("EVENTS"), never=durables + subscribers),
        User(KEEPER, publish=(*CONSUMERS, "vistory.parked.>"), never=durables, keeps_door=True),
        User("api", publish=(*looks("EVENTS"), *looks("TELEMETRY"))),
        # Compares the stream with the store, from the command line.
        User("auditor", publish=reads("EVENTS"), never=durables + subscribers),
        *trainers,
    ]


def trainer_user(framework: str) -> User:
    durable = trainer_durable(framework)
    return User(
        trainer(framework),
        publish=(
            *takes(durable),
            f"$KV.LEASES.{framework}.*.*",
            f"vistory.telemetry.{framework}.*.*.*",
        ),
        answers=(f"vistory.control.{framework}.>",),
        asked_by=(KEEPER,),
    )


def takes(durable: str) -> tuple[str, ...]:
    """Fetches from a consumer of EVENTS, and acknowledges."""
    return (
        f"{API}.CONSUMER.INFO.EVENTS.{durable}",
        f"{API}.CONSUMER.MSG.NEXT.EVENTS.{durable}",
        f"$JS.ACK.EVENTS.{durable}.>",
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
    accounts = {HOUSE: house(users, passwords), SYSTEM: {"exports": [export(each, [KEEPER]) for each in AT_THE_DOOR]}}
    accounts |= {user.name: guest(user, users, passwords[user.name]) for user in users if user.is_guest}
    accounts |= {subscriber(place): {"imports": imported(of_subscriber(place))} for place in EVERY_PLACE}
    issuer, known = Issuer.of(passwords[KEEPER]).name, [user.name for user in users]
    asked = {"timeout": 5, "auth_callout": {"issuer": issuer, "auth_users": known, "account": KEEPER}}
    return f"authorization {json.dumps(asked, indent=2)}\naccounts {json.dumps(accounts, indent=2)}"


def house(users: Iterable[User], passwords: Mapping[str, str]) -> dict[str, object]:
    """Where the streams are. A guest reaches them by what is exported to it."""
    exported: defaultdict[str, list[str]] = defaultdict(list)
    for user in users:
        for subject in user.publish if user.is_guest else ():
            exported[subject].append(user.name)
    for place in EVERY_PLACE:
        for subject in of_subscriber(place):
            exported[subject].append(subscriber(place))
    return {
        "jetstream": "enabled",
        "mappings": {f"{DOOR}.>": f"{API}.>"},
        "users": [entry(user, passwords[user.name], user.publish) for user in users if not user.is_guest],
        "exports": [export(subject, names) for subject, names in exported.items()],
    }


def guest(user: User, users: Iterable[User], password: str) -> dict[str, object]:
    questions = [(other.name, subject) for other in users if user.name in other.asked_by for subject in other.answers]
    questions += [(SYSTEM, subject) for subject in AT_THE_DOOR if user.keeps_door]
    may = [door(subject) for subject in user.publish] + [subject for _, subject in questions]
    return {
        "users": [entry(user, password, may)],
        "exports": [export(subject, user.asked_by) for subject in user.answers],
        "imports": [*imported(user.publish), *(service(name, subject) for name, subject in questions)],
    }


def imported(subjects: Iterable[str]) -> list[dict[str, object]]:
    return [service(HOUSE, subject) | {"to": door(subject)} for subject in subjects]


def door(subject: str) -> str:
    """What a client says for it."""
    return subject.replace(f"{API}.", f"{DOOR}.", 1)


def export(subject: str, to: Iterable[str]) -> dict[str, object]:
    is_many = ".MSG.NEXT." in subject or subject == CONNECTED_AT
    many = {"response": "stream", "threshold": f"{ANSWERED_WITHIN}s"} if is_many else {}
    return {"service": subject, "accounts": list(to), **many}


def service(account: str, subject: str) -> dict[str, object]:
    return {"service": {"account": account, "subject": subject}}


def entry(user: User, password: str, may: Iterable[str]) -> dict[str, object]:
    answers = (*user.answers, ASKED_AT) if user.keeps_door else user.answers
    deny = {"deny": [door(subject) for subject in user.never]} if user.never else {}
    permissions = {
        "publish": {"allow": list(dict.fromkeys(may)), **deny},
        "subscribe": {"allow": [f"{inbox(user.name)}.>", *answers]},
    } | ({"allow_responses": {"max": 1, "expires": "1m"}} if answers else {})
    return {"user": user.name, "password": password, "permissions": permissions}
