"""Who is inside an organization at this moment, as what, and whether it is open at all."""

from enum import Enum
from uuid import UUID

from commands.ports import Store
from domain.api_token import ApiToken
from domain.closure import Closure, closure_id
from domain.errors import Forbidden, NotFound, Unauthenticated
from domain.membership import Membership, membership_id
from domain.person import Person
from domain.roles import Role
from domain.second_factor import SecondFactor, second_factor_id
from domain.security_policy import SecurityPolicy, security_policy_id
from domain.service_account import ServiceAccount
from domain.session import Session
from domain.training import OVER, JobIsOver
from domain.training_job import TrainingJob


class SecondFactorIsRequired(Forbidden):
    """Nothing else is open before."""


class WhileClosed(Enum):
    """Who of those who signed in themselves may do a thing even where the organization is closed."""

    NOBODY = "nobody"
    ADMIN = "admin"
    ANYBODY = "anybody"
    """Any member: these commands concern only the person's own account."""

    def lets(self, role: Role | None) -> bool:
        return self is WhileClosed.ANYBODY or (self is WhileClosed.ADMIN and role is Role.ADMIN)


def must_be_open(organization_id: UUID, store: Store, *, to_admin: bool = False) -> None:
    """Raises OrganizationWasClosed."""
    closure = store.find(Closure, closure_id(organization_id))
    if closure is not None:
        closure.must_be_open(to_admin=to_admin)


def must_be_heard_of(job: TrainingJob, store: Store) -> None:
    """What went on as its organization was closed ends, though it may take the platform a moment; of what its worker
    did meanwhile nothing was recorded, so nothing is any more. Raises OrganizationWasClosed, JobIsOver.
    """
    must_be_open(job.organization_id, store)
    closure = store.find(Closure, closure_id(job.organization_id))
    if closure is not None and closure.ends(job.created_on) and job.status not in OVER:
        raise JobIsOver(f"job {job.id} went on as its organization was closed, and ends with that")


def must_be_of(organization_id: UUID | None, person_id: UUID, store: Store) -> None:
    """Or have been; what that is worth is another question. Raises NotFound."""
    if organization_id is None or store.find(Membership, membership_id(organization_id, person_id)) is None:
        raise NotFound(f"there is no organization {organization_id} that you are a member of")


def must_go_on(session_id: UUID | None, token_id: UUID | None, store: Store) -> None:
    """The session or token that carries this command must still be valid when the command is recorded, so that nothing
    slips in after a revocation. Raises Unauthenticated.
    """
    if session_id is not None:
        session = store.find(Session, session_id)
        if session is None or session.is_over:
            raise Unauthenticated("this session has ended; sign in again")
    if token_id is not None:
        token = store.find(ApiToken, token_id)
        if token is None or token.over:
            raise Unauthenticated("this API token was revoked, or has expired")


def must_be_the_password(person: Person, version: int) -> None:
    """That which was shown is the one that lets in now. Raises Unauthenticated."""
    if person.password_version != version:
        raise Unauthenticated("the password was changed since it was shown; sign in again")


def must_be_verified(person_id: UUID, store: Store) -> None:
    """Raises AddressIsNotVerified."""
    if not store.is_verified(person_id):
        store.get(Person, person_id).must_be_verified()


def second_factor_is_required(organization_id: UUID, store: Store) -> bool:
    policy = store.find(SecurityPolicy, security_policy_id(organization_id))
    return policy is not None and policy.second_factor_required


def has_second_factor(person_id: UUID, store: Store) -> bool:
    factor = store.find(SecondFactor, second_factor_id(person_id))
    return factor is not None and factor.is_on


def must_have_what_is_required(person_id: UUID, organization_id: UUID, store: Store) -> None:
    """Raises SecondFactorIsRequired."""
    if second_factor_is_required(organization_id, store) and not has_second_factor(person_id, store):
        raise SecondFactorIsRequired(
            "your organization asks for a second factor, and you have none yet: set one up first (POST "
            "/api/v1/auth/second-factor/begin, or `vistory second-factor on`); until then nothing else is open to you"
        )


def role_of_person(membership: Membership | None) -> Role | None:
    """None while it waits. Raises Forbidden, Unauthenticated."""
    if membership is None:
        raise Forbidden("you are not a member of this organization")
    if membership.ended:
        raise Unauthenticated("you are not a member of this organization any more")
    if membership.deactivated:
        raise Unauthenticated("your account is deactivated in this organization; an admin of it can reactivate it")
    return membership.role


def role_of_service(account: ServiceAccount | None) -> Role:
    """Raises Unauthenticated."""
    if account is None or account.deleted:
        raise Unauthenticated("this service account was deleted")
    if account.disabled:
        raise Unauthenticated("this service account is disabled; whoever manages it can enable it")
    return account.role
