"""What can go wrong, in the words of the domain.

DomainError
├── Invalid            the request makes no sense as it stands
│   └── KeyReused      one idempotency key, two different requests
├── NotFound           there is no such thing, or it belongs to another organization
├── Forbidden          the actor's role does not allow it
├── Unauthenticated    nobody known is asking, or nobody who is let in any more
├── Refused            the state of affairs does not allow it; each refusal names its own
└── Conflict           somebody else was faster
"""


class DomainError(Exception):
    pass


class Invalid(DomainError):
    pass


class NotFound(DomainError):
    pass


class Forbidden(DomainError):
    def __init__(self, why: str, permission: str | None = None) -> None:
        """`permission` is what the actor lacks, where it is one."""
        super().__init__(why)
        self.permission = permission


class Unauthenticated(DomainError):
    pass


class Refused(DomainError):
    pass


class Conflict(DomainError):
    pass


class KeyReused(Invalid):
    pass
