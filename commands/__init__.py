"""Everything one may ask of Vistory, and who answers: the one table."""

from collections.abc import Callable

from commands import dataset, erasure, experiment, membership, organization, person, project, training_job
from commands.access import Command
from commands.ports import Accepted

HANDLERS: dict[type[Command], Callable[..., Accepted]] = {
    person.RegisterPerson: person.register_person,
    person.SignIn: person.sign_in,
    erasure.AskForErasure: erasure.ask_for_erasure,
    erasure.CancelErasure: erasure.cancel_erasure,
    erasure.ErasePerson: erasure.erase_person,
    membership.ApproveMember: membership.approve_member,
    membership.ChangeRole: membership.change_role,
    membership.DeactivateMember: membership.deactivate_member,
    membership.ReactivateMember: membership.reactivate_member,
    membership.RemoveMember: membership.remove_member,
    organization.ChangeOrganization: organization.change_organization,
    project.CreateProject: project.create_project,
    project.RenameProject: project.rename_project,
    project.DescribeProject: project.describe_project,
    project.ArchiveProject: project.archive_project,
    project.RestoreProject: project.restore_project,
    project.AddProjectMember: project.add_project_member,
    project.ChangeProjectRole: project.change_project_role,
    project.RemoveProjectMember: project.remove_project_member,
    project.LeaveProject: project.leave_project,
    project.OfferProject: project.offer_project,
    project.AcceptProject: project.accept_project,
    project.DeclineProject: project.decline_project,
    project.WithdrawProject: project.withdraw_project,
    dataset.CreateDataset: dataset.create_dataset,
    dataset.CommitUpload: dataset.commit_upload,
    dataset.MakeSplit: dataset.make_split,
    dataset.TakeSnapshot: dataset.take_snapshot,
    experiment.CreateExperiment: experiment.create_experiment,
    experiment.LinkMlflowExperiment: experiment.link_mlflow_experiment,
    training_job.RequestTraining: training_job.request_training,
    training_job.RunAgain: training_job.run_again,
    training_job.CancelTraining: training_job.cancel_training,
    training_job.ClaimJob: training_job.claim_job,
    training_job.ReportStart: training_job.report_start,
    training_job.ReportEpoch: training_job.report_epoch,
    training_job.ReportCheckpoint: training_job.report_checkpoint,
    training_job.CompleteTraining: training_job.complete_training,
    training_job.FailTraining: training_job.fail_training,
    training_job.HandOver: training_job.lose_attempt,
    training_job.LoseAttempt: training_job.lose_attempt,
    training_job.LinkMlflowRun: training_job.link_mlflow_run,
}
