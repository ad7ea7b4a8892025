import os
from collections.abc import Iterator
from pathlib import Path

import psutil

from infra.config import Settings
from infra.executors import environment
from tests.servers import Servers

NOT_FOR_WORKERS = (
    "database_url",
    "keys_database_url",
    "s3_secret_key",
    "s3_access_key",
    "pepper_file",
    "token_key_file",
    "link_key_file",
)


def test_a_trainers_service_is_told_nothing_of_databases_and_object_storage(servers: Servers) -> None:
    told = servers.settings("trainer-timm")
    assert [name for name in NOT_FOR_WORKERS if getattr(told, name) is not None] == []


def test_neither_environment_nor_arguments_of_a_running_service_show_a_secret(servers: Servers) -> None:
    service = servers.stack.vistory("trainer-timm")
    with servers.stack.supervised([service]):
        shown = b"".join(shown_by(process) for process in mine("run trainer timm"))
    assert b"VISTORY_SETTINGS_FILE" in shown
    assert [secret for secret in secrets(servers.stack.folder.path / "secrets") if secret in shown] == []


def test_a_training_process_gets_no_variable_of_ours(tmp_path: Path) -> None:
    assert not [name for name in environment(tmp_path, 1) if name.startswith(Settings.model_config["env_prefix"])]


def mine(words: str) -> Iterator[psutil.Process]:
    for process in psutil.Process(os.getpid()).children(recursive=True):
        if words in " ".join(process.cmdline()):
            yield process


def shown_by(process: psutil.Process) -> bytes:
    return b"".join(Path(f"/proc/{process.pid}/{name}").read_bytes() for name in ("environ", "cmdline"))


def secrets(folder: Path) -> list[bytes]:
    return [data for file in folder.iterdir() if file.is_file() and len(data := file.read_bytes().strip()) >= 8]
