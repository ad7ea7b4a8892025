"""Whoever exports the settings of a platform that people work with can run the tests beside it."""

import os
import subprocess
import sys

import pytest

NAMED = {"VISTORY_DATABASE_URL": "postgresql://db/postgres", "VISTORY_MAIL_HOST": "mail.example", "OTEL_X": "1"}
LEFT = "import os; print([name for name in os.environ if name.startswith(('VISTORY_', 'OTEL_'))])"


@pytest.mark.parametrize(
    "entered", ["import tests.conftest", "from tests.alone import forget_the_environment as f; f()"]
)
def test_no_server_is_used_that_the_environment_names(entered: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("VISTORY_", "OTEL_"))}
    said = subprocess.run(
        [sys.executable, "-c", f"{entered}\n{LEFT}"],
        env=environment | NAMED | {"VISTORY_SCHEMA_EXAMPLES": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "['VISTORY_SCHEMA_EXAMPLES']\n"
