"""Runs the MLflow server in MLflow's own environment: a script, given the file that holds its variables.

Set here, after the start, they do not show in the environment that the system shows of a process.
"""

import json
import os
import sys
from pathlib import Path

if __name__ == "__main__":
    port, variables = int(sys.argv[1]), Path(sys.argv[2])
    os.environ |= json.loads(variables.read_text())

    import uvicorn

    uvicorn.run("mlflow.server.fastapi_app:app", host="127.0.0.1", port=port, workers=1, access_log=False)
