"""The roles in an organization, a project, a dataset, and what each may do: every check and page is made from here."""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    ADMIN = "admin"
    MANAGER = "manager"
    ENGINEER_II = "engineer_ii"
    ENGINEER_I = "engineer_i"
    GUEST = "guest"


class ProjectRole(StrEnum):
    """A place in one project, beside the role in the organization and beside the one who owns it."""

    MAINTAINER = "maintainer"
    MEMBER = "member"
    VIEWER = "viewer"


class DatasetRole(StrEnum):
    """A place in one dataset, beside the role in the organization and beside the one who owns it."""

    MAINTAINER = "maintainer"
    EDITOR = "editor"
    VIEWER = "viewer"


Place = ProjectRole | DatasetRole


class Reach(StrEnum):
    """Whose things a permission covers."""

    OWN = "own"
    ANY = "any"


class Scope(StrEnum):
    """What an API token is for; never more than its owner may at that moment."""

    READ = "read"
    WRITE = "write"
    TRAIN = "train"
    AUDIT = "audit"


class Permission(StrEnum):
    APPROVE_MEMBER = "approve_member"
    READ_MEMBERS = "read_members"
    GRANT_ROLE = "grant_role"
    MANAGE_MEMBERS = "manage_members"
    CHANGE_ORGANIZATION = "change_organization"
    CLOSE_ORGANIZATION = "close_organization"
    MANAGE_SERVICE_ACCOUNTS = "manage_service_accounts"
    MANAGE_SUBSCRIPTIONS = "manage_subscriptions"
    MANAGE_INVITATIONS = "manage_invitations"
    MANAGE_TOKENS = "manage_tokens"
    CREATE_PROJECT = "create_project"
    CHANGE_PROJECT = "change_project"
    MANAGE_PROJECT_MEMBERS = "manage_project_members"
    HAND_OVER_PROJECT = "hand_over_project"
    DELETE_PROJECT = "delete_project"
    TAKE_OWN_PLACE = "take_own_place"
    CREATE_DATASET = "create_dataset"
    CHANGE_DATASET = "change_dataset"
    MANAGE_DATASET_MEMBERS = "manage_dataset_members"
    HAND_OVER_DATASET = "hand_over_dataset"
    DELETE_DATASET = "delete_dataset"
    PURGE = "purge"
    CREATE_EXPERIMENT = "create_experiment"
    REQUEST_TRAINING = "request_training"
    CHANGE_TRAINING = "change_training"
    READ = "read"
    READ_HISTORY = "read_history"
    READ_AUDIT = "read_audit"
    READ_SECURITY = "read_security"
    ADVANCED_FEATURES = "advanced_features"


