"""What is named to `up` reaches whom it is meant for."""

from infra.config import OperatorLimits, Settings
from infra.embedded import Stack
from infra.embedded.told import EVERYBODY, KEPT, TOLD
from tests.servers import data_folder


def test_every_setting_is_told_to_somebody_or_kept_by_up_itself() -> None:
    told = {name for names in (EVERYBODY, *TOLD.values()) for name in names}
    assert told.isdisjoint(KEPT)
    assert told | set(KEPT) == set(Settings.model_fields)


def test_what_is_named_to_up_is_what_a_process_is_told() -> None:
    named = Settings(
        limits=OperatorLimits(requests_per_second=5), trusted_proxies="10.0.0.1", threads=3, s3_region="elsewhere-1"
    )
    with data_folder() as folder, Stack(folder, settings=named) as stack:
        api, trainer = stack.settings_for("api"), stack.settings_for("trainer-timm")
    assert (api.limits.requests_per_second, api.trusted_proxies, api.s3_region) == (5, "10.0.0.1", "elsewhere-1")
    assert trainer.threads == 3
