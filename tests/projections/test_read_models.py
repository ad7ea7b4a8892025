from collections.abc import Sequence
from uuid import UUID

import pytest

from domain.content import Split
from domain.membership import membership_id
from domain.model import Recorded
from domain.values import Erased
from projections import PROJECTIONS, audit, dataset, experiment, membership, project, training_job
from projections.audit_words import sentence
from projections.folding import RowIsMissing
from projections.model import Projection
from tests.commands.conftest import ACME, ANN, BEN, CAT, EVE
from tests.commands.test_dataset import CRACKS, ONE, TWO
from tests.commands.test_experiment import BASELINE
from tests.commands.test_project import CELLS
from tests.commands.test_training_job import JOB, W1, W2
from tests.projections.history import (
    BEN_IN_ACME,
    BROKEN,
    DAN,
    DROPPED,
    ELSEWHERE,
    FAY,
    HAL,
    OUT,
    OUT_TOO,
    SHARED,
    STOPPED,
    everything,
    recorded,
    shown,
    tables,
)


def test_a_member_has_the_role_that_was_granted_last(history: Sequence[Recorded]) -> None:
    rows = tables(membership.PROJECTION, history)
    assert shown(rows["members"][(BEN_IN_ACME,)], "role", "person_id", "approved_by", "projects_owned") == {
        "role": "engineer_i",
        "person_id": BEN,
        "approved_by": ANN,
        "projects_owned": 0,
    }
    assert rows["members"][(membership_id(ACME, HAL),)]["approved_by"] == ANN, "who invited, not who accepted"
    assert shown(rows["organizations"][(ACME,)], "name", "admission", "seats", "admins", "max_users") == {
        "name": "Acme",
        "admission": "open",
        "seats": 4,
        "admins": 1,
        "max_users": 7,
    }


def test_a_person_without_a_key_reads_as_erased() -> None:
    spec = everything()
    spec.keys.erase(ANN)
    rows = tables(membership.PROJECTION, recorded(spec))["people"]
    assert shown(rows[(ANN,)], "email", "full_name") == {"email": str(Erased()), "full_name": "[erased]"}
    assert rows[(EVE,)]["full_name"] == "Eve"


def test_a_project_bears_its_newest_name(history: Sequence[Recorded]) -> None:
    rows = tables(project.PROJECTION, history)["projects"]
    assert rows.keys() == {(CELLS,), (ELSEWHERE,), (SHARED,), (OUT,)}
    assert shown(rows[(CELLS,)], "name", "description", "owner_id", "organization_id") == {
        "name": "blood cells",
        "description": "of blood",
        "owner_id": ANN,
        "organization_id": ACME,
    }


def test_a_project_shows_who_is_in_it_and_whose_it_is(history: Sequence[Recorded]) -> None:
    rows = tables(project.PROJECTION, history)
    shared = rows["projects"][(SHARED,)]
    assert shown(shared, "owner_id", "offered_to", "description") == {
        "owner_id": ANN,
        "offered_to": BEN,
        "description": "by two",
    }
    assert shared["archived_at"] is not None
    assert {key: row["role"] for key, row in rows["project_members"].items()} == {(SHARED, BEN): "maintainer"}


def test_what_a_person_owns_is_counted_up_and_down(history: Sequence[Recorded]) -> None:
    rows = tables(membership.PROJECTION, history)["members"]
    assert {row["person_id"]: row["projects_owned"] for row in rows.values()} == {
        ANN: 2,
        BEN: 0,
        CAT: 0,
        DAN: 0,
        EVE: 1,
        FAY: 0,
        HAL: 0,
    }


def test_a_dataset_shows_the_counts_of_its_current_revision(history: Sequence[Recorded]) -> None:
    rows = tables(dataset.PROJECTION, history)
    assert shown(rows["datasets"][(CRACKS,)], "revision", "root", "images", "classes", "snapshots") == {
        "revision": 2,
        "root": TWO,
        "images": 10,
        "classes": ["crack"],
        "snapshots": 1,
    }
    assert [rows["dataset_revisions"][(CRACKS, n)]["previous"] for n in (1, 2)] == [None, ONE]
    assert rows["dataset_snapshots"][(CRACKS, "v1")]["split"]["root"] == ONE


def test_what_was_purged_says_so(history: Sequence[Recorded]) -> None:
    gone = (
        tables(project.PROJECTION, history)["projects"][(OUT,)],
        tables(dataset.PROJECTION, history)["datasets"][(OUT_TOO,)],
    )
    for row in gone:
        assert row["purged_at"] > row["created_at"]
        assert row["purge_at"] > row["purged_at"]
    kept = tables(dataset.PROJECTION, history)["datasets"][(CRACKS,)]
    assert (kept["purge_at"], kept["purged_at"]) == (None, None)


