"""Somebody of whom everything is held that the platform holds of anybody, each under words that stand nowhere else."""

import base64
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import httpx
import psycopg
from uuid_utils.compat import uuid7

from cli.client import Api
from cli.local import hosting
from commands.access import Caller
from commands.invitation import ExpireInvitation
from domain.model import SYSTEM
from infra.config import Settings
from infra.mailbox import Kept, Mailbox
from infra.names import PREFIX
from infra.unit import Errand
from tests.api.phone import phone
from tests.whole import waited

PASSWORD: Final = "Umber-Lantern-4444"
AT: Final = "127.77.13.9"
FAILED_AT: Final = "127.77.13.10"
ENDS: Final = ("accepted", "declined", "expired", "cancelled", "pending")


def marked(what: str) -> str:
    return f"{what}-{uuid4().hex}"


@dataclass
class Planted:
    """`personal` is what stands somewhere while she is there, by what it is; `secret` what may stand nowhere at all.

    `beside` is somebody who stays, and has a place in what was hers.
    """

    api: Api
    personal: dict[str, str]
    secret: dict[str, str] = field(default_factory=dict)
    invitations: dict[str, str] = field(default_factory=dict)
    id: str = ""
    beside: Api = field(init=False)

    def words(self) -> list[str]:
        return [*self.personal.values(), *self.secret.values()]


def plant(data: Path, host: Api) -> Planted:
    """By way of everything that people can do; `host` lets her in, and stays."""
    personal = {
        "name of before": f"Zoë Ångström {uuid4().hex}",
        "name": f"Ｚｏë 한빛 {uuid4().hex}",
        "name in pieces": unicodedata.normalize("NFD", f"Renée {uuid4().hex}"),
        "device": marked("Lantern/1.0"),
        "address of a machine": AT,
        "address where signing in failed": FAILED_AT,
        "wished address": f"{marked('wished')}@planted.example",
        "address of now": f"{marked('now')}@planted.example",
        **{f"{end}: address": f"{marked(end)}@planted.example" for end in ENDS},
        **{f"{end}: message": marked(f"welcome by {end}") for end in ENDS},
    }
    planted = Planted(Api(host.url), personal)
    box = Mailbox.inside(data)
    for end in ENDS[:-1]:
        planted.invitations[end] = invite(host, planted, end)
    _arrive(planted, box)
    planted.invitations["pending"] = invite(planted.api, planted, "pending", "guest")
    _secure(planted)
    planted.beside = _colleague(host, box)
    _work(planted, host, planted.beside)
    for who in (planted.api, host, planted.beside):
        who.download(who.get_until_done("/users/me/export")["url"])
    return planted


def _colleague(host: Api, box: Mailbox) -> Api:
    """Somebody who invites nobody and is invited by nobody, so that nothing but an erasure ends what they exported."""
    beside, me = Api(host.url), {"email": "beside@planted.example", "password": PASSWORD}
    beside.post("/auth/register", company="Planted", division="Vision", full_name="Besides", **me)
    beside.token = beside.post("/auth/login", **me)["access_token"]
    (waiting,) = waited(lambda: host.get("/members", waiting=True)["items"], 30, "somebody waits to be let in")
    host.post(f"/members/{waiting['id']}/approve", role="guest")
    beside.post("/auth/verify-email", token=code_in(box, me["email"]))
    return beside


def invite(by: Api, planted: Planted, end: str, role: str = "manager") -> str:
    given = {"email": planted.personal[f"{end}: address"], "message": planted.personal[f"{end}: message"]}
    return str(by.post("/invitations", role=role, language="ko", **given)["id"])


def _arrive(planted: Planted, box: Mailbox) -> None:
    """She accepts, takes other names and another address, and signs in from elsewhere; once somebody else tried."""
    her, words = planted.api, planted.personal
    token = code_in(box, words["accepted: address"])
    answer = her.post("/invitations/accept", token=token, password=PASSWORD, full_name=words["name of before"])
    her.token, planted.id = answer["access_token"], answer["person"]["id"]
    for name in ("name", "name in pieces"):
        her.patch("/users/me", full_name=words[name])
    for address in ("wished address", "address of now"):
        her.post("/users/me/email", email=words[address], password=PASSWORD)
        token = code_in(box, words[address])
    her.post("/auth/verify-email", token=token)
    sign_in = {"email": words["address of now"], "password": PASSWORD, "refresh": "body"}
    login = f"{her.url}{PREFIX}/auth/login"
    her.token = _from(AT, words["device"], login, sign_in, 200)["access_token"]
    _from(FAILED_AT, "", login, sign_in | {"password": "not this one"}, 401)


