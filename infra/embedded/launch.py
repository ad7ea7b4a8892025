"""Becomes another program, as a child that cannot outlive its parent: run as a script, with JSON in its first argument.

A start line of its own, not a `preexec_fn`: Python code between fork and exec can deadlock in a program with threads.
The kernel sends the death signal when the *thread* that started the child ends, so that thread must last as long.
"""

import ctypes
import json
import os
import sys

PR_SET_PDEATHSIG = 1


def die_with(parent: int, signal: int) -> None:
    if not sys.platform.startswith("linux"):
        return
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        sys.exit(0)  # it died before we could ask


def become(user: int, group: int) -> None:
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)


def main(order: dict[str, int], argv: list[str]) -> None:
    os.umask(0o077)
    os.nice(order.get("nice", 0))
    if "user" in order:
        become(order["user"], order["group"])
    # Last: a change of user clears it.
    die_with(order["parent"], order["death_signal"])
    os.execv(argv[0], argv)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:])
