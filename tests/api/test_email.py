"""Addresses over HTTP, with a real mail server: verified by the link of a letter, which can be asked for again."""

from collections.abc import Callable
from threading import Barrier, Thread

import pytest

from tests.api.letters import Delivered, token_in
from tests.api.visitor import Visitor

PAGE = "verify-email"


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
