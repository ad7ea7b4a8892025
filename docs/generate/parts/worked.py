"""The bytes of one stored event, worked out step by step, from the frozen example of `person.registered`."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Final
from uuid import UUID

import rfc8785
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from verifier import Event, genesis, leaf, link

EXAMPLE: Final = Path("tests/contracts/stored_events/person.registered@1.json")
MICROS: Final = 1_767_323_045_678_901


def worked(root: Path) -> dict[str, str]:
    """What the page's `{names}` stand for."""
    told = json.loads((root / EXAMPLE).read_text(encoding="utf-8"))
    state, id = told["state"], UUID(told["originator_id"])
    ledger = UUID(json.loads(state)["envelope"]["ledger"])
    event = Event(1, MICROS, id.bytes, told["originator_version"], told["topic"], state.encode(), b"")
    hashed, begun = leaf(ledger.bytes, event), genesis(ledger)
    return {
        "example": str(EXAMPLE),
        "ledger": str(ledger),
        "aggregate": str(id),
        "micros": str(MICROS),
        "state": state,
        "state_hash": hashlib.sha256(state.encode()).hexdigest(),
        "genesis": begun.hex(),
        "leaf": hashed.hex(),
        "chain": link(begun, hashed).hex(),
        **_sealed(json.loads(state)["data"]["email"], ledger, id, told["topic"]),
    }


def _sealed(field: dict[str, str], ledger: UUID, id: UUID, topic: str) -> dict[str, str]:
    key = hashlib.sha256(b"vistory/example-key/1" + UUID(field["subject"]).bytes).digest()
    about = rfc8785.dumps(["vistory/sealed/1", str(ledger), str(id), 1, topic, "email", field["subject"]])
    nonce, ciphertext = base64.b64decode(field["nonce"]), base64.b64decode(field["ciphertext"])
    opened = AESGCM(key).decrypt(nonce, ciphertext, about)
    return {"key": key.hex(), "about": about.decode(), "nonce": nonce.hex(), "opened": opened.decode()}
