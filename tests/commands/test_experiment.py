from uuid import UUID

from commands.access import Caller
from commands.experiment import CreateExperiment, LinkMlflowExperiment
from domain.errors import Forbidden, NotFound
from domain.experiment import Experiment
from domain.model import SYSTEM
from domain.roles import Role
from tests.commands.conftest import BEN, approve, ben, eve
from tests.commands.test_project import CELLS
from tests.commands.test_project import create as project
from tests.spec import Spec

BASELINE = UUID(int=21)
create = CreateExperiment(experiment_id=BASELINE, project_id=CELLS, name="baseline")
link = LinkMlflowExperiment(experiment_id=BASELINE, mlflow_experiment_id="7")
platform = Caller(kind="system", id=SYSTEM)


def test_an_experiment_belongs_to_a_project(spec: Spec) -> None:
    spec.given(project).when(create).then((Experiment.Created, {"project_id": CELLS, "name": "baseline"}))


def test_an_experiment_needs_its_project(spec: Spec) -> None:
    spec.when(create).then_refused(NotFound)


def test_another_organizations_project_takes_no_experiment(spec: Spec) -> None:
    spec.given(project).by(eve).when(create).then_refused(NotFound)


def test_a_guest_experiments_in_its_own_project_only(spec: Spec) -> None:
    spec.given(project, approve(BEN, Role.GUEST)).by(ben).when(create).then_refused(Forbidden)


def test_the_platform_links_an_experiment_once(spec: Spec) -> None:
    spec.given(project, create).by(platform).when(link).then((Experiment.MlflowLinked, {"mlflow_experiment_id": "7"}))
    spec.when(link).then()


def test_a_person_links_nothing(spec: Spec) -> None:
    spec.given(project, create).when(link).then_refused(Forbidden)
