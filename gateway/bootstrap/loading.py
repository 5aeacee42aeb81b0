"""A large table straight into the database: one process reads and plans, this one keeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from config.settings import Settings
from gateway.app.intake import Intake
from gateway.bootstrap.reader_process import Prepared, reader_process
from gateway.cli.preparing import Job, Verdict
from gateway.domain.change import Added
from gateway.domain.errors import BadInput

__all__ = ["DirectLoader"]

_LARGE: Final = 400_000
"""Bytes from which on a second process is worth its start."""


class DirectLoader:
    """Loads tables by owning the data; see :class:`gateway.cli.root.Loader`.

    ``keep`` False: everything is checked and planned, and nothing is kept.
    """

    def __init__(self, settings: Settings, intake: Intake, *, keep: bool = True) -> None:
        self._settings = settings
        self._intake = intake
        self._keep = keep

    def suits(self, job: Job) -> bool:
        """Whether this is the quicker way for a table."""
        return job.source.size >= _LARGE

    async def verdicts(self, job: Job) -> AsyncIterator[tuple[list[Verdict], int]]:
        """Yield what became of the rows, durable when it is told, and how many bytes are read.

        While one batch is written the next one is taken over.
        """
        writing: asyncio.Task[tuple[list[Verdict], int]] | None = None
        async with reader_process(self._settings, job) as prepared:
            try:
                async for found in prepared:
                    done, writing = writing, asyncio.create_task(self._take(found))
                    if done is not None:
                        yield await done
                    else:
                        await asyncio.sleep(0)
                if writing is not None:
                    yield await writing
            finally:
                if writing is not None:
                    writing.cancel()
                    await asyncio.gather(writing, return_exceptions=True)

    async def _take(self, prepared: Prepared) -> tuple[list[Verdict], int]:
        rows, done = prepared
        answers: Sequence[Added | BadInput]
        if self._keep:
            answers = await self._intake.keep([one for _, one, _ in rows])
        else:
            answers = [
                one if isinstance(one, BadInput) else Added(callback_id=one.callback.id)
                for _, one, _ in rows
            ]
        pairs = zip(rows, answers, strict=True)
        return [Verdict(line, answer, row) for (line, _, row), answer in pairs], done
