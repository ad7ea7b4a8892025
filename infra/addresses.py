"""Which addresses are one: of accounts, of invitations, and of what is counted against whoever asks."""

import unicodedata
from typing import Final

NORMALISATION: Final = 1


def normalised(email: str) -> str:
    """Normalisation 1: NFKC, case folded, no surrounding space, the domain as mail is sent to it (RFC 3490).

    So that one mailbox is one address, however its domain is written.
    """
    folded = unicodedata.normalize("NFKC", email).casefold().strip()
    user, at, domain = folded.rpartition("@")
    try:
        return user + at + domain.encode("idna").decode()
    except UnicodeError:
        return folded
