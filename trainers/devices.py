"""Where the arithmetic happens: the processor, or a CUDA device where there is one."""

import platform
from dataclasses import dataclass
from pathlib import Path

import torch

from trainers.failures import TrainingFailed
from trainers.job import Wanted


@dataclass(frozen=True)
class Device:
    kind: str
    name: str


def choose(wanted: Wanted, threads: int) -> Device:
    """`auto` takes CUDA where it is; `cuda` insists on it."""
    torch.set_num_threads(threads)
    has_cuda = torch.cuda.is_available()
    if wanted == "cuda" and not has_cuda:
        raise TrainingFailed("infrastructure", "the job asks for a CUDA device and this machine has none")
    if wanted == "cpu" or not has_cuda:
        return Device("cpu", processor())
    return Device("cuda", torch.cuda.get_device_name(0))


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
