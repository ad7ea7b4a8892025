"""The letters that came, by the event that each is about, also those that had to make room since."""

import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from threading import Lock


@dataclass
class Post:
    folder: Path
    _seen: dict[str, str] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)
    _proofs: dict[str, str] = field(default_factory=dict)
    _resets: dict[str, str] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def letters(self) -> Counter[str]:
        with self._lock:
            self._look()
            return Counter(self._seen.values())

    def token_to(self, address: str) -> str | None:
        """Of the last invitation that came to this address."""
        with self._lock:
            self._look()
            return self._tokens.get(address)

    def proof_of(self, address: str) -> str | None:
        """What verifies the address, of the last letter that holds such a thing."""
        with self._lock:
            self._look()
            return self._proofs.get(address)

    def reset_of(self, address: str) -> str | None:
        """What a password is set by."""
        with self._lock:
            self._look()
            return self._resets.get(address)

    def forget(self, address: str) -> None:
        """The invitations that came to it until now: another is on its way."""
        with self._lock:
            self._look()
            self._tokens.pop(address, None)

    def _look(self) -> None:
        for file in sorted(self.folder.glob("*.eml")):
            if file.name not in self._seen:
                with suppress(FileNotFoundError):
                    self._read(file)

    def _read(self, file: Path) -> None:
        letter = message_from_bytes(file.read_bytes(), policy=default)
        self._seen[file.name] = letter["Message-ID"].strip("<>").split("@")[0]
        body = letter.get_body(("plain",))
        pages = {"invite": self._tokens, "verify-email": self._proofs, "reset-password": self._resets}
        for page, tokens in pages.items():
            if body and (link := re.search(rf"/{page}#token=([\w-]+)", body.get_content())):
                tokens[letter["To"]] = link[1]
