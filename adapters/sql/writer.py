"""The one writer: whatever is waiting is written in one transaction, and told when it is on disk.

Every write is an operation in a bounded queue. Orders and claims are urgent: they are committed
at once and take along everything that waits. Submitted changes may linger a few hundredths of a
second, so that many share one commit.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

import structlog
from sqlalchemy import Connection

from adapters.sql import claim
from adapters.sql.batch import Claim, Operation, Outcome, Submitted, Writing, run
from adapters.sql.database import Database, begin, commit, grew, rollback
from adapters.sql.errors import Again, Lost
from gateway.domain.errors import StoreError, StoreUnavailable
from gateway.domain.model import Flight
from gateway.ports import Clock

__all__ = ["Writer"]

_log = structlog.get_logger(__name__)

_BATCH = 512
_TRIES = 4
# Seconds to step back for, at most and times the number of tries.
_STEP_BACK = 0.2
# What became of each operation, and whether the journal grew.
Written = tuple[list[Outcome], bool]
_CLOSED = "the store is not open"
_FULL = "the store cannot keep up: too many changes are waiting"


class Writer:
    """Owns the task that writes. ``linger`` in seconds, ``bound`` in operations.

    ``on_journal`` is called after a commit that added to the journal.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        linger: float,
        bound: int,
        on_journal: Callable[[], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._linger = linger
        self._bound = bound
        self._on_journal = on_journal
        self._waiting: deque[Operation] = deque()
        self._work = asyncio.Event()
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._reachable = True

    def start(self) -> None:
        """Begin to write. Ended by :meth:`close`."""
        self._task = asyncio.create_task(self._run(), name="store-writer")

    async def close(self) -> None:
        """Write what waits, then end. Idempotent."""
        self._closing = True
        self._work.set()
        self._hurry.set()
        if self._task is not None:
            await self._task

    def put(self, operation: Operation) -> None:
        """Queue an operation; where that cannot be, its future fails with StoreUnavailable."""
        if self._closing or self._task is None:
            _fail(operation, StoreUnavailable(_CLOSED))
        elif len(self._waiting) >= self._bound:
            _fail(operation, StoreUnavailable(_FULL))
        else:
            self._waiting.append(operation)
            self._work.set()
            if operation.urgent or len(self._waiting) >= _BATCH:
                self._hurry.set()

    async def _run(self) -> None:
        while self._waiting or not self._closing:
            if not self._waiting:
                self._work.clear()
                await self._work.wait()
                continue
            if not self._hurry.is_set():
                await self._wait_for_company()
            batch = self._take()
            if batch:
                await self._write(batch)

    async def _wait_for_company(self) -> None:
        waits = [
            asyncio.ensure_future(self._clock.sleep(self._linger)),
            asyncio.ensure_future(self._hurry.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _take(self) -> list[Operation]:
        """Take the next batch, up to a claim.

        An order that nobody waits for any more is left out; a change has happened all the same.
        """
        batch: list[Operation] = []
        while self._waiting and len(batch) < _BATCH:
            operation = self._waiting.popleft()
            if isinstance(operation, Submitted) or not operation.future.cancelled():
                batch.append(operation)
                if isinstance(operation, Claim):
                    break
        if not self._closing and not any(one.urgent for one in self._waiting):
            self._hurry.clear()
        return batch

    async def _write(self, batch: Sequence[Operation]) -> None:
        """Write a batch and tell everyone; nothing but canceling ends the writer."""
        try:
            outcomes, grown = await self._try(batch)
        except StoreUnavailable as error:
            self._note(error)
            for operation in batch:
                _fail(operation, error)
        except asyncio.CancelledError:
            for operation in batch:
                operation.future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 -- a mistake in one batch must not end all writing
            _log.error("store.batch_failed", error=type(error).__name__, operations=len(batch))
            for operation in batch:
                _fail(operation, error)
        else:
            self._note(None)
            for operation, outcome in zip(batch, outcomes, strict=True):
                _tell(operation, outcome)
            if grown:
                self._tell_journal()

    def _tell_journal(self) -> None:
        try:
            self._on_journal()
        except Exception as error:  # noqa: BLE001 -- who listens must not end all writing
            _log.error("store.listener_failed", error=type(error).__name__)

    async def _try(self, batch: Sequence[Operation]) -> Written:
        """Commit the batch; again where it is certain that nothing of it was kept.

        A lost connection is made anew once; a database that asks to try again gets its will a
        few times.
        """
        was_lost = False
        for tried in range(1, _TRIES):
            try:
                return await self._commit(batch)
            except Lost as error:
                if was_lost:
                    raise
                was_lost = True
                _log.info("store.tried_again", reason=str(error), operations=len(batch))
            except Again as error:
                _log.info("store.tried_again", reason=str(error), operations=len(batch))
                # Two nodes that lock each other must not do so again in step.
                jitter = random.random()  # noqa: S311 -- guards nothing
                await self._clock.sleep(_STEP_BACK * tried * jitter)
        return await self._commit(batch)

    async def _commit(self, batch: Sequence[Operation]) -> Written:
        last = batch[-1]
        if not isinstance(last, Claim):
            plain = [one for one in batch if not isinstance(one, Claim)]
            return await self._database.write(partial(_write_all, operations=plain))
        plain = [one for one in batch if not isinstance(one, Claim)]
        outcomes, due, grown = await self._database.write(
            partial(_write_and_load, operations=plain, wanted=last)
        )
        if due is None:
            return [*outcomes, Outcome([])], grown
        try:
            judged = claim.judge(due, last.decide)
        except Exception as error:  # noqa: BLE001 -- the judge is the caller's: so is its mistake
            grown = await self._database.write(_finish)
            return [*outcomes, Outcome(error=error)], grown
        flights, grown = await self._database.write(partial(_write_claim, due=due, judged=judged))
        return [*outcomes, Outcome(flights)], grown

    def _note(self, error: StoreUnavailable | None) -> None:
        """Log when the database goes and when it comes back, not in between."""
        if (error is None) == self._reachable:
            return
        self._reachable = error is None
        if error is None:
            _log.info("store.available")
        else:
            _log.error("store.unavailable", reason=str(error))


def _begin(connection: Connection) -> None:
    """Begin afresh: a disk that hung may have left a transaction of an earlier batch."""
    if connection.in_transaction():
        rollback(connection)
    begin(connection)


def _finish(connection: Connection) -> bool:
    commit(connection)
    return grew(connection)


def _write_all(connection: Connection, operations: Sequence[Writing]) -> Written:
    _begin(connection)
    outcomes = run(connection, operations)
    return outcomes, _finish(connection)


def _write_and_load(
    connection: Connection, operations: Sequence[Writing], wanted: Claim
) -> tuple[list[Outcome], claim.Due | None, bool]:
    _begin(connection)
    outcomes = run(connection, operations)
    due = claim.load(connection, wanted.now, wanted.demands)
    return outcomes, due, _finish(connection) if due is None else False


def _write_claim(
    connection: Connection, due: claim.Due, judged: claim.Judged
) -> tuple[list[Flight], bool]:
    flights = claim.write(connection, due, judged)
    return flights, _finish(connection)


def _tell(operation: Operation, outcome: Outcome) -> None:
    if outcome.error is not None:
        _fail(operation, outcome.error)
    elif not operation.future.done():
        operation.future.set_result(outcome.result)


def _fail(operation: Operation, error: Exception) -> None:
    if not operation.future.done():
        # Each caller gets an error of its own: a shared one would gather everyone's traceback.
        own = type(error)(*error.args) if isinstance(error, StoreError) else error
        operation.future.set_exception(own)
        if not isinstance(operation, Submitted):  # a receipt tells by itself
            operation.future.exception()  # looked at: the caller may have left
