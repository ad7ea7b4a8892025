"""Where and with what a training ran: enough to explain, and perhaps repeat, its result."""

import ctypes
import hashlib
import os
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path


def describe(packages: Iterable[str], device_name: str) -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_count": str(os.cpu_count()),
        "device_name": device_name,
        "code_version": code_version(),
    } | {package: version(package) for package in packages}


def gpus() -> int:
    """CUDA devices, by the driver itself: a framework takes seconds to load."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int()
    counted = driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
    return count.value if counted else 0


def code_version() -> str:
    """One hash over every source file of the trainers, names and contents."""
    root = Path(__file__).parent
    total = hashlib.sha256()
    for file in sorted(root.rglob("*")):
        if file.suffix in {".py", ".toml", ".yaml"}:
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            total.update(f"{content}  {file.relative_to(root).as_posix()}\n".encode())
    return total.hexdigest()
