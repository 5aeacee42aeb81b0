"""The channel event log on a disk that hangs."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from adapters.asterisk.evidence import CelFile

NOW = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)


class HungFile(CelFile):
    """A file whose disk answers only when it is allowed to."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "k")
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.readers = self.most = 0

    def read(self, now: float) -> None:
        self.readers += 1
        self.most = max(self.most, self.readers)
        self.begun.set()
        self.go_on.wait(5.0)
        self.readers -= 1


async def test_giving_up_on_a_disk_that_hangs_does_not_hold_up_everything_else(
    tmp_path: Path,
) -> None:
    cel = HungFile(tmp_path / "Master.csv")
    looking = asyncio.create_task(cel.refresh(NOW))
    try:
        await asyncio.to_thread(cel.begun.wait, 5.0)
        looking.cancel()
        since = time.monotonic()
        await asyncio.gather(looking, return_exceptions=True)
        assert time.monotonic() - since < 1.0
    finally:
        cel.go_on.set()
        cel.end()


async def test_who_looks_next_waits_for_the_read_that_was_given_up(tmp_path: Path) -> None:
    cel = HungFile(tmp_path / "Master.csv")
    first = asyncio.create_task(cel.refresh(NOW))
    try:
        await asyncio.to_thread(cel.begun.wait, 5.0)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        second = asyncio.create_task(cel.refresh(NOW))
        for _ in range(50):
            await asyncio.sleep(0)
    finally:
        cel.go_on.set()
    await second
    assert cel.most == 1, "two threads read one file at once"
    cel.end()
