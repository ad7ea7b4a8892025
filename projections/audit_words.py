"""How the audit log words each event: its action, what it changed, and a sentence."""

from collections.abc import Mapping
from typing import Any, Final

from domain.dataset import Dataset
from domain.project import Project
from domain.shared import Shared

SHARED: Final[tuple[type[Shared[Any]], ...]] = (Project, Dataset)


def _of_members(kind: str) -> dict[str, tuple[str, str]]:
    """The words of a thing that has members, and may be thrown away."""
    return {
        f"{kind}.deleted": ("delete", f"{{who}} put the {kind} {{what}} into the trash, until {{purge_at}}"),
        f"{kind}.undeleted": ("undelete", f"{{who}} took the {kind} {{what}} out of the trash"),
        f"{kind}.member_added": ("add_member", f"{{who}} added {{person}} to the {kind} {{what}} as {{role}}"),
        f"{kind}.member_role_changed": (
            "grant_role",
            f"{{who}} changed the role of {{person}} in the {kind} {{what}} from {{role_before}} to {{role}}",
        ),
        f"{kind}.member_removed": (
            "remove_member",
            f"{{who}} removed {{person}} ({{role_before}}) from the {kind} {{what}}",
        ),
        f"{kind}.ownership_offered": ("offer", f"{{who}} offered the {kind} {{what}} to {{person}}"),
        f"{kind}.ownership_declined": ("decline", f"{{who}} withdrew the offer of the {kind} {{what}} to {{person}}"),
        f"{kind}.ownership_accepted": ("accept", f"{{who}} took over the {kind} {{what}}"),
    }


