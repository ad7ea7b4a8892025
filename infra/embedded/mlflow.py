"""MLflow in one process, from an environment of its own; it takes seconds to load, so nothing waits for it."""

import json
from pathlib import Path

from infra.embedded.child import Child
from infra.embedded.folder import DataFolder
from infra.embedded.objects import Keys, speaks_http
from infra.embedded.passwords import write_private
from infra.embedded.ports import HOST

SCRIPT = Path(__file__).with_name("mlflow_server.py")


class MLflow:
    def __init__(self, folder: DataFolder, port: int, environments: Path) -> None:
        self._home = folder / "mlflow"
        self._port = port
        self._python = environments / "mlflow" / "bin" / "python"

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._port}"

    def child(self, database_url: str, s3_url: str, bucket: str, keys: Keys) -> Child:
        variables = self._home / "variables.json"

        def prepare() -> None:
            if not self._python.exists():
                raise FileNotFoundError(f"{self._python} is missing; `make environments` sets it up")
            write_private(variables, json.dumps(server_variables(database_url, s3_url, bucket, keys)).encode())

        return Child(
            name="mlflow",
            argv=(str(self._python), "-I", str(SCRIPT), str(self._port), str(variables)),
            cwd=self._home,
            ready_probe=lambda: speaks_http(self._port, "/health"),
            prepare=prepare,
            grace=1.5,
            nice=10,
        )


def server_variables(database_url: str, s3_url: str, bucket: str, keys: Keys) -> dict[str, str]:
    """The private names are those of mlflow/server/constants.py in the version that is pinned."""
    database = database_url.replace("postgresql://", "postgresql+psycopg://", 1)
    return {
        "_MLFLOW_SERVER_FILE_STORE": database,
        "_MLFLOW_SERVER_REGISTRY_STORE": database,
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": f"s3://{bucket}/artifacts",
        "_MLFLOW_SGI_NAME": "uvicorn",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_S3_ENDPOINT_URL": s3_url,
        "AWS_ACCESS_KEY_ID": keys.access,
        "AWS_SECRET_ACCESS_KEY": keys.secret,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
