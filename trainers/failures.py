"""How a training fails: four reasons, each with an exit code, and a message for the person who asked for it."""

import errno
from collections.abc import Mapping
from typing import Literal

Reason = Literal["data_error", "out_of_memory", "code_error", "infrastructure"]
EXIT_CODES: Mapping[Reason, int] = {"data_error": 3, "out_of_memory": 4, "code_error": 5, "infrastructure": 6}
TERMINATED = 143

# Frameworks wrap allocation errors in plain RuntimeErrors: the words of CUDA, cuBLAS, cuDNN, the CPU allocator, C++ and
# oneDNN.
NO_MEMORY = (
    "out of memory",
    "cublas_status_alloc_failed",
    "cudnn_status_alloc_failed",
    "cudnn_status_internal_error",
    "unable to find an engine",
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
    "bad allocation",
    "could not create a primitive",
)


class TrainingFailed(Exception):
    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.reason]


def data_error(message: str) -> TrainingFailed:
    return TrainingFailed("data_error", message)


def understand(error: BaseException) -> TrainingFailed:
    """Whatever was raised, as a failure with a reason."""
    if isinstance(error, TrainingFailed):
        return error
    if is_about_memory(error):
        return TrainingFailed("out_of_memory", f"out of memory; try a smaller batch, image size or model ({error})")
    return TrainingFailed("code_error", f"{type(error).__name__}: {error}")


def is_about_memory(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in NO_MEMORY)
