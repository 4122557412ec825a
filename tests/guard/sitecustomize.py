"""On PYTHONPATH, it has every Python process refuse, and note, connections and look-ups that leave the machine."""

import os
import sys
from pathlib import Path

HERE = {"localhost", "127.0.0.1", "::1", "0.0.0.0", "::", ""}


def guard(event: str, arguments: tuple) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else ""  # unix sockets are paths
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0] or ""
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in HERE and not host.startswith("127."):
        with Path(os.environ["GUARD_LOG"]).open("a") as log:
            log.write(f"{event} {host} by {' '.join(sys.argv)}\n")
        raise ConnectionRefusedError(f"network: given {host}, wanted this machine only")


sys.addaudithook(guard)
