"""One process at a time on a data directory: a lock that the system lets go of with the process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from gateway.domain.errors import StoreLocked, StoreUnavailable

__all__ = ["DirectoryLock"]

_NAME = "kairos.lock"


class DirectoryLock:
    """An exclusive ``flock`` on a file in the directory, which also says who holds it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file: int | None = None

    def take(self) -> None:
        """Make the directory where needed and lock it; raises StoreLocked, StoreUnavailable."""
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self._directory / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnavailable(
                f"the data directory {self._directory} cannot be used: {error.strerror}"
            ) from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.pread(file, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(file)
            raise StoreLocked(
                f"another Kairos (process {owner}) uses the data directory {self._directory}"
            ) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    def release(self) -> None:
        """Let go. The file stays: removing it would let two processes lock two files."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
