"""The servers and processes of one machine, supervised: `Stack` starts them, watches over them and stops them."""

from infra.embedded.child import Change, Child, StartFailed, State
from infra.embedded.folder import AlreadyRunning, UnreachableFolder, default_folder
from infra.embedded.stack import FRAMEWORKS, Stack

__all__ = [
    "FRAMEWORKS",
    "AlreadyRunning",
    "Change",
    "Child",
    "Stack",
    "StartFailed",
    "State",
    "UnreachableFolder",
    "default_folder",
]