# topic → action, sentence. {who} acts, {what} is the thing, the rest are new values of `changes`.
_WORDS: Final[dict[str, tuple[str, str]]] = {
    "person.registered": ("create", "{who} registered"),
    "person.signed_in": ("sign_in", "{who} signed in"),
    "person.joined": ("join", "{who} came into this organization for the first time"),
    "person.renamed": ("update", "{who} gave {what} that name"),
    "person.erasure_requested": ("request_erasure", "{who} asked to be erased at {due_at}"),
    "person.erasure_cancelled": ("cancel_erasure", "{who} stays after all"),
    "person.operator_appointed": ("appoint", "{who} made {what} an operator of the platform"),
    "person.operator_dismissed": ("dismiss", "{who} removed {what} as an operator of the platform"),
    "person.erased": ("erase", "{who} erased {what}"),
    "session.begun": ("sign_in", "{who} signed in"),
    "session.switched": ("switch", "{who} went on in this organization"),
    "session.ended": ("sign_out", "{who} ended a session of {person} ({reason})"),
    "person.language_chosen": ("update", "{who} chose another language"),
    "person.verification_requested": ("request", "somebody asked for another link to verify the address of {what}"),
    "person.email_verified": ("verify", "{who} verified the address"),
    "person.email_change_requested": ("request", "{who} asked to be reached at another address"),
    "person.email_changed": ("update", "{who} is reached at another address"),
    "person.password_reset_requested": ("request", "somebody asked for a link to set another password of {what}"),
    "person.password_changed": ("update", "{who} set another password"),
    "second_factor.begun": ("begin", "{who} began to set up a second factor"),
    "second_factor.turned_on": ("turn_on", "{who} turned on a second factor"),
    "second_factor.turned_off": ("turn_off", "{who} turned off the second factor, by {means}"),
    "second_factor.reset": ("reset", "{who} took away the second factor of {person}"),
    "second_factor.recovery_codes_renewed": ("renew", "{who} had new recovery codes made, by {means}"),
    "security_policy.begun": ("begin", "{who} began to ask something of the accounts of all members"),
    "security_policy.second_factor_rule_changed": (
        "update",
        "{who} changed whether every member needs a second factor from {required_before} to {required}",
    ),
    "closure.begun": ("begin", "{who} began to close the organization"),
    "closure.organization_closed": ("close", "{who} closed the organization; it ends at {purge_at}"),
    "closure.organization_reopened": ("reopen", "{who} reopened the organization"),
    "closure.organization_purged": ("purge", "{who} ended the organization for good: what it held goes"),
    "person.sign_ins_failed": ("fail", "signing in as {what} failed {failures} times within an hour ({means})"),
    "organization.founded": ("create", "{who} founded the organization {what}"),
    "organization.renamed": ("update", "{who} renamed the organization {name_before} to {name}"),
    "organization.admission_changed": ("update", "{who} changed joining {what} from {admission_before} to {admission}"),
    "organization.quotas_changed": ("update", "{who} changed the quotas of {what}: {changed}"),
    "organization.seat_taken": ("update", "a seat of {what} was taken"),
    "organization.seat_released": ("update", "a seat of {what} is free again"),
    "organization.admin_added": ("update", "{what} has another admin"),
    "organization.admin_removed": ("update", "{what} has an admin less"),
    "organization.service_account_added": ("update", "{what} has another service account"),
    "organization.service_account_removed": ("update", "{what} has a service account less"),
    "service_account.created": ("create", "{who} created the service account {what} as {role}"),
    "service_account.renamed": ("update", "{who} renamed the service account {name_before} to {name}"),
    "service_account.role_changed": (
        "grant_role",
        "{who} changed the role of the service account {what} from {role_before} to {role}",
    ),
    "service_account.disabled": ("disable", "{who} disabled the service account {what}"),
    "service_account.enabled": ("enable", "{who} enabled the service account {what}"),
    "service_account.subscribed": (
        "subscribe",
        "{who} let the service account {what} hear every event of the organization ({since})",
    ),
    "service_account.unsubscribed": ("unsubscribe", "{who} let the service account {what} hear no event any more"),
    "service_account.deleted": ("delete", "{who} deleted the service account {what}"),
    "membership.requested": ("request", "{who} asked to become a member"),
    "membership.approved": ("approve", "{who} approved {what} as {role}"),
    "membership.role_changed": ("grant_role", "{who} changed the role of {what} from {role_before} to {role}"),
    "membership.deactivated": ("deactivate", "{who} deactivated {what}"),
    "membership.reactivated": ("reactivate", "{who} reactivated {what}"),
    "membership.ended": ("delete", "{who} removed {what} from the organization"),
    "membership.project_owned": ("update", "{what} owns another project"),
    "membership.project_released": ("update", "{what} owns a project less"),
    "api_token.created": ("create", "{who} created the API token {what} ({prefix}…)"),
    "api_token.revoked": ("revoke", "{who} revoked the API token {what}"),
    "api_token.expired": ("expire", "the API token {what} expired"),
    "invitation.sent": ("invite", "{who} invited somebody to {what} as {role}"),
    "invitation.resent": ("invite", "{who} sent the invitation to {what} once more"),
    "invitation.accepted": ("accept", "{who} accepted the invitation to {what}"),
    "invitation.declined": ("decline", "the invitation to {what} was declined"),
    "invitation.expired": ("expire", "the invitation to {what} expired"),
    "invitation.cancelled": ("cancel", "{who} cancelled the invitation to {what} ({reason})"),
    "project.created": ("create", "{who} created the project {what}"),
    "project.renamed": ("update", "{who} renamed the project {name_before} to {name}"),
    "project.described": ("update", "{who} described the project {what} anew"),
    "project.archived": ("archive", "{who} archived the project {what}"),
    "project.restored": ("restore", "{who} restored the project {what}"),
    "project.purged": ("purge", "{who} purged the project {what}: the files of its trainings and models go"),
    **_of_members("project"),
    "dataset.created": ("create", "{who} created the dataset {what}"),
    "dataset.revision_committed": (
        "upload",
        "{who} uploaded revision {revision} of the dataset {what}: {images} images, {annotations} annotations",
    ),
    "dataset.split_made": (
        "split",
        "{who} split the dataset {what} ({method}): {train} to train, {val} to validate, {test} to test",
    ),
    "dataset.snapshot_taken": ("snapshot", "{who} took the snapshot {tag} of the dataset {what}"),
    **_of_members("dataset"),
    "dataset.purged": ("purge", "{who} purged the dataset {what}: its images go where no other dataset has them"),
    "experiment.created": ("create", "{who} created the experiment {what}"),
    "experiment.mlflow_linked": (
        "link",
        "{who} linked the experiment {what} to MLflow experiment {mlflow_experiment_id}",
    ),
    "training_job.requested": ("request", "{who} requested the training of {what}"),
    "training_job.claimed": ("claim", "{who} claimed attempt {attempt} of the training of {what}"),
    "training_job.started": ("start", "{who} started attempt {attempt} of the training of {what} on {device}"),
    "training_job.epoch_completed": ("report", "{who} completed epoch {epoch} of {epochs} of {what}"),
    "training_job.checkpoint_saved": ("checkpoint", "{who} saved a checkpoint of epoch {epoch} of {what}"),
    "training_job.mlflow_linked": ("link", "{who} linked the training of {what} to MLflow run {mlflow_run_id}"),
    "training_job.cancel_requested": ("cancel", "{who} asked to cancel the training of {what}"),
    "training_job.lost": ("lose", "{who} gave up attempt {attempt} of the training of {what}: {reason}"),
    "training_job.requeued": ("requeue", "{who} queued attempt {attempt} of the training of {what}"),
    "training_job.completed": ("complete", "{who} completed the training of {what}; best epoch {best_epoch}"),
    "training_job.failed": ("fail", "the training of {what} failed ({reason}), reported by {who}"),
    "training_job.cancelled": ("cancel", "the training of {what} was cancelled ({reason}), reported by {who}"),
}
# Where whoever acts is the person that it is about.
_OF_ONESELF: Final = {
    "session.ended": "{who} signed out ({reason})",
    **{f"{kind.TOPIC}.member_removed": f"{{who}} left the {kind.TOPIC} {{what}}" for kind in SHARED},
    **{f"{kind.TOPIC}.ownership_declined": f"{{who}} declined to own the {kind.TOPIC} {{what}}" for kind in SHARED},
}
# Where somebody accepts what they were invited to.
_BY_INVITATION: Final = {
    "membership.approved": "{who} came in by invitation, as {role}",
    "membership.role_changed": "{who} became {role} by invitation, and was {role_before}",
    **{
        f"{kind.TOPIC}.member_added": f"{{who}} came into the {kind.TOPIC} {{what}} by invitation, as {{role}}"
        for kind in SHARED
    },
}
ACTIONS: Final = {topic: action for topic, (action, _) in _WORDS.items()}
EVERY_ACTION: Final = sorted(set(ACTIONS.values()))
EVERY_TYPE: Final = sorted({topic.partition(".")[0] for topic in ACTIONS})
# What {changed} calls them.
_CALLED: Final = {"max_users": "users", "max_storage_gb": "GB", "max_gpu_hours_per_month": "GPU hours a month"}
# Bookkeeping that stands beside an entry which says it better, and what comes once an epoch.
NOISY: Final = frozenset(
    {
        "second_factor.begun",
        "security_policy.begun",
        "closure.begun",
        "person.joined",
        "organization.seat_taken",
        "organization.seat_released",
        "organization.admin_added",
        "organization.admin_removed",
        "organization.service_account_added",
        "organization.service_account_removed",
        "membership.project_owned",
        "membership.project_released",
        "training_job.epoch_completed",
        "training_job.checkpoint_saved",
    }
)
ALWAYS_NOISY: Final = {ACTIONS[topic] for topic in NOISY} - {ACTIONS[topic] for topic in ACTIONS.keys() - NOISY}


def sentence(
    topic: str,
    who: str,
    what: str,
    changed: Mapping[str, Mapping[str, Any]],
    person: str = "",
    of_oneself: bool = False,
    by_invitation: bool = False,
) -> str:
    """`person` is whom it is about; `of_oneself` says that this is who acts, `by_invitation` that another lets them."""
    values = {name: change["new"] for name, change in changed.items()}
    values |= {f"{name}_before": change["old"] for name, change in changed.items()}
    values["changed"] = _differences(changed)
    words = _WORDS[topic][1]
    words = _OF_ONESELF.get(topic, words) if of_oneself else words
    words = _BY_INVITATION.get(topic, words) if by_invitation else words
    text = words.format_map(_Said({**values, "who": who, "what": what, "person": person}))
    return text[:1].upper() + text[1:]


def _differences(changed: Mapping[str, Mapping[str, Any]]) -> str:
    different = {name: change for name, change in changed.items() if change["old"] != change["new"]}
    return ", ".join(f"{_CALLED.get(name, name)} from {of['old']} to {of['new']}" for name, of in different.items())


class _Said(dict[str, Any]):
    def __missing__(self, name: str) -> str:
        return "?"
