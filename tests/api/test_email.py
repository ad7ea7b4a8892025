"""Addresses over HTTP, with a real mail server: verified by the link of a letter, which can be asked for again."""

import re
from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from infra.config import Settings
from infra.host import Host
from infra.mailbox import Kept, Mailbox
from tests.api.letters import Delivered, token_in
from tests.api.phone import secured
from tests.api.test_session import claims_of
from tests.api.visitor import PASSWORD, Visitor
from tests.servers import Servers

PAGE = "verify-email"
LONGEST = "a" * 64 + "@" + ".".join(["d" * 63] * 4)
assert len(LONGEST) == 320
NEW, WRONG = "new.ann@example.com", "wrong horse battery"


@pytest.fixture
def founder(client: TestClient) -> Callable[[], Visitor]:
    """Whose address is not verified yet."""
    return lambda: Visitor(client).arrive(company=f"Company {uuid4()}")


def test_whoever_registers_is_sent_a_link_that_verifies_the_address(
    founder: Callable[[], Visitor], delivered: Delivered, stranger: Visitor
) -> None:
    delivered()
    ann = founder()
    assert ann.get("/auth/me")["email_verified"] is False
    (letter,) = delivered()
    assert (letter.letter["to"], letter.letter["vistory-about"]) == (ann.email, ann.id)
    token = token_in(letter, PAGE)
    assert stranger.post("/auth/verify-email", {"token": token}) == {"id": ann.id}
    assert ann.get("/auth/me")["email_verified"] is True
    again = stranger("POST", "/auth/verify-email", {"token": token})
    assert (again.status_code, again.json()["type"]) == (409, "urn:vistory:problem:link-is-over")


def test_another_link_is_sent_to_whoever_has_not_verified_and_no_answer_tells_who_that_is(
    founder: Callable[[], Visitor], delivered: Delivered, stranger: Visitor
) -> None:
    ann, ben = founder(), founder()
    letters = {each.letter["to"]: each for each in delivered()}
    stranger.post("/auth/verify-email", {"token": token_in(letters[ben.email], PAGE)})
    answers = [
        stranger("POST", "/auth/resend-verification", {"email": email})
        for email in (ann.email.upper(), ben.email, "nobody@example.org")
    ]
    assert {(each.status_code, each.text) for each in answers} == {(202, '{"status":"asked"}')}
    (letter,) = delivered()
    assert letter.letter["to"] == ann.email
    stranger.post("/auth/verify-email", {"token": token_in(letter, PAGE)})


def test_how_often_another_is_sent_is_limited_whether_somebody_is_there_or_not(
    founder: Callable[[], Visitor], stranger: Visitor
) -> None:
    for email in (founder().email, "limited@example.com"):
        answers = [stranger("POST", "/auth/resend-verification", {"email": email}) for _ in range(4)]
        assert [each.status_code for each in answers] == [202, 202, 202, 429]


