"""Which code this is: the version, and the commit where it runs from a clone."""

import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path


@cache
def code_version() -> str:
    """Of this process: what changes on the disk meanwhile is not what runs."""
    released = version("vistory")
    commit = _git("rev-parse", "--short=12", "HEAD")
    changed = "-changed" if commit and _git("status", "--porcelain", "--untracked-files=no") else ""
    return f"{released}+{commit}{changed}" if commit else released


def _git(*words: str) -> str:
    """What git says of the folder that this file is in; nothing where it is no clone or there is no git."""
    folder = Path(__file__).parent.parent
    if not (folder / ".git").exists():
        return ""
    try:
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
