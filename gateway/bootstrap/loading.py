"""A large table straight into the database: some processes read and plan, this one keeps."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from adapters.sql import SqlStore
from config.settings import Settings
from gateway.app.intake import Intake
from gateway.bootstrap.reader_process import Prepared, reader_process
from gateway.cli.csvfile import Row
from gateway.cli.preparing import Job, Verdict, in_order, requests_of
from gateway.domain.change import Added
from gateway.domain.errors import BadInput

__all__ = ["DirectLoader"]

_LARGE: Final = 400_000
"""Bytes from which on further processes are worth their start."""
_MOST_READERS: Final = 4
_FRAME: Final = 250
"""Rows that a reader holds at a time; its memory is that of so many."""
_COMMIT: Final = 4_000
"""Rows that share one commit."""
_Told = tuple[list[Verdict], int]


class DirectLoader:
    """Loads tables by owning the data; see :class:`gateway.cli.root.Loader`."""

    def __init__(self, settings: Settings, store: SqlStore, intake: Intake) -> None:
        self._settings = settings
        self._store = store
        self._intake = intake

    def suits(self, job: Job) -> bool:
        """Whether this is the quicker way for a table."""
        return job.source.size >= _LARGE

    async def verdicts(self, job: Job) -> AsyncIterator[_Told]:
        """Yield what became of the rows, durable when it is told, and how many bytes are read.

        While one batch is written the next one is taken over.
        """
        await self._store.widen()
        async with AsyncExitStack() as stack:
            batches = _gathered(self._prepared(job, stack))
            ahead = asyncio.create_task(_next(batches))
            try:
                while (found := await ahead) is not None:
                    ahead = asyncio.create_task(_next(batches))
                    yield await self._take(job, found)
            finally:
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)

    async def _prepared(self, job: Job, stack: AsyncExitStack) -> AsyncIterator[Prepared]:
        """Yield the batches of all readers in the order of the table."""
        readers = min(os.cpu_count() or 1, _MOST_READERS)
        jobs = [replace(job, batch=_FRAME, share=(n, readers)) for n in range(readers)]
        streams = [
            await stack.enter_async_context(reader_process(self._settings, one)) for one in jobs
        ]
        while True:
            for stream in streams:
                try:
                    yield await anext(stream)
                except StopAsyncIteration:
                    return  # the first to end says where the table ends

    async def _take(self, job: Job, prepared: Prepared) -> _Told:
        rows, done = prepared
        good = [one for one in rows if not isinstance(one[1], BadInput)]
        kept = await self._store.add_plain([plain for _, plain, _ in good]) if good else ()
        verdicts = [
            Verdict(line, told, row) for line, told, row in rows if isinstance(told, BadInput)
        ]
        further = []
        for (line, _, fields), answer in zip(good, kept, strict=True):
            if answer is None:
                further.append(Row(line=line, cells=(), fields=fields))
            else:
                verdicts.append(Verdict(line, answer))
        verdicts += await self._the_long_way(job, further)
        verdicts.sort(key=lambda one: one.line)
        return verdicts, done

    async def _the_long_way(self, job: Job, rows: Sequence[Row]) -> list[Verdict]:
        """Take requests of people who are known: they may be served by an open callback."""
        if not rows:
            return []
        wanted, wrong = requests_of(job, rows, datetime.now(UTC))
        answers: Sequence[Added | BadInput]
        answers = await self._intake.take([request for _, request in wanted])
        return in_order([row for row, _ in wanted], answers, wrong)


async def _gathered(frames: AsyncIterator[Prepared]) -> AsyncIterator[Prepared]:
    """Yield frames put together until they are worth a commit."""
    rows: list[Any] = []
    done = 0
    async for found, done in frames:
        rows += found
        if len(rows) >= _COMMIT:
            yield rows, done
            rows = []
    if rows:
        yield rows, done


async def _next(batches: AsyncIterator[Prepared]) -> Prepared | None:
    return await anext(batches, None)
