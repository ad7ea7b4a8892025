"""Which passwords are tried first, and so refused, and that it takes no time to tell."""

import time

import pytest

from infra.common_passwords import is_common

ANN = ("annabel.lee@example.org", "Annabel Lee", "Rhône Bridges / Vision")


@pytest.mark.parametrize(
    "password",
    [
        "1234567890",
        "0123456789abcdef",
        "password12345",
        "PASSWORD!!!!!!",
        "P@ssw0rd123!",
        "p.a.s.s.w.o.r.d",
        "passwordpassword",
        "password password",
        "drowssap123",
        "qwertyuiop12",
        "1q2w3e4r5t6y",
        "iloveyou123",
        "letmein2024!",
        "Winter2026!",
        "administrator",
        "unbelievable",
        "aaaaaaaaaaaa",
        "abababababab",
        "abcdefghijkl",
        "lkjihgfedcba",
        "           .",
        "ｐａｓｓｗｏｒｄ１２３４５",
        "annabel.lee@example.org",
        "ANNABEL.LEE@example.org",
        "annabel.lee",
        "Annabel Lee1",
        "annabellee2024",
        "example.org",
        "annabelspassword",
        "4nn4belspassw0rd",
        "my-annabel-pet",
        "leeleelee is it",
        "bridges20261127",
        "RHÔNE.bridges!!",
        "visionvision1234",
        "vistory2026!",
        "V1story-V1story",
        "vistory password12",
    ],
)
def test_what_is_tried_first_is_common(password: str) -> None:
    assert is_common(password, ANN)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "another horse battery",
        "Xanthous-Zephyr-1",
        "Tr0ub4dor&3xy",
        "7hK-pq2Z_vv9",
        "가나다라마바사아자차",
        "a lee side of the hill",
        "seven bridges over a canal",
        "vistory walks to the lathe",
        "password for the lathe",
    ],
)
def test_what_takes_long_to_guess_is_not(password: str) -> None:
    assert not is_common(password, ANN)


def test_what_others_are_called_is_no_secret_of_theirs() -> None:
    assert not is_common("annabelspassword", ("ben@example.org", "Ben"))


def test_it_takes_no_time_whatever_is_sent() -> None:
    is_common("once, to read the lists")
    begun = time.monotonic()
    for unit in ("4@8({[<369&|!1+70$5%2", "ab", "!1", "0", " ", "password", "\u200d", "ﷺ"):
        is_common((unit * 256)[:256], ANN)
    assert time.monotonic() - begun < 1.0
