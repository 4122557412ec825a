"""Runs a command where there is no network but loopback: unshare -rn python tests/offline.py COMMAND...

For what tests/guard cannot see, processes that are not Python's (wandb-core). Linux, where user namespaces are allowed.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40
GUARD = Path(__file__).with_name("guard")


@lru_cache
def prefix() -> tuple[str, ...]:
    """What to put before a command; nothing where this machine does not allow it."""
    unshare = ["unshare", "--map-root-user", "--net"]
    try:
        allowed = subprocess.run([*unshare, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        allowed = False
    return (*unshare, sys.executable, __file__) if allowed else ()


def environment(log: Path) -> dict[str, str]:
    """Under which Python processes note in `log` what they are refused."""
    paths = [str(GUARD), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(paths), "GUARD_LOG": str(log)}


if __name__ == "__main__":
    with socket.socket() as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP | IFF_RUNNING))
    os.execvp(sys.argv[1], sys.argv[1:])
