"""Every command, every query, and how it is asked for over HTTP."""

from typing import Any, Final

from commands.access import Command, May
from commands.api_token import CreateToken, RevokeToken
from commands.closure import CloseOrganization, ReopenOrganization
from commands.dataset import (
    AcceptDataset,
    AddDatasetMember,
    ChangeDatasetRole,
    CommitUpload,
    CreateDataset,
    DeclineDataset,
    LeaveDataset,
    MakeSplit,
    OfferDataset,
    RemoveDatasetMember,
    TakeSnapshot,
    WithdrawDataset,
)
from commands.experiment import CreateExperiment
from commands.invitation import (
    CancelInvitation,
    InviteToDataset,
    InviteToOrganization,
    InviteToProject,
    PlaceByAddress,
    ResendInvitation,
)
from commands.membership import (
    ApproveMember,
    ChangeRole,
    DeactivateMember,
    ReactivateMember,
    RemoveMember,
    RenameMember,
)
from commands.organization import ChangeOrganization
from commands.project import (
    AcceptProject,
    AddProjectMember,
    ArchiveProject,
    ChangeProjectRole,
    CreateProject,
    DeclineProject,
    DeleteProject,
    DescribeProject,
    LeaveProject,
    OfferProject,
    RemoveProjectMember,
    RenameProject,
    RestoreProject,
    UndeleteProject,
    WithdrawProject,
)
from commands.second_factor import ResetSecondFactor
from commands.service_account import (
    ChangeServiceRole,
    CreateServiceAccount,
    CreateServiceToken,
    DeleteServiceAccount,
    DisableServiceAccount,
    EnableServiceAccount,
    RenameServiceAccount,
    RevokeServiceToken,
    Subscribe,
    Unsubscribe,
)
from commands.training_job import CancelTraining, RequestTraining, RunAgain
from commands.trash import DeleteDataset, PurgeDataset, PurgeProject, UndeleteDataset
from domain.dataset import Dataset
from domain.roles import (
    Permission,
)
from tests.api.folders import listed, scenes
from tests.api.visitor import PASSWORD

