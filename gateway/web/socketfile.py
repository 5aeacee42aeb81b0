"""Unix domain sockets whose path may be longer than the 107 bytes an address has room for."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

__all__ = ["listen", "reachable"]

_LONGEST: Final = 100
_BACKLOG: Final = 32


@contextmanager
def reachable(path: Path) -> Iterator[str]:
    """Give an address for ``path`` that is short enough, valid inside the context."""
    text = str(path)
    if len(os.fsencode(text)) <= _LONGEST:
        yield text
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def listen(path: Path) -> socket.socket:
    """Listen at ``path`` with rights for the owner only; what lay there before is replaced.

    The caller must own the folder: nobody else may be listening there. Raises OSError.
    """
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(listener.fileno(), 0o600)  # the file inherits it: at no moment can others connect
        with reachable(path) as address:
            listener.bind(address)
        path.chmod(0o600)
        listener.listen(_BACKLOG)
        listener.settimeout(0)
    except OSError:
        listener.close()
        raise
    return listener
