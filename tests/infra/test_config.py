"""What a process is told from outside."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from infra.config import ExposedSettings, MissingSetting, Settings


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


def test_settings_stay_few() -> None:
    assert len(Settings.model_fields) < 30