COMMANDS: Final[list[tuple[type[Command], str, str, dict[str, Any]]]] = [
    (CreateProject, "POST", "/projects", {"name": "P"}),
    (RenameProject, "PATCH", "/projects/{project_id}", {"name": "Q"}),
    (DescribeProject, "PUT", "/projects/{project_id}/description", {"description": "D"}),
    (ArchiveProject, "POST", "/projects/{new_project_id}/archive", {}),
    (RestoreProject, "POST", "/projects/{project_id}/restore", {}),
    (DeleteProject, "DELETE", "/projects/{new_project_id}", {}),
    (UndeleteProject, "POST", "/projects/{new_project_id}/undelete", {}),
    (AddProjectMember, "POST", "/projects/{project_id}/members", {"person_id": "{person_id}", "role": "viewer"}),
    (ChangeProjectRole, "PATCH", "/projects/{project_id}/members/{placed_id}", {"role": "viewer"}),
    (RemoveProjectMember, "DELETE", "/projects/{project_id}/members/{placed_id}", {}),
    (OfferProject, "POST", "/projects/{new_project_id}/owner/offer", {"person_id": "{person_id}"}),
    (WithdrawProject, "POST", "/projects/{offered_project_id}/owner/withdraw", {}),
    (CreateDataset, "POST", "/datasets", {"name": "D"}),
    (CommitUpload, "POST", "/datasets/{dataset_id}/uploads/{upload_id}/commit", {}),
    (MakeSplit, "POST", "/datasets/{dataset_id}/split", {}),
    (TakeSnapshot, "POST", "/datasets/{dataset_id}/snapshot", {"tag": "{tag}"}),
    (AddDatasetMember, "POST", "/datasets/{dataset_id}/members", {"person_id": "{person_id}"}),
    (ChangeDatasetRole, "PATCH", "/datasets/{dataset_id}/members/{reading_id}", {"role": "editor"}),
    (RemoveDatasetMember, "DELETE", "/datasets/{dataset_id}/members/{reading_id}", {}),
    (OfferDataset, "POST", "/datasets/{new_dataset_id}/owner/offer", {"person_id": "{person_id}"}),
    (WithdrawDataset, "POST", "/datasets/{offered_dataset_id}/owner/withdraw", {}),
    (DeleteDataset, "DELETE", "/datasets/{new_dataset_id}", {}),
    (UndeleteDataset, "POST", "/datasets/{trashed_dataset_id}/undelete", {}),
    (PurgeDataset, "POST", "/datasets/{trashed_dataset_id}/purge", {"name": "another"}),
    (PurgeProject, "POST", "/projects/{trashed_project_id}/purge", {"name": "another"}),
    (CreateExperiment, "POST", "/experiments", {"project_id": "{project_id}", "name": "E"}),
    (RequestTraining, "POST", "/training-jobs", {"project_id": "{project_id}", "dataset_id": "{dataset_id}",
                                                 "framework": "timm", "model": "small"}),
    (RunAgain, "POST", "/training-jobs/{job_id}/run-again", {}),
    (CancelTraining, "POST", "/training-jobs/{new_job_id}/cancel", {}),
    (ChangeOrganization, "PATCH", "/organization", {"name": "O"}),
    (CloseOrganization, "POST", "/organization/close", {"name": "another", "password": PASSWORD}),
    (ReopenOrganization, "POST", "/organization/reopen", {}),
    (CreateServiceAccount, "POST", "/service-accounts", {"name": "S"}),
    (RenameServiceAccount, "PATCH", "/service-accounts/{service_id}", {"name": "S"}),
    (ChangeServiceRole, "PATCH", "/service-accounts/{service_id}/role", {"role": "engineer_i"}),
    (DisableServiceAccount, "POST", "/service-accounts/{service_id}/disable", {}),
    (EnableServiceAccount, "POST", "/service-accounts/{service_id}/enable", {}),
    (DeleteServiceAccount, "DELETE", "/service-accounts/{new_service_id}", {}),
    (Subscribe, "POST", "/service-accounts/{service_id}/subscription", {}),
    (Unsubscribe, "DELETE", "/service-accounts/{service_id}/subscription", {}),
    (CreateServiceToken, "POST", "/service-accounts/{service_id}/tokens", {"name": "T"}),
    (RevokeServiceToken, "DELETE", "/service-accounts/{service_id}/tokens/{service_token_id}", {}),
    (CreateToken, "POST", "/tokens", {"name": "T"}),
    (RevokeToken, "DELETE", "/tokens/{token_id}", {}),
    (InviteToOrganization, "POST", "/invitations", {"email": "{address}"}),
    (InviteToProject, "POST", "/invitations", {"type": "project", "target_id": "{project_id}", "email": "{address}",
                                               "role": "viewer"}),
    (InviteToDataset, "POST", "/invitations", {"type": "dataset", "target_id": "{dataset_id}", "email": "{address}"}),
    (PlaceByAddress, "POST", "/projects/{project_id}/members", {"email": "{address}", "role": "viewer"}),
    (ResendInvitation, "POST", "/invitations/{invitation_id}/resend", {}),
    (CancelInvitation, "DELETE", "/invitations/{invitation_id}", {}),
    (ApproveMember, "POST", "/members/{id}/approve", {"role": "guest"}),
    (ChangeRole, "PATCH", "/admin/users/{person_id}/role", {"role": "engineer_i"}),
    (RenameMember, "PATCH", "/admin/users/{person_id}", {"full_name": "N"}),
    (DeactivateMember, "POST", "/admin/users/{person_id}/deactivate", {}),
    (ReactivateMember, "POST", "/admin/users/{person_id}/reactivate", {}),
    (RemoveMember, "DELETE", "/admin/users/{person_id}", {}),
    (ResetSecondFactor, "DELETE", "/admin/users/{secured_id}/second-factor", {}),
]  # fmt: skip
# Whoever may is told that the name is another: everybody here works in that organization.
NAMED_WRONGLY: Final = {"/organization/close"}
# Why a right that somebody has may come to nothing: whoever was asked before did it, or the thing is in no such state.
# Any other conflict would be a right that is withheld.
CONFLICTS: Final[dict[tuple[str, str], set[str]]] = {
    ("POST", "/organization/close"): {"name-is-another"},
    ("DELETE", "/invitations/{invitation_id}"): {"invitation-is-over"},
    ("POST", "/training-jobs/{new_job_id}/cancel"): {"job-is-over"},
    ("DELETE", "/projects/{project_id}/members/{placed_id}"): {"person-has-no-place"},
    ("DELETE", "/datasets/{dataset_id}/members/{reading_id}"): {"person-has-no-place"},
    # A guest may own one project: the other one is in the trash, and stays there.
    ("POST", "/projects/{new_project_id}/archive"): {"is-deleted"},
    ("POST", "/projects/{new_project_id}/owner/offer"): {"is-deleted"},
    ("POST", "/projects/{new_project_id}/undelete"): {"guest-owns-a-project"},
    **{("POST", f"/{kind}s/{{trashed_{kind}_id}}/purge"): {"is-not-deleted"} for kind in ("project", "dataset")},
    **{
        ("POST", f"/{kind}s/{{{state}{kind}_id}}/owner/{done}"): {"ownership-is-not-offered"}
        for kind in ("project", "dataset")
        for state, done in (("offered_", "withdraw"), ("", "accept"), ("", "decline"))
    },
    **{
        ("DELETE", f"/{kind}s/{{{kind}_id}}/members/{{own_id}}"): {"person-has-no-place"}
        for kind in ("project", "dataset")
    },
}
CHANGE: Final = May(Permission.CHANGE_DATASET, Dataset, "dataset_id")
# What is about oneself, whatever the role: here everybody is told that there is nothing to leave or to take.
PLACES: Final[list[tuple[type[Command], str, str]]] = [
    (AcceptProject, "POST", "/projects/{project_id}/owner/accept"),
    (DeclineProject, "POST", "/projects/{project_id}/owner/decline"),
    (LeaveProject, "DELETE", "/projects/{project_id}/members/{own_id}"),
    (AcceptDataset, "POST", "/datasets/{dataset_id}/owner/accept"),
    (DeclineDataset, "POST", "/datasets/{dataset_id}/owner/decline"),
    (LeaveDataset, "DELETE", "/datasets/{dataset_id}/members/{own_id}"),
]
# What the routes themselves ask for, before there is a command.
UPLOADS: Final[list[tuple[May, str, str, dict[str, Any]]]] = [
    (May(Permission.READ), "POST", "/datasets/analyze", {"files": listed(scenes())}),
    (CHANGE, "POST", "/datasets/{dataset_id}/uploads", {}),
    (CHANGE, "POST", "/datasets/{dataset_id}/uploads/{upload_id}/files", {"files": []}),
    (CHANGE, "GET", "/datasets/{dataset_id}/uploads/{upload_id}/analysis", {}),
    (CHANGE, "DELETE", "/datasets/{dataset_id}/uploads/{new_upload_id}", {}),
]
QUERIES: Final = [
    (Permission.READ, "/projects"),
    (Permission.READ, "/projects/{project_id}"),
    (Permission.READ, "/projects/{project_id}/members"),
    (Permission.READ, "/datasets"),
    (Permission.READ, "/datasets/compare?dataset_a={dataset_id}&dataset_b={dataset_id}"),
    (Permission.READ, "/datasets/{dataset_id}"),
    (Permission.READ, "/datasets/{dataset_id}/members"),
    (Permission.READ, "/datasets/{dataset_id}/report"),
    (Permission.READ, "/datasets/{dataset_id}/images"),
    (Permission.READ, "/datasets/{dataset_id}/split"),
    (Permission.READ, "/datasets/{dataset_id}/snapshots"),
    (Permission.READ, "/experiments"),
    (Permission.READ, "/experiments/{experiment_id}"),
    (Permission.READ, "/experiments/{experiment_id}/runs"),
    (Permission.READ, "/experiments/{experiment_id}/runs/compare?run={job_id}"),
    (Permission.READ, "/experiments/{experiment_id}/runs/{job_id}/metrics"),
    (Permission.READ, "/training/models"),
    (Permission.READ, "/training-jobs"),
    (Permission.READ, "/training-jobs/{job_id}"),
    (Permission.READ, "/training-jobs/{job_id}/logs"),
    (Permission.READ, "/models"),
    (Permission.READ, "/models/{model_id}"),
    (Permission.READ, "/models/{model_id}/lineage"),
    (Permission.READ_SECURITY, "/admin/security"),
    (Permission.READ_HISTORY, "/audit/me"),
    (Permission.READ, "/permissions/explain?action=create_project"),
    (Permission.READ_HISTORY, "/audit/entity/{type}/{entity_id}"),
    (Permission.READ_HISTORY, "/audit/project/{project_id}"),
    (Permission.READ, "/organization"),
    (Permission.READ_MEMBERS, "/members"),
    (Permission.READ_MEMBERS, "/service-accounts"),
    (Permission.READ_MEMBERS, "/service-accounts/{service_id}"),
    (Permission.READ_MEMBERS, "/service-accounts/{subscriber_id}/subscription"),
    (Permission.MANAGE_SERVICE_ACCOUNTS, "/service-accounts/{service_id}/tokens"),
    (Permission.MANAGE_TOKENS, "/tokens"),
    (Permission.MANAGE_INVITATIONS, "/invitations"),
    (Permission.READ_AUDIT, "/audit/organization"),
    (Permission.MANAGE_MEMBERS, "/admin/users"),
    (Permission.MANAGE_MEMBERS, "/admin/users/{own_id}"),
]