_GUEST: Final = {
    Permission.READ: Reach.ANY,
    Permission.READ_HISTORY: Reach.ANY,
    Permission.TAKE_OWN_PLACE: Reach.ANY,
    Permission.CREATE_PROJECT: Reach.ANY,  # how many a guest may own is looked at beside
    Permission.MANAGE_TOKENS: Reach.OWN,
    Permission.MANAGE_INVITATIONS: Reach.OWN,
    Permission.CHANGE_PROJECT: Reach.OWN,
    Permission.MANAGE_PROJECT_MEMBERS: Reach.OWN,
    Permission.HAND_OVER_PROJECT: Reach.OWN,
    Permission.DELETE_PROJECT: Reach.OWN,
    Permission.CREATE_EXPERIMENT: Reach.OWN,
    # Who has a place in a project may request trainings there, and end what they began.
    Permission.CHANGE_TRAINING: Reach.OWN,
}
_ENGINEER_I: Final = _GUEST | {
    Permission.READ_MEMBERS: Reach.ANY,
    Permission.CREATE_EXPERIMENT: Reach.ANY,
    Permission.CREATE_DATASET: Reach.ANY,
    Permission.CHANGE_DATASET: Reach.OWN,
    Permission.MANAGE_DATASET_MEMBERS: Reach.OWN,
    Permission.HAND_OVER_DATASET: Reach.OWN,
    Permission.DELETE_DATASET: Reach.OWN,
    Permission.REQUEST_TRAINING: Reach.ANY,
}
_ENGINEER_II: Final = _ENGINEER_I | {
    Permission.CHANGE_DATASET: Reach.ANY,
    Permission.ADVANCED_FEATURES: Reach.ANY,
}
_MANAGER: Final = _ENGINEER_II | {
    Permission.APPROVE_MEMBER: Reach.ANY,
    Permission.GRANT_ROLE: Reach.ANY,
    Permission.MANAGE_MEMBERS: Reach.ANY,
    Permission.MANAGE_SERVICE_ACCOUNTS: Reach.ANY,
    Permission.MANAGE_INVITATIONS: Reach.ANY,
    Permission.CHANGE_PROJECT: Reach.ANY,
    Permission.MANAGE_PROJECT_MEMBERS: Reach.ANY,
    Permission.HAND_OVER_PROJECT: Reach.ANY,
    Permission.DELETE_PROJECT: Reach.ANY,
    Permission.MANAGE_DATASET_MEMBERS: Reach.ANY,
    Permission.HAND_OVER_DATASET: Reach.ANY,
    Permission.DELETE_DATASET: Reach.ANY,
    Permission.PURGE: Reach.ANY,
    Permission.CHANGE_TRAINING: Reach.ANY,
    Permission.READ_AUDIT: Reach.ANY,
}
RIGHTS: Final[dict[Role, dict[Permission, Reach]]] = {
    Role.GUEST: _GUEST,
    Role.ENGINEER_I: _ENGINEER_I,
    Role.ENGINEER_II: _ENGINEER_II,
    Role.MANAGER: _MANAGER,
    Role.ADMIN: {permission: Reach.ANY for permission in Permission},
}
_VIEWER: Final = frozenset({Permission.READ})
_MEMBER: Final = _VIEWER | {Permission.CREATE_EXPERIMENT, Permission.REQUEST_TRAINING}
IN_PROJECT: Final[dict[ProjectRole, frozenset[Permission]]] = {
    ProjectRole.VIEWER: _VIEWER,
    ProjectRole.MEMBER: _MEMBER,
    ProjectRole.MAINTAINER: _MEMBER
    | {
        Permission.CHANGE_PROJECT,
        Permission.MANAGE_PROJECT_MEMBERS,
        Permission.MANAGE_INVITATIONS,
        Permission.CHANGE_TRAINING,
    },
}
"""What a place in a project adds there to what the role in the organization allows."""
OF_PROJECT_OWNER: Final = IN_PROJECT[ProjectRole.MAINTAINER] - {Permission.REQUEST_TRAINING} | {
    Permission.HAND_OVER_PROJECT,
    Permission.DELETE_PROJECT,
}
"""What owning it adds: everything but the use of machines, so that no guest trains by beginning a project."""
_EDITOR: Final = _VIEWER | {Permission.CHANGE_DATASET}
IN_DATASET: Final[dict[DatasetRole, frozenset[Permission]]] = {
    DatasetRole.VIEWER: _VIEWER,
    DatasetRole.EDITOR: _EDITOR,
    DatasetRole.MAINTAINER: _EDITOR | {Permission.MANAGE_DATASET_MEMBERS, Permission.MANAGE_INVITATIONS},
}
"""What a place in a dataset adds there; a private one is shown to whoever has any."""
OF_DATASET_OWNER: Final = IN_DATASET[DatasetRole.MAINTAINER] | {
    Permission.HAND_OVER_DATASET,
    Permission.DELETE_DATASET,
}
SCOPES: Final[dict[Scope, frozenset[Permission]]] = {
    Scope.READ: frozenset({Permission.READ, Permission.READ_MEMBERS}),
    Scope.WRITE: frozenset(
        {
            Permission.CREATE_PROJECT,
            Permission.CHANGE_PROJECT,
            Permission.CREATE_DATASET,
            Permission.CHANGE_DATASET,
            Permission.CREATE_EXPERIMENT,
        }
    ),
    Scope.TRAIN: frozenset({Permission.REQUEST_TRAINING, Permission.CHANGE_TRAINING}),
    Scope.AUDIT: frozenset({Permission.READ_HISTORY, Permission.READ_AUDIT, Permission.READ_SECURITY}),
}
"""What a scope lets an API token use. A permission that stands nowhere here is for people who sign in themselves: to
manage people, places, tokens and the organization.
"""
_SCOPE_OF: Final = {permission: scope for scope, permissions in SCOPES.items() for permission in permissions}
_RANK: Final = {role: rank for rank, role in enumerate(reversed(Role))}


def reach(role: Role, permission: Permission) -> Reach | None:
    return RIGHTS[role].get(permission)


def scope_of(permission: Permission) -> Scope | None:
    """Which one an API token needs for it; None where none is enough."""
    return _SCOPE_OF.get(permission)


def rights_of(place: Place) -> frozenset[Permission]:
    return IN_PROJECT[place] if isinstance(place, ProjectRole) else IN_DATASET[place]


def includes(place: Place, permission: Permission) -> bool:
    return permission in rights_of(place)


def can_own(role: Role, projects: int) -> bool:
    """A guest may own one project, everybody else any number."""
    return role is not Role.GUEST or projects <= 1


def can_create_project(role: Role, owned: int) -> bool:
    """One more than those that are owned already."""
    return can_own(role, owned + 1)


def can_grant_role(role: Role, target: Role) -> bool:
    """An admin grants every role, a manager those below its own."""
    return role is Role.ADMIN or (role is Role.MANAGER and _RANK[target] < _RANK[role])


def outranks(role: Role, other: Role) -> bool:
    return _RANK[role] > _RANK[other]


def has_advanced_features(role: Role) -> bool:
    """Asked for by the requirements (MEM-2). No command needs it: a frontend learns from it what to offer."""
    return reach(role, Permission.ADVANCED_FEATURES) is not None