def _from(address: str, device: str, url: str, body: dict[str, str], status: int, token: str = "") -> Any:
    transport = httpx.HTTPTransport(local_address=address)
    headers = {"User-Agent": device} | ({"Authorization": f"Bearer {token}"} if token else {})
    with httpx.Client(transport=transport, trust_env=False, headers=headers) as client:
        answer = client.post(url, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def _secure(planted: Planted) -> None:
    her, secret = planted.api, planted.secret
    secret["password"] = PASSWORD
    secret["session"] = str(her.token)
    secret["api token"] = her.post("/tokens", name="lantern", scopes=["read"])["token"]
    secret["second factor"] = her.post("/auth/second-factor/begin", password=PASSWORD)["secret"]
    secret["second factor's bytes"] = base64.b32decode(secret["second factor"]).hex()
    codes = her.post("/auth/second-factor/confirm", code=phone(secret["second factor"])())["recovery_codes"]
    secret |= {f"recovery code {number}": code for number, code in enumerate(codes)}
    planted.secret = secret


def _work(planted: Planted, host: Api, beside: Api) -> None:
    """What she owned is the host's in the end, and she has a place there; somebody else has one from her, given from
    where she signed in.
    """
    her, device, third = planted.api, planted.personal["device"], beside.get("/auth/me")["id"]
    project, dataset = (her.post(f"/{kind}", name="lantern")["id"] for kind in ("projects", "datasets"))
    her.post("/experiments", project_id=project, name="lantern")
    heir = host.get("/auth/me")["id"]
    for thing in (f"/projects/{project}", f"/datasets/{dataset}"):
        place = f"{her.url}{PREFIX}{thing}/members"
        _from(AT, device, place, {"person_id": third, "role": "viewer"}, 200, str(her.token))
        her.post(f"{thing}/owner/offer", person_id=heir)
        host.post(f"{thing}/owner/accept")


def code_in(box: Mailbox, address: str) -> str:
    letter: Kept = waited(lambda: _letter(box, address), 60, "a letter has come")
    found = re.search(r"#token=([\w-]+)", letter.text)
    assert found
    return found[1]


def _letter(box: Mailbox, address: str) -> Kept | None:
    return next((each for each in box.letters() if each.letter["to"].addresses[0].addr_spec == address), None)


def letters_came(data: Path, planted: Planted) -> bool:
    box = Mailbox.inside(data)
    return all(_letter(box, planted.personal[f"{end}: address"]) for end in ENDS)


def end_invitations(settings: Settings, data: Path, host: Api, planted: Planted) -> None:
    """Each in its way; the one that she sent herself is pending when she goes."""
    host.post("/invitations/decline", token=code_in(Mailbox.inside(data), planted.personal["declined: address"]))
    host.delete(f"/invitations/{planted.invitations['cancelled']}")
    with hosting(settings) as work:
        errand = Errand(Caller(kind="system", id=SYSTEM), datetime.now(UTC) + timedelta(days=8), uuid7())
        work.dispatch(ExpireInvitation(invitation_id=UUID(planted.invitations["expired"])), errand)


def put_into_the_open(owner: Settings, words: list[str]) -> Callable[[], None]:
    """What may stand nowhere stands in a table for once; what is answered takes it away again."""
    with psycopg.connect(owner.need("database_url")) as connection:
        connection.execute("CREATE TABLE public.in_the_open (word text)")
        connection.cursor().executemany("INSERT INTO public.in_the_open VALUES (%s)", [(word,) for word in words])

    def away() -> None:
        with psycopg.connect(owner.need("database_url")) as connection:
            connection.execute("DROP TABLE public.in_the_open")

    return away
