"""The pages about events are made from the code; here is what the code cannot tell by itself."""

from docs.generate.parts.causes import CAUSES, COMMANDS, WITHOUT_EVENTS, causes
from domain import EVENTS


def test_every_topic_has_a_cause_and_every_command_an_effect() -> None:
    assert CAUSES.keys() == EVENTS.keys()
    assert {name for names in CAUSES.values() for name in names} == COMMANDS.keys() - WITHOUT_EVENTS


def test_who_may_cause_an_event_is_read_off_the_commands() -> None:
    assert causes("training_job.claimed") == "`ClaimJob`: a worker of the job's framework"
    assert causes("dataset.created") == "`CreateDataset`: admin, manager, engineer_ii, engineer_i"
