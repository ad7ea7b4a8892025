"""The process around a training: its streams, its end, its threads, and the network that it must not touch."""

import ctypes
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import BinaryIO, NoReturn

from trainers.failures import TERMINATED

PR_SET_PDEATHSIG = 1
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_MAX_THREADS")
OFFLINE = {
    "YOLO_OFFLINE": "true",
    "YOLO_AUTOINSTALL": "false",
    "ULTRALYTICS_SAFE_LOAD": "true",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "MPLBACKEND": "Agg",
}
CACHES = ("YOLO_CONFIG_DIR", "HF_HOME", "TORCH_HOME", "MPLCONFIGDIR", "XDG_CACHE_HOME", "TORCHINDUCTOR_CACHE_DIR")


def take_stdout() -> BinaryIO:
    """Keep the real standard output for reports; whatever a library prints goes to standard error from here on."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(kept, "wb")


def end_on_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)


def leave(code: int) -> NoReturn:
    """Without the one or two seconds in which an interpreter takes torch apart."""
    sys.stderr.flush()
    os._exit(code)


def end(number: int, frame: FrameType | None) -> None:
    os._exit(TERMINATED)  # nothing to tidy: every file is written whole, and the service wants an answer at once


def die_with_parent(parent: int) -> None:
    """Be killed when the parent is gone; if it went before that was arranged, go too."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(TERMINATED)


def confine(folder: Path, threads: int) -> None:
    """Before a framework is imported: so many threads, caches in this folder, nothing from the network."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.update(OFFLINE)
    os.environ.update(dict.fromkeys(CACHES, str(folder)))
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
