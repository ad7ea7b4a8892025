"""What a process is told from outside."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from infra.config import ExposedSettings, MissingSetting, OperatorLimits, Settings
from infra.mail_settings import Mail


def written(folder: Path, mode: int = 0o600, **values: object) -> str:
    file = folder / "api.json"
    file.write_text(json.dumps(values))
    file.chmod(mode)
    return str(file)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTORY_API_PORT", "8123")
    assert Settings().api_port == 8123


def test_settings_come_from_a_private_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTORY_SETTINGS_FILE", written(tmp_path, database_url="postgresql://a:b@c/d", api_port=1))
    settings = Settings()
    assert settings.need("database_url") == "postgresql://a:b@c/d"
    assert "a:b" not in repr(settings)


def test_a_variable_overrides_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTORY_SETTINGS_FILE", written(tmp_path, api_port=1))
    monkeypatch.setenv("VISTORY_API_PORT", "2")
    assert Settings().api_port == 2


def test_a_file_that_others_can_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTORY_SETTINGS_FILE", written(tmp_path, mode=0o644))
    with pytest.raises(ExposedSettings, match="chmod 600"):
        Settings()


def test_an_unknown_setting_in_the_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTORY_SETTINGS_FILE", written(tmp_path, databse_url="x"))
    with pytest.raises(ValidationError, match="databse_url"):
        Settings()


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(MissingSetting, match="VISTORY_NATS_URL"):
        Settings().need("nats_url")


@pytest.mark.parametrize(
    "url", ["s3://key:secret@bucket/heads", "gs://bucket", "heads", "//host/heads", "file://host/heads", "https://host"]
)
def test_a_place_for_heads_that_would_become_a_folder_here_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="name a folder"):
        Settings(heads_url=SecretStr(url))


def test_of_what_is_wrong_in_the_environment_no_value_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTORY_HEADS_URL", "s3://key:hush@bucket/heads")
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("url", ["/mnt/a b#c", "file:/mnt/elsewhere", "file:///mnt", "https://key:secret@host/bucket"])
def test_a_folder_or_a_bucket_is_a_place_for_heads(url: str) -> None:
    assert Settings(heads_url=SecretStr(url)).need("heads_url") == url


@pytest.mark.parametrize("named", ["*", "proxy", "10.0.0.1/24"])
def test_a_proxy_is_trusted_by_its_address_or_network(named: str) -> None:
    assert Settings(trusted_proxies="10.0.0.1, fd00::/8").trusted_proxies
    with pytest.raises(ValidationError):
        Settings(trusted_proxies=named)


GIVEN = {
    "data": ("/srv/vistory", Path("/srv/vistory")),
    "nats_replicas": ("3", 3),
    "api_port": ("80", 80),
    "trusted_proxies": ("10.0.0.0/8", "10.0.0.0/8"),
    "worker_credentials": ('{"timm": "ab"}', {"timm": "ab"}),
    "erasure_days": ("0", 0),
    "verify_first": ("true", True),
    "limits": ('{"invitations_per_day": 5}', OperatorLimits(invitations_per_day=5)),
    "threads": ("2", 2),
    "trainer_port": ("8001", 8001),
    "metrics_port": ("9000", 9000),
    "heads_url": ("/mnt/heads", "/mnt/heads"),
    "mail": ('{"host": "mx.example.org"}', Mail(host="mx.example.org")),
}
PATHS = {"master_key_file", "pepper_file", "token_key_file", "link_key_file", "environments"}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_can_be_given_by_its_variable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told, meant = GIVEN.get(name, ("given", Path("given") if name in PATHS else "given"))
    monkeypatch.setenv(f"VISTORY_{name.upper()}", told)
    found = getattr(Settings(), name)
    assert (found.get_secret_value() if isinstance(found, SecretStr) else found) == meant


@pytest.mark.parametrize(
    ("variable", "told", "meant"),
    [
        ("VISTORY_LIMITS_REQUESTS_PER_SECOND", "2.5", OperatorLimits(requests_per_second=2.5)),
        ("VISTORY_LIMITS_INVITATIONS_PER_DAY", "5", OperatorLimits(invitations_per_day=5)),
        ("VISTORY_LIMITS_RUNNING_PER_ORGANIZATION", "4", OperatorLimits(running_per_organization=4)),
    ],
)
def test_each_limit_has_a_variable_of_its_own(
    variable: str, told: str, meant: OperatorLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, told)
    assert Settings().limits == meant


def test_settings_stay_few() -> None:
    assert len(Settings.model_fields) <= 34
