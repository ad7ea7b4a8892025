"""The topics by aggregate, written out so that a new one is in no list until somebody has thought of it."""

from typing import Final

# Loaded and told as ever, and recorded no more.
RETIRED: Final = frozenset({"person.signed_in"})
PERSON: Final = frozenset(
    {
        "person.registered",
        "person.renamed",
        "person.erasure_requested",
        "person.erasure_cancelled",
        "person.erased",
        "person.operator_appointed",
        "person.joined",
        "person.operator_dismissed",
        "person.language_chosen",
        "person.verification_requested",
        "person.email_verified",
        "person.email_change_requested",
        "person.email_changed",
        "person.password_reset_requested",
        "person.password_changed",
        "person.sign_ins_failed",
    }
    | RETIRED
)
SESSION: Final = frozenset({"session.begun", "session.switched", "session.ended"})
SECOND_FACTOR: Final = frozenset(
    {
        "second_factor.begun",
        "second_factor.turned_on",
        "second_factor.turned_off",
        "second_factor.reset",
        "second_factor.recovery_codes_renewed",
    }
)
SECURITY_POLICY: Final = frozenset({"security_policy.begun", "security_policy.second_factor_rule_changed"})
CLOSURE: Final = frozenset(
    {
        "closure.begun",
        "closure.organization_closed",
        "closure.organization_reopened",
        "closure.organization_purged",
    }
)
SERVICE_ACCOUNTS_OF: Final = frozenset({"organization.service_account_added", "organization.service_account_removed"})
ORGANIZATION: Final = SERVICE_ACCOUNTS_OF | frozenset(
    {
        "organization.founded",
        "organization.renamed",
        "organization.admission_changed",
        "organization.quotas_changed",
        "organization.seat_taken",
        "organization.seat_released",
        "organization.admin_added",
        "organization.admin_removed",
    }
)
MEMBERSHIP: Final = frozenset(
    {
        "membership.requested",
        "membership.approved",
        "membership.role_changed",
        "membership.deactivated",
        "membership.reactivated",
        "membership.ended",
        "membership.project_owned",
        "membership.project_released",
    }
)
SERVICE_ACCOUNT: Final = frozenset(
    {
        "service_account.created",
        "service_account.renamed",
        "service_account.role_changed",
        "service_account.disabled",
        "service_account.enabled",
        "service_account.subscribed",
        "service_account.unsubscribed",
        "service_account.deleted",
    }
)
API_TOKEN: Final = frozenset({"api_token.created", "api_token.revoked", "api_token.expired"})
INVITATION: Final = frozenset(
    {
        "invitation.sent",
        "invitation.resent",
        "invitation.accepted",
        "invitation.declined",
        "invitation.expired",
        "invitation.cancelled",
    }
)
PROJECT: Final = frozenset(
    {
        "project.created",
        "project.renamed",
        "project.described",
        "project.archived",
        "project.restored",
        "project.deleted",
        "project.undeleted",
        "project.purged",
        "project.member_added",
        "project.member_role_changed",
        "project.member_removed",
        "project.ownership_offered",
        "project.ownership_declined",
        "project.ownership_accepted",
    }
)
DATASET: Final = frozenset(
    {
        "dataset.created",
        "dataset.revision_committed",
        "dataset.split_made",
        "dataset.snapshot_taken",
        "dataset.member_added",
        "dataset.member_role_changed",
        "dataset.member_removed",
        "dataset.ownership_offered",
        "dataset.ownership_declined",
        "dataset.ownership_accepted",
        "dataset.deleted",
        "dataset.undeleted",
        "dataset.purged",
    }
)
EXPERIMENT: Final = frozenset({"experiment.created", "experiment.mlflow_linked"})
TRAINING_JOB: Final = frozenset(
    {
        "training_job.requested",
        "training_job.claimed",
        "training_job.started",
        "training_job.epoch_completed",
        "training_job.checkpoint_saved",
        "training_job.mlflow_linked",
        "training_job.cancel_requested",
        "training_job.lost",
        "training_job.requeued",
        "training_job.completed",
        "training_job.failed",
        "training_job.cancelled",
    }
)
# They say nothing to any read model but the audit log, which tells of everything.
FOLDED_BY_NOBODY: Final = SESSION | SERVICE_ACCOUNTS_OF | RETIRED
