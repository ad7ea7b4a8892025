"""What the audit log says that each event changed: field by field, old and new."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import BaseModel

from domain.dataset import Dataset
from domain.invitation import Invitation
from domain.membership import Membership
from domain.model import Event
from domain.organization import Organization
from domain.person import Person
from domain.project import Project
from domain.roles import Place
from domain.second_factor import SecondFactor
from domain.security_policy import SecurityPolicy
from domain.service_account import ServiceAccount
from domain.session import Session
from domain.training_job import TrainingJob
from projections.audit_words import SHARED

_IN_THE_ENVELOPE: Final = {"originator_id", "originator_version", "timestamp", "originator_topic"}


def changes(event: Event) -> dict[str, dict[str, Any]]:
    """Field → old and new, of what an event changed, as JSON. Nothing personal, which is joined as it is read."""
    old = _OLD[type(event)](event) if type(event) in _OLD else {}
    new = _NEW[type(event)](event) if type(event) in _NEW else _json(event, _IN_THE_ENVELOPE)
    return {name: {"old": old.get(name), "new": value} for name, value in new.items()}


def _json(value: BaseModel, without: set[str]) -> dict[str, Any]:
    return value.model_dump(mode="json", exclude=without)


def _ended(event: Any) -> dict[str, Any]:
    return {"attempt": event.attempt, **_json(event.evidence, {"last_lines"})}


def _place(event: Any, role: Place) -> dict[str, Any]:
    return {"person_id": str(event.person_id), "role": role.value}


_Part = Callable[[Any], dict[str, Any]]
_OLD: Final[Mapping[type[Event], _Part]] = {
    Membership.RoleChanged: lambda event: {"role": event.previous.value},
    Membership.Ended: lambda event: {"role": event.previous and event.previous.value},
    Organization.Renamed: lambda event: {"name": event.previous},
    Organization.AdmissionChanged: lambda event: {"admission": event.previous.value},
    Organization.QuotasChanged: lambda event: _json(event.previous, set()),
    ServiceAccount.Renamed: lambda event: {"name": event.previous},
    ServiceAccount.RoleChanged: lambda event: {"role": event.previous.value},
    SecurityPolicy.SecondFactorRuleChanged: lambda event: {"required": event.previous},
    Project.Renamed: lambda event: {"name": event.previous},
    Project.Described: lambda event: {"description": event.previous},
    **{kind.MemberRoleChanged: lambda event: _place(event, event.previous) for kind in SHARED},
    **{kind.MemberRemoved: lambda event: _place(event, event.role) for kind in SHARED},
    **{kind.OwnershipAccepted: lambda event: {"owner_id": str(event.previous)} for kind in SHARED},
    Dataset.RevisionCommitted: lambda event: {"root": event.previous},
}
_NEW: Final[Mapping[type[Event], _Part]] = {
    Person.Registered: lambda event: {"avatar_name": event.avatar_name},
    Session.Begun: lambda event: {"means": [each.value for each in event.means]},
    Session.Switched: lambda event: {},  # where the person was before is not for the organization that reads this
    Session.Ended: lambda event: {"reason": event.reason.value},
    SecondFactor.Begun: lambda event: {},
    SecondFactor.TurnedOn: lambda event: {},
    SecondFactor.TurnedOff: lambda event: {"means": event.means.value},
    SecondFactor.Reset: lambda event: {},
    SecondFactor.RecoveryCodesRenewed: lambda event: {"means": event.means.value},
    SecurityPolicy.SecondFactorRuleChanged: lambda event: {"required": event.required},
    Person.Joined: lambda event: {},
    Person.Renamed: lambda event: {},
    Person.LanguageChosen: lambda event: {},
    Person.VerificationRequested: lambda event: {},
    Person.EmailVerified: lambda event: {},
    Person.EmailChangeRequested: lambda event: {},
    Person.EmailChanged: lambda event: {},
    Person.PasswordResetRequested: lambda event: {},
    Person.PasswordChanged: lambda event: {},
    Membership.RoleChanged: lambda event: {"role": event.role.value},
    Membership.Ended: lambda event: {"role": None},
    Organization.Renamed: lambda event: {"name": event.name},
    Organization.AdmissionChanged: lambda event: {"admission": event.admission.value},
    Organization.QuotasChanged: lambda event: _json(event.quotas, set()),
    ServiceAccount.Renamed: lambda event: {"name": event.name},
    ServiceAccount.RoleChanged: lambda event: {"role": event.role.value},
    Invitation.Sent: lambda event: _json(event, _IN_THE_ENVELOPE | {"email", "message", "language"}),
    Project.Renamed: lambda event: {"name": event.name},
    Project.Described: lambda event: {"description": event.description},
    **{kind.MemberRoleChanged: lambda event: _place(event, event.role) for kind in SHARED},
    **{kind.MemberRemoved: lambda event: {"person_id": None, "role": None} for kind in SHARED},
    **{kind.OwnershipAccepted: lambda event: {"owner_id": str(event.person_id)} for kind in SHARED},
    Dataset.RevisionCommitted: lambda event: {
        "revision": event.revision,
        **_json(event.content, {"classes"}),
        "report": event.report,
    },
    Dataset.SplitMade: lambda event: _json(event.split, set()),
    Dataset.SnapshotTaken: lambda event: {**_json(event.snapshot, {"split"}), "description": event.description},
    TrainingJob.CheckpointSaved: lambda event: {"attempt": event.attempt, **_json(event.checkpoint, set())},
    TrainingJob.Lost: _ended,
    TrainingJob.Failed: _ended,
}
