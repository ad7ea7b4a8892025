"""The rules: aggregates and their events. Imports every aggregate, so that every stored TOPIC resolves."""

from domain.api_token import ApiToken
from domain.closure import Closure
from domain.dataset import Dataset
from domain.experiment import Experiment
from domain.invitation import Invitation
from domain.membership import Membership
from domain.model import Aggregate, Event
from domain.organization import Organization
from domain.person import Person
from domain.project import Project
from domain.second_factor import SecondFactor
from domain.security_policy import SecurityPolicy
from domain.service_account import ServiceAccount
from domain.session import Session
from domain.training_job import TrainingJob

AGGREGATES: tuple[type[Aggregate], ...] = (
    Person,
    Session,
    SecondFactor,
    Organization,
    SecurityPolicy,
    Closure,
    Membership,
    ServiceAccount,
    ApiToken,
    Invitation,
    Project,
    Dataset,
    Experiment,
    TrainingJob,
)


def _events() -> dict[str, type[Event]]:
    members = (value for aggregate in AGGREGATES for value in vars(aggregate).values())
    return {m.TOPIC: m for m in members if isinstance(m, type) and issubclass(m, Event) and hasattr(m, "TOPIC")}


EVENTS: dict[str, type[Event]] = _events()
