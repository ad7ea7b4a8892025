"""The public halves of the keys that tokens are signed with, for whoever verifies one elsewhere (RFC 7517)."""

from typing import Final

from fastapi import APIRouter, Response

from api.house import TheHouse
from domain.values import Value

router = APIRouter(tags=["sessions"])
# A verifier that meets a key that it does not know asks again anyway.
KEPT: Final = "public, max-age=300"


class JsonWebKey(Value):
    kty: str
    crv: str
    x: str
    kid: str
    use: str
    alg: str


class JsonWebKeySet(Value):
    keys: list[JsonWebKey]


@router.get("/.well-known/jwks.json", summary="Get the public keys that verify tokens")
async def keys(house: TheHouse, response: Response) -> JsonWebKeySet:
    response.headers["Cache-Control"] = KEPT
    return JsonWebKeySet(keys=[JsonWebKey(**each.jwk()) for each in house.tokens.keys.valid()])
