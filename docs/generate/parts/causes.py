"""Which commands may cause which event: a handler may record more than one kind, and one kind may have more causes."""

from typing import Any, Final

from commands import HANDLERS
from commands.access import Access, Anyone, Command, May, Oneself, Operator, Platform, Unnamed, Worker
from domain.dataset import Dataset
from domain.invitation import Invitation
from domain.model import Aggregate
from domain.project import Project
from domain.roles import Role, includes, reach
from domain.shared import Shared
from domain.training_job import TrainingJob

# What they write is no event: it is about somebody who has not proven the address yet.
WITHOUT_EVENTS: Final = frozenset({"RequestRegistration", "DropRegistration"})
CAUSES: Final[dict[str, tuple[str, ...]]] = {
    "person.registered": ("RegisterPerson", "CompleteRegistration", "JoinByInvitation"),
    "person.renamed": ("RenameSelf", "RenameMember"),
    "person.erasure_requested": ("RequestErasure",),
    "person.erasure_cancelled": ("CancelErasure",),
    "person.erased": ("ErasePerson",),
    "person.signed_in": (),
    "session.begun": ("SignIn",),
    "session.switched": ("SwitchOrganization",),
    "person.joined": ("AcceptInvitation",),
    "person.operator_appointed": ("AppointOperator",),
    "person.operator_dismissed": ("DismissOperator",),
    "session.ended": ("EndSession", "EndEverySession", "EndReusedSession", "SignIn", "ErasePerson", "ResetPassword"),
    "person.language_chosen": ("RegisterPerson", "CompleteRegistration", "ChooseLanguage", "JoinByInvitation"),
    "person.verification_requested": ("RequestVerification",),
    "person.email_verified": (
        "CompleteRegistration",
        "VerifyEmail",
        "VouchForAddress",
        "ResetPassword",
        "AcceptInvitation",
        "JoinByInvitation",
    ),
    "person.email_change_requested": ("RequestEmailChange",),
    "person.email_changed": ("ChangeEmail",),
    "person.password_reset_requested": ("RequestPasswordReset",),
    "person.password_changed": ("ResetPassword",),
    "person.sign_ins_failed": ("NoteFailedSignIns",),
    "second_factor.begun": ("BeginSecondFactor",),
    "second_factor.turned_on": ("ConfirmSecondFactor",),
    "second_factor.turned_off": ("TurnOffSecondFactor",),
    "second_factor.reset": ("ResetSecondFactor", "ResetSecondFactorOf", "ResetPassword"),
    "second_factor.recovery_codes_renewed": ("RenewRecoveryCodes",),
    "security_policy.begun": ("ChangeOrganization",),
    "security_policy.second_factor_rule_changed": ("ChangeOrganization",),
    "closure.begun": ("CloseOrganization", "CloseOrganizationOf"),
    "closure.organization_closed": ("CloseOrganization", "CloseOrganizationOf"),
    "closure.organization_reopened": ("ReopenOrganization", "ReopenOrganizationOf"),
    "closure.organization_purged": ("PurgeOrganization",),
    "organization.founded": ("RegisterPerson", "CompleteRegistration"),
    "organization.renamed": ("ChangeOrganization",),
    "organization.admission_changed": ("ChangeOrganization",),
    "organization.quotas_changed": (
        "ChangeOrganization",
        "ChangeQuotas",
        "PurgeOrganization",
    ),
    "organization.seat_taken": (
        "RegisterPerson",
        "CompleteRegistration",
        "ApproveMember",
        "ReactivateMember",
        "AcceptInvitation",
        "JoinByInvitation",
    ),
    "organization.seat_released": (
        "DeactivateMember",
        "RemoveMember",
        "ErasePerson",
        "DissolveMembership",
    ),
    "organization.admin_added": (
        "CompleteRegistration",
        "RegisterPerson",
        "ApproveMember",
        "ChangeRole",
        "ReactivateMember",
        "AcceptInvitation",
        "JoinByInvitation",
    ),
    "organization.admin_removed": (
        "ChangeRole",
        "DeactivateMember",
        "RemoveMember",
        "ErasePerson",
        "DissolveMembership",
    ),
    "organization.service_account_added": ("CreateServiceAccount",),
    "organization.service_account_removed": (
        "DeleteServiceAccount",
        "DissolveServiceAccount",
    ),
    "service_account.created": ("CreateServiceAccount",),
    "service_account.renamed": ("RenameServiceAccount",),
    "service_account.role_changed": ("ChangeServiceRole",),
    "service_account.disabled": ("DisableServiceAccount",),
    "service_account.enabled": ("EnableServiceAccount",),
    "service_account.subscribed": ("Subscribe",),
    "service_account.unsubscribed": ("Unsubscribe",),
    "service_account.deleted": (
        "DeleteServiceAccount",
        "DissolveServiceAccount",
    ),
    "membership.requested": ("RegisterPerson", "CompleteRegistration", "AcceptInvitation", "JoinByInvitation"),
    "membership.approved": (
        "RegisterPerson",
        "CompleteRegistration",
        "ApproveMember",
        "AcceptInvitation",
        "JoinByInvitation",
    ),
    "membership.role_changed": ("ChangeRole", "AcceptInvitation"),
    "membership.deactivated": ("DeactivateMember",),
    "membership.reactivated": ("ReactivateMember",),
    "membership.ended": (
        "RemoveMember",
        "ErasePerson",
        "DissolveMembership",
    ),
    "membership.project_owned": ("CreateProject", "AcceptProject", "UndeleteProject"),
    "membership.project_released": (
        "AcceptProject",
        "DeleteProject",
        "DissolveProject",
    ),
    "api_token.created": ("CreateToken", "CreateServiceToken"),
    "api_token.revoked": (
        "RevokeToken",
        "RevokeServiceToken",
        "DeleteServiceAccount",
        "RemoveMember",
        "ErasePerson",
        "ResetPassword",
        "DissolveServiceAccount",
        "DissolveMembership",
    ),
    "api_token.expired": ("ExpireToken",),
    "invitation.sent": ("InviteToOrganization", "InviteToProject", "InviteToDataset", "PlaceByAddress"),
    "invitation.resent": ("ResendInvitation",),
    "invitation.accepted": ("AcceptInvitation", "JoinByInvitation"),
    "invitation.declined": ("DeclineInvitation",),
    "invitation.expired": ("ExpireInvitation",),
    "invitation.cancelled": (
        "CancelInvitation",
        "InviteToOrganization",
        "InviteToProject",
        "InviteToDataset",
        "PlaceByAddress",
        "ErasePerson",
        "PurgeProject",
        "PurgeProjectInTime",
        "PurgeDataset",
        "PurgeDatasetInTime",
        "StopInvitation",
        "DissolveProject",
        "DissolveDataset",
    ),
    "project.created": ("CreateProject",),
    "project.renamed": ("RenameProject",),
    "project.described": ("DescribeProject",),
    "project.archived": ("ArchiveProject",),
    "project.restored": ("RestoreProject",),
    "project.deleted": (
        "DeleteProject",
        "DissolveProject",
    ),
    "project.undeleted": ("UndeleteProject",),
    "project.purged": (
        "PurgeProject",
        "PurgeProjectInTime",
        "DissolveProject",
    ),
    "project.member_added": ("AddProjectMember", "PlaceByAddress", "AcceptInvitation", "JoinByInvitation"),
    "project.member_role_changed": ("ChangeProjectRole",),
    "project.member_removed": ("RemoveProjectMember", "LeaveProject", "VacateProject"),
    "project.ownership_offered": ("OfferProject",),
    "project.ownership_declined": (
        "DeclineProject",
        "WithdrawProject",
        "RemoveProjectMember",
        "LeaveProject",
        "VacateProject",
        "StopProjectOffer",
    ),
    "project.ownership_accepted": ("AcceptProject",),
    "dataset.created": ("CreateDataset",),
    "dataset.revision_committed": ("CommitUpload",),
    "dataset.split_made": ("CommitUpload", "MakeSplit"),
    "dataset.snapshot_taken": ("TakeSnapshot", "RequestTraining"),
    "dataset.member_added": ("AddDatasetMember", "AcceptInvitation", "JoinByInvitation"),
    "dataset.member_role_changed": ("ChangeDatasetRole",),
    "dataset.member_removed": ("RemoveDatasetMember", "LeaveDataset", "VacateDataset"),
    "dataset.ownership_offered": ("OfferDataset",),
    "dataset.ownership_declined": (
        "DeclineDataset",
        "WithdrawDataset",
        "RemoveDatasetMember",
        "LeaveDataset",
        "VacateDataset",
        "StopDatasetOffer",
    ),
    "dataset.ownership_accepted": ("AcceptDataset",),
    "dataset.deleted": (
        "DeleteDataset",
        "DissolveDataset",
    ),
    "dataset.undeleted": ("UndeleteDataset",),
    "dataset.purged": (
        "PurgeDataset",
        "PurgeDatasetInTime",
        "DissolveDataset",
    ),
    "experiment.created": ("CreateExperiment", "RequestTraining"),
    "experiment.mlflow_linked": ("LinkMlflowExperiment",),
    "training_job.requested": ("RequestTraining", "RunAgain"),
    "training_job.claimed": ("ClaimJob",),
    "training_job.started": ("ReportStart",),
    "training_job.epoch_completed": ("ReportEpoch",),
    "training_job.checkpoint_saved": ("ReportCheckpoint",),
    "training_job.mlflow_linked": ("LinkMlflowRun",),
    "training_job.cancel_requested": ("CancelTraining",),
    "training_job.lost": ("HandOver", "LoseAttempt"),
    "training_job.requeued": ("HandOver", "LoseAttempt"),
    "training_job.completed": ("CompleteTraining",),
    "training_job.failed": ("FailTraining", "HandOver", "LoseAttempt"),
    "training_job.cancelled": (
        "CancelTraining",
        "FailTraining",
        "HandOver",
        "LoseAttempt",
        "StopTraining",
        "WithdrawTraining",
    ),
}
WITHIN: Final[dict[type[Aggregate] | None, tuple[type[Shared[Any]], ...]]] = {
    Project: (Project,),
    TrainingJob: (Project,),
    Invitation: (Project, Dataset),
    Dataset: (Dataset,),
}
COMMANDS: Final[dict[str, type[Command]]] = {command.__name__: command for command in HANDLERS}


def causes(topic: str) -> str:
    return "; ".join(f"`{name}`: {who(COMMANDS[name].ACCESS)}" for name in CAUSES[topic]) or "nothing any more"


def who(access: Access) -> str:
    match access:
        case Anyone():
            return "whoever the event is about, who need not be signed in"
        case Unnamed():
            return "somebody who is named nowhere"
        case Oneself():
            return "the person"
        case May(permission=permission, on=thing):
            far = ((role, reach(role, permission)) for role in Role)
            words = [f"{role}{' (own)' if of == 'own' else ''}" for role, of in far if of is not None]
            for within in WITHIN.get(thing, ()):
                words += [f"{place} of the {within.TOPIC}" for place in within.PLACES if includes(place, permission)]
            return ", ".join(words)
        case Operator():
            return "an operator of the platform"
        case Worker(own=True):
            return "the worker whose token is good for this attempt"
        case Worker():
            return "a worker of the job's framework"
        case Platform():
            return "the platform itself"
    raise TypeError(f"{access} has no words yet")
