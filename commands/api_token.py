"""What one may ask of an API token: to be made, to be revoked, and to be over when its time is."""

from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Final
from uuid import UUID

from pydantic import Field, Strict

from commands.access import Access, Command, May, Platform, must_be_able_to_write
from commands.ports import Accepted, Secrets, Store
from commands.project import home
from domain.api_token import ApiToken, OwnerKind
from domain.errors import Refused
from domain.model import Actor
from domain.roles import Permission, Scope
from domain.values import PlainName, Sha256, Word

MOST_OF_AN_OWNER: Final = 50
Days = Annotated[int, Strict(), Field(ge=1, le=365)]
Scopes = Annotated[frozenset[Scope], Field(min_length=1)]


class TooManyTokens(Refused):
    pass


class MakesToken(Command):
    """`digest` is all that is kept of the token itself."""

    token_id: UUID
    name: PlainName
    scopes: Scopes
    days: Days
    prefix: Word
    digest: Sha256


class CreateToken(MakesToken):
    ACCESS: ClassVar[Access] = May(Permission.MANAGE_TOKENS)


class RevokeToken(Command):
    ACCESS: ClassVar[Access] = May(Permission.MANAGE_TOKENS, ApiToken, "token_id", unverified=True)
    token_id: UUID


class ExpireToken(Command):
    ACCESS: ClassVar[Access] = Platform()
    token_id: UUID


def create_token(command: CreateToken, actor: Actor, now: datetime, *, store: Store, secrets: Secrets) -> Accepted:
    return store.save(begin_token(command, home(actor), (OwnerKind.PERSON, actor.id), now, secrets))


def begin_token(
    command: MakesToken, organization_id: UUID, owner: tuple[OwnerKind, UUID], now: datetime, secrets: Secrets
) -> ApiToken:
    """Raises TooManyTokens."""
    _, owner_id = owner
    must_have_few_tokens(organization_id, owner_id, secrets)
    until = now + timedelta(days=command.days)
    token = ApiToken.create(
        command.token_id, organization_id, owner, command.name, command.prefix, command.scopes, until, now
    )
    secrets.open_api_token(command.digest, token.id, organization_id, owner_id, until)
    return token


def must_have_few_tokens(organization_id: UUID, owner_id: UUID, secrets: Secrets) -> None:
    """Also where another is made at the same moment. Raises TooManyTokens."""
    if len(secrets.every_api_token_of(organization_id, owner_id)) >= MOST_OF_AN_OWNER:
        raise TooManyTokens(f"there are {MOST_OF_AN_OWNER} API tokens of this owner already; revoke one first")


def must_be_able_to_revoke(actor: Actor, token: ApiToken, store: Store) -> None:
    """One's own is given up also by whoever may write nothing. Raises AddressIsNotVerified."""
    if token.owner_id != actor.id:
        must_be_able_to_write(actor, store)


def revoke_token(command: RevokeToken, actor: Actor, now: datetime, *, store: Store, secrets: Secrets) -> Accepted:
    token = store.get(ApiToken, command.token_id)
    must_be_able_to_revoke(actor, token, store)
    return store.save(end_token(token, now, secrets))


def expire_token(command: ExpireToken, actor: Actor, now: datetime, *, store: Store, secrets: Secrets) -> Accepted:
    token = store.get(ApiToken, command.token_id)
    token.expire(now)
    secrets.close_api_token(token.id)
    return store.save(token)


def end_token(token: ApiToken, now: datetime, secrets: Secrets) -> ApiToken:
    token.revoke(now)
    secrets.close_api_token(token.id)
    return token


def end_tokens(
    organization_id: UUID | None, owner_id: UUID, now: datetime, *, store: Store, secrets: Secrets
) -> list[ApiToken]:
    """All that an owner has in an organization or, where none is named, in any."""
    tokens = [store.get(ApiToken, id) for id in secrets.every_api_token_of(organization_id, owner_id)]
    return [end_token(token, now, secrets) for token in tokens]