def test_a_split_of_an_older_revision_is_not_the_current_one(history: Sequence[Recorded]) -> None:
    now = tables(dataset.PROJECTION, history)["datasets"][(CRACKS,)]
    before = tables(dataset.PROJECTION, history[:-1])["datasets"][(CRACKS,)]
    assert dataset.DatasetRow.model_validate(now).split is None
    assert dataset.DatasetRow.model_validate(before).split == Split.model_validate(before["last_split"])


def test_a_run_ends_as_its_job_does(history: Sequence[Recorded]) -> None:
    rows = tables(experiment.PROJECTION, history)
    statuses = {key[0]: row["status"] for key, row in rows["experiment_runs"].items()}
    assert statuses == {JOB: "completed", DROPPED: "cancelled", STOPPED: "cancelled", BROKEN: "failed"}
    assert rows["experiment_runs"][(JOB,)]["metrics"] == {"mAP50": 0.9, "loss": "NaN"}
    assert rows["experiments"][(BASELINE,)]["mlflow_experiment_id"] == "7"


def test_a_job_tells_what_came_of_it(history: Sequence[Recorded]) -> None:
    rows = tables(training_job.PROJECTION, history)
    assert shown(rows["training_jobs"][(JOB,)], "status", "attempt", "best_epoch", "mlflow_run_id", "model_id") == {
        "status": "completed",
        "attempt": 2,
        "best_epoch": 2,
        "mlflow_run_id": "r1",
        "model_id": UUID(int=51),
    }
    assert shown(rows["training_jobs"][(BROKEN,)], "status", "reason") == {"status": "failed", "reason": "code_error"}
    assert shown(rows["training_jobs"][(STOPPED,)], "reason", "cancelling") == {"reason": "user", "cancelling": True}
    assert rows["models"][(JOB,)]["id"] == UUID(int=51)


def test_each_attempt_keeps_its_own_end(history: Sequence[Recorded]) -> None:
    rows = tables(training_job.PROJECTION, history)["training_attempts"]
    assert shown(rows[(JOB, 1)], "status", "reason", "worker_id") == {
        "status": "lost",
        "reason": "worker_lost",
        "worker_id": W1,
    }
    assert shown(rows[(JOB, 2)], "status", "worker_id") == {"status": "completed", "worker_id": W2}
    assert rows[(DROPPED, 1)]["status"] == "cancelled"


def test_an_epoch_that_is_trained_again_stands_beside_the_first(history: Sequence[Recorded]) -> None:
    rows = tables(training_job.PROJECTION, history)
    assert sorted(key[1:] for key in rows["training_epochs"]) == [(1, 1), (2, 1), (3, 1), (3, 2)]
    assert rows["training_checkpoints"][(JOB, 2, 1)]["sha256"] == "c" * 64


def test_an_entry_says_who_did_it_in_the_role_of_that_time(history: Sequence[Recorded]) -> None:
    entries = tables(audit.PROJECTION, history)["audit_entries"]
    renamed = next(row for row in entries.values() if row["topic"] == "project.renamed")
    assert shown(renamed, "action", "entity_type", "entity_id", "actor_id", "actor_role", "changes") == {
        "action": "update",
        "entity_type": "project",
        "entity_id": CELLS,
        "actor_id": ANN,
        "actor_role": "admin",
        "changes": {"name": {"old": "cells", "new": "blood cells"}},
    }
    assert len(entries) == len(history)


def test_signing_in_is_an_entry_of_the_organization_it_opens(history: Sequence[Recorded]) -> None:
    entries = tables(audit.PROJECTION, history)["audit_entries"].values()
    assert [row["organization_id"] for row in entries if row["topic"] == "person.signed_in"] == [ACME]
    assert all(row["organization_id"] for row in entries)


def test_a_sentence_names_old_and_new() -> None:
    said = sentence("project.renamed", "Ann (admin)", "?", {"name": {"old": "cells", "new": "blood cells"}})
    assert said == "Ann (admin) renamed the project cells to blood cells"


def test_a_sentence_about_quotas_names_those_that_changed() -> None:
    quotas = {"max_users": {"old": 5, "new": 7}, "max_storage_gb": {"old": 100, "new": 100}}
    said = sentence("organization.quotas_changed", "Ann", "Acme", quotas)
    assert said == "Ann changed the quotas of Acme: users from 5 to 7"


def test_a_name_full_of_braces_is_only_a_name() -> None:
    assert (
        sentence("project.created", "{who}", "{what.__class__} {0}", {})
        == "{who} created the project {what.__class__} {0}"
    )


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.name)
def test_a_change_of_what_never_began_is_refused(projection: Projection, history: Sequence[Recorded]) -> None:
    """Of the audit log only the names begin anywhere."""
    topics = projection.folds or {"project.renamed"}
    later = [r for r in history if r.topic in topics and r.event.originator_version > 1]
    with pytest.raises(RowIsMissing):
        tables(projection, later[-1:])