def test_of_two_that_follow_a_link_at_once_one_wins(
    founder: Callable[[], Visitor], delivered: Delivered, stranger: Visitor
) -> None:
    delivered()
    founder()
    token, both, answers = token_in(delivered()[0], PAGE), Barrier(2), list[int]()

    def follow() -> None:
        both.wait()
        answers.append(stranger("POST", "/auth/verify-email", {"token": token}).status_code)

    racers = [Thread(target=follow) for _ in range(2)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sorted(answers) == [200, 409]


def test_the_link_of_a_reset_is_no_proof_by_itself_and_what_is_set_by_it_is(
    founder: Callable[[], Visitor], delivered: Delivered, stranger: Visitor
) -> None:
    ann = founder()
    delivered()
    stranger("POST", "/auth/forgot-password", {"email": ann.email})
    token = token_in(delivered()[0], "reset-password")
    assert stranger("POST", "/auth/verify-email", {"token": token}).status_code == 409
    stranger.post("/auth/reset-password", {"token": token, "password": "another horse battery"})
    ann.token = stranger.post("/auth/login", {"email": ann.email, "password": "another horse battery"})["access_token"]
    assert ann.get("/auth/me")["email_verified"] is True


def test_a_link_that_verifies_is_good_for_a_day(
    founder: Callable[[], Visitor], delivered: Delivered, stranger: Visitor, aged: Callable[[str, timedelta], None]
) -> None:
    delivered()
    ann = founder()
    late = token_in(delivered()[0], PAGE)
    aged(ann.id, timedelta(days=1))
    answer = stranger("POST", "/auth/verify-email", {"token": late})
    assert (answer.status_code, answer.json()["detail"]) == (409, "this link is too old; ask for another")
    assert ann.get("/auth/me")["email_verified"] is False
    stranger("POST", "/auth/resend-verification", {"email": ann.email})
    in_time = token_in(delivered()[0], PAGE)
    aged(ann.id, timedelta(hours=23, minutes=59))
    stranger.post("/auth/verify-email", {"token": in_time})


def test_a_link_leads_where_the_settings_say_whatever_host_a_request_names(
    founder: Callable[[], Visitor], delivered: Delivered
) -> None:
    ann = founder().verified().elsewhere()
    delivered()
    lie = {"Host": "evil.example", "X_Forwarded_Host": "evil.example", "Forwarded": "host=evil.example"}
    other = {"email": "lied.to@example.com", "full_name": "Ben", "password": PASSWORD, "company": "L", "division": "O"}
    for path, body in (
        ("/auth/register", other),
        ("/auth/resend-verification", {"email": other["email"]}),
        ("/auth/forgot-password", {"email": ann.email}),
        ("/users/me/email", {"email": "lie@example.com", "password": PASSWORD}),
        ("/invitations", {"email": "invited.by.a.lie@example.com"}),
    ):
        assert ann("POST", path, body, **lie, Origin="https://evil.example").is_success
    letters = delivered()
    links = [link for each in letters for link in re.findall(r"\w+://[^\s\"<>]+", each.text + each.html)]
    assert {link.partition("#")[0] for link in links} == {
        f"https://vistory.example/{page}" for page in (PAGE, "reset-password", "invite")
    }
    assert not [each for each in letters if "evil" in each.letter.as_string()]


@pytest.mark.parametrize("body", [{"token": "guess"}, {"token": ""}, {"token": "x" * 201}, {"token": "\x00"}, {}])
def test_a_guess_verifies_nothing(stranger: Visitor, body: dict[str, str]) -> None:
    answer = stranger("POST", "/auth/verify-email", body)
    assert answer.status_code in (409, 422)
    assert "guess" not in answer.text


def test_a_letter_is_in_the_language_that_was_registered_with(stranger: Visitor, delivered: Delivered) -> None:
    delivered()
    who = {"email": "minsu@example.org", "full_name": "김민수", "password": "correct horse battery"}
    stranger.post("/auth/register", {**who, "company": "Hangul", "division": "One", "language": "ko"})
    (letter,) = delivered()
    assert letter.letter["subject"] == "Vistory 이메일 주소 확인"
    assert "김민수 님, 안녕하세요." in letter.text


def wished(visitor: Visitor, email: str, password: str = PASSWORD) -> int:
    return visitor("POST", "/users/me/email", {"email": email, "password": password}).status_code


def letters_to(delivered: Delivered) -> dict[str, Kept]:
    return {str(each.letter["to"]): each for each in delivered()}


def test_another_address_is_verified_before_it_takes_the_place_of_the_old_one(
    founder: Callable[[], Visitor], delivered: Delivered, stranger: Visitor
) -> None:
    ann = founder()
    delivered()
    assert wished(ann, NEW) == 202
    letters = letters_to(delivered)
    letter, warning = letters.pop(NEW), letters.pop(ann.email)
    assert not letters
    assert warning.letter["subject"] == "A new address was requested for your account at Vistory"
    assert "vistory password forgot" in warning.text
    assert NEW not in warning.text + warning.html
    assert "#token" not in warning.text + warning.html
    assert warning.letter["message-id"] != letter.letter["message-id"]
    assert ann.get("/auth/me")["email"] == ann.email
    assert stranger("POST", "/auth/login", {"email": NEW, "password": PASSWORD}).status_code == 401
    stranger.post("/auth/verify-email", {"token": token_in(letter, PAGE)})

    (notice,) = delivered()
    assert (notice.letter["to"], notice.letter["subject"]) == (ann.email, "Your address for Vistory was changed")
    assert NEW not in notice.text
    me = ann.get("/auth/me")
    assert (me["email"], me["email_verified"], me["id"]) == (NEW, True, ann.id)
    assert [each["email"] for each in ann.get("/members")["items"]] == [NEW]
    signed_in = stranger.post("/auth/login", {"email": NEW, "password": PASSWORD})
    assert claims_of(signed_in["access_token"])["email"] == NEW
    assert stranger("POST", "/auth/login", {"email": ann.email, "password": PASSWORD}).status_code == 401
    again = {"email": ann.email, "full_name": "Somebody Else", "password": PASSWORD}
    stranger.post("/auth/register", {**again, "company": "Elsewhere", "division": "One"})


def test_an_address_that_somebody_has_is_told_to_nobody_but_them(
    founder: Callable[[], Visitor], delivered: Delivered
) -> None:
    ann, ben = founder(), founder()
    delivered()
    assert wished(ann, ben.email.upper()) == 202
    letters = letters_to(delivered)
    assert letters.keys() == {ann.email, ben.email}
    letter = letters[ben.email]
    assert letter.letter["subject"] == "You already have an account at Vistory"
    assert "#token" not in letter.text + letter.html
    assert ann.email not in letter.text


def test_a_link_to_an_address_that_somebody_has_by_now_changes_nothing(
    founder: Callable[[], Visitor], delivered: Delivered, stranger: Visitor
) -> None:
    ann, ben = founder(), founder()
    delivered()
    for each in (ann, ben):
        assert wished(each, "wanted@example.com") == 202
    first, second = (token_in(each, PAGE) for each in delivered() if each.letter["to"] == "wanted@example.com")
    stranger.post("/auth/verify-email", {"token": first})
    late = stranger("POST", "/auth/verify-email", {"token": second})
    assert (late.status_code, late.json()["type"]) == (409, "urn:vistory:problem:email-is-taken")


def test_of_two_that_move_to_one_address_at_once_one_wins(
    founder: Callable[[], Visitor], delivered: Delivered, stranger: Visitor
) -> None:
    delivered()
    for each in (founder(), founder()):
        assert wished(each, "raced@example.com") == 202
    tokens = [token_in(each, PAGE) for each in delivered() if each.letter["to"] == "raced@example.com"]
    both, answers = Barrier(2), list[int]()

    def follow(token: str) -> None:
        both.wait()
        answers.append(stranger("POST", "/auth/verify-email", {"token": token}).status_code)

    racers = [Thread(target=follow, args=(token,)) for token in tokens]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sorted(answers) == [200, 409]


@pytest.mark.parametrize(
    ("email", "password", "status"),
    [("x@example.com", WRONG, 403), ("no address", PASSWORD, 422), ("a" * 320 + "@example.com", PASSWORD, 422)],
)
def test_another_address_takes_the_password_once_more(
    founder: Callable[[], Visitor], delivered: Delivered, email: str, password: str, status: int
) -> None:
    ann = founder()
    delivered()
    assert wished(ann, email, password) == status
    assert delivered() == []


def test_where_a_second_factor_is_on_another_address_takes_a_code(
    founder: Callable[[], Visitor], delivered: Delivered
) -> None:
    ann = founder().elsewhere()
    _, (code, *_) = secured(ann)
    delivered()
    body = {"email": "coded@example.com", "password": PASSWORD}
    for more, problem in (({}, "code-is-needed"), ({"code": "2345-6789-abcd"}, "wrong-code")):
        answer = ann("POST", "/users/me/email", body | more)
        assert (answer.status_code, answer.json()["type"]) == (403, f"urn:vistory:problem:{problem}")
    assert "coded@example.com" not in letters_to(delivered)
    ann.post("/users/me/email", body | {"code": code}, key="coded")
    assert set(letters_to(delivered)) == {"coded@example.com", ann.email}
    assert ann.post("/users/me/email", body | {"code": code}, key="coded") == {"status": "asked"}
    assert delivered() == []


@pytest.mark.parametrize("way", ["out everywhere", "another password"])
def test_the_link_to_another_address_ends_with_whatever_takes_the_account_back(
    founder: Callable[[], Visitor], delivered: Delivered, stranger: Visitor, way: str
) -> None:
    ann, stranger = founder().elsewhere(), stranger.elsewhere()
    assert wished(ann, f"thief.{ann.email}") == 202
    token = token_in(letters_to(delivered)[f"thief.{ann.email}"], PAGE)
    if way == "out everywhere":
        ann.post("/auth/logout-everywhere")
    else:
        stranger("POST", "/auth/forgot-password", {"email": ann.email})
        proof = token_in(delivered()[0], "reset-password")
        stranger.post("/auth/reset-password", {"token": proof, "password": "another horse battery"})
    late = stranger("POST", "/auth/verify-email", {"token": token})
    assert (late.status_code, late.json()["type"]) == (409, "urn:vistory:problem:link-is-over")


def test_whoever_lost_the_answer_to_a_link_has_it_again(
    founder: Callable[[], Visitor], delivered: Delivered, stranger: Visitor
) -> None:
    delivered()
    ann = founder()
    token = token_in(delivered()[0], PAGE)
    answers = [stranger("POST", "/auth/verify-email", {"token": token}, key=ann.id) for _ in range(2)]
    assert [answer.json() for answer in answers] == [{"id": ann.id}] * 2
    first, again = ([answer.headers[name] for name in ("Vistory-Position", "Vistory-Chain")] for answer in answers)
    assert again == first
    other = stranger("POST", "/auth/verify-email", {"token": "other"}, key=ann.id)
    assert (other.status_code, other.json()["type"]) == (422, "urn:vistory:problem:key-reused")


def test_a_program_changes_no_address(founder: Callable[[], Visitor]) -> None:
    assert wished(founder().verified().program("read", "write"), "program@example.com") == 403


def test_how_often_a_new_address_is_written_to_is_limited(founder: Callable[[], Visitor]) -> None:
    ann = founder()
    assert [wished(ann, "often@example.com") for _ in range(4)] == [202, 202, 202, 429]


def test_whoever_left_an_address_is_written_to_there_no_more_and_is_erased_with_every_letter(
    founder: Callable[[], Visitor], delivered: Delivered, stranger: Visitor, settings: Settings, servers: Servers
) -> None:
    engineer = founder().verified().colleague("engineer_i")
    delivered()
    wished(engineer, "left@example.com")
    stranger.post("/auth/verify-email", {"token": token_in(letters_to(delivered)["left@example.com"], PAGE)})
    assert set(letters_to(delivered)) == {engineer.email}
    stranger("POST", "/auth/forgot-password", {"email": engineer.email})
    assert delivered() == []
    with Host.open(settings) as work:
        work.erase(UUID(engineer.id))
    kept = {str(each.letter["to"]) for each in Mailbox.inside(servers.stack.folder.path).letters()}
    assert not kept & {engineer.email, "left@example.com"}
    for email in (engineer.email, "left@example.com"):
        again = {"email": email, "full_name": "Ann Ö", "password": PASSWORD, "company": email, "division": "One"}
        assert stranger.post("/auth/register", again)["id"] != engineer.id


def test_the_longest_address_is_written_to_and_erased(
    founder: Callable[[], Visitor], delivered: Delivered, stranger: Visitor, settings: Settings, servers: Servers
) -> None:
    admin = founder()
    delivered()
    who = {"email": LONGEST, "full_name": "Ann Ö", "password": PASSWORD, "company": admin.company, "division": "Vision"}
    id = stranger.post("/auth/register", who)["id"]
    (letter,) = delivered()
    assert letter.letter["to"] == LONGEST
    stranger.post("/auth/verify-email", {"token": token_in(letter, PAGE)})
    me = stranger.post("/auth/login", {"email": LONGEST.upper(), "password": PASSWORD})["person"]
    assert (me["id"], me["email"], me["email_verified"]) == (id, LONGEST, True)
    with Host.open(settings) as work:
        work.erase(UUID(id))
    assert LONGEST not in {str(each.letter["to"]) for each in Mailbox.inside(servers.stack.folder.path).letters()}
    assert stranger("POST", "/auth/login", {"email": LONGEST, "password": PASSWORD}).status_code == 401
    assert LONGEST not in str(admin.get("/members"))
    assert stranger.post("/auth/register", who)["id"] != id


@pytest.mark.parametrize(
    ("email", "why"),
    [
        (f"a{LONGEST}", "must have at most 320 characters"),
        (f"{LONGEST}d", "must have at most 320 characters"),
        (f"{'a' * 64}@{'.'.join(['d' * 63] * 3)}.{'e' * 64}"[1:], "must be an address that mail can be sent to"),
        (f"{'a' * 65}@example.com", "must be an address that mail can be sent to"),
        (f"ann@{'d' * 63}.{'.'.join(['d' * 62] * 3)}.ddd", "must be an address that mail can be sent to"),
    ],
    ids=["name and 1", "domain and 1", "a word of the domain", "the name alone", "the domain alone"],
)
def test_a_longer_address_is_refused_and_the_answer_says_why(
    founder: Callable[[], Visitor], email: str, why: str
) -> None:
    ann = founder().verified()
    newcomer = {"full_name": "Ann Ö", "password": PASSWORD, "company": "Long", "division": "One"}
    for path, body in (("/auth/register", newcomer), ("/users/me/email", {"password": PASSWORD}), ("/invitations", {})):
        answer = ann("POST", path, {**body, "email": email})
        assert (answer.status_code, answer.json()["errors"]) == (422, [{"field": "body.email", "detail": why}])
