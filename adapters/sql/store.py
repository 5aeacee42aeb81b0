"""The Store port on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

from adapters.sql import intake, migrate, orders, reads
from adapters.sql.batch import Claim, Order, Submitted
from adapters.sql.bulk import Plain, add_plain, widen
from adapters.sql.database import Database
from adapters.sql.mapping import prepare
from adapters.sql.receipt import Receipt
from adapters.sql.records import journal
from adapters.sql.records.reading import ReadsRecords
from adapters.sql.records.writing import WritesRecords
from adapters.sql.urls import database_of
from adapters.sql.writer import Writer
from gateway.domain.change import Added, Change, Decide, Demand, NewCallback
from gateway.domain.errors import BadInput, StoreUnavailable
from gateway.domain.model import Callback, Flight
from gateway.ports import Clock

__all__ = ["SqlStore"]

T = TypeVar("T")

# Seconds: how long to wait for others at most, and how often to look.
_SETTLE = 5.0
_LOOK = 0.01


def _nobody() -> None:
    """Nobody listens to the journal."""


class SqlStore(ReadsRecords, WritesRecords):
    """Everything Kairos keeps, in a database.

    ``url``: ``sqlite:///path`` or ``postgresql://user@host/name``. ``data_dir`` is locked for
    this process on SQLite (default: where the file is). ``linger`` is how long, in seconds, a
    submitted change may wait for others to share its commit; ``bound`` how many writes may wait
    before further ones fail with StoreUnavailable. One object can be opened again once closed.
    """

    def __init__(
        self,
        url: str,
        *,
        data_dir: Path | None = None,
        clock: Clock,
        linger: float = 0.05,
        bound: int = 10_000,
    ) -> None:
        """Raises BadInput if the address cannot be used."""
        self._new_database: Callable[[], Database] = partial(database_of, url, data_dir)
        self._new_database()
        self._clock = clock
        self._linger = linger
        self._bound = bound
        self._database: Database | None = None
        self._writer: Writer | None = None
        self.on_journal: Callable[[], None] = _nobody

    async def open(self) -> None:
        database = self._new_database()
        try:
            await database.open()
            await database.write(migrate.upgrade)
        except BaseException:
            await database.close()
            raise
        self._database = database
        self._writer = Writer(
            database,
            self._clock,
            linger=self._linger,
            bound=self._bound,
            on_journal=self._tell_journal,
        )
        self._writer.start()

    async def close(self) -> None:
        writer, self._writer = self._writer, None
        database, self._database = self._database, None
        try:
            if writer is not None:
                await writer.close()
        finally:
            if database is not None:
                await database.close()

    def _tell_journal(self) -> None:
        self.on_journal()

    # Writing

    def _future(self) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().create_future()

    def _opened(self) -> Writer:
        if self._writer is None:
            raise StoreUnavailable("the store is not open")
        return self._writer

    async def _order(self, work: Callable[[Connection], T]) -> T:
        order = Order(work=work, future=self._future())
        self._opened().put(order)
        result: T = await order.future
        return result

    async def add(self, entries: Sequence[NewCallback]) -> Sequence[Added]:
        return await self._order(partial(intake.add, entries=tuple(entries)))

    async def add_plain(self, entries: Sequence[Plain]) -> list[Added | None]:
        """Add callbacks nobody asked for before; None for one that must go through :meth:`add`."""
        return await self._order(partial(add_plain, entries=entries))

    async def widen(self) -> None:
        """Take the memory that a bulk load deserves, until the store is closed."""
        await self._order(widen)

    async def claim(self, now: datetime, demands: Sequence[Demand], decide: Decide) -> list[Flight]:
        claim = Claim(now=now, demands=tuple(demands), decide=decide, future=self._future())
        self._opened().put(claim)
        flights: list[Flight] = await claim.future
        return flights

    async def start_sending(self, leg_ids: Sequence[str], now: datetime) -> frozenset[str]:
        return await self._order(partial(orders.start_sending, leg_ids=tuple(leg_ids), now=now))

    def submit(self, change: Change) -> Awaitable[None]:
        receipt = Receipt(loop=asyncio.get_running_loop())
        try:
            self._opened().put(Submitted(change=prepare(change), future=receipt))
        except (BadInput, StoreUnavailable) as error:
            receipt.set_exception(error)
        return receipt

    async def request_cancel(self, callback_id: str, reason: str, now: datetime) -> bool:
        return await self._order(
            partial(orders.request_cancel, callback_id=callback_id, reason=reason, now=now)
        )

    async def do_not_call(self, number: str, reason: str, now: datetime) -> None:
        await self._order(partial(orders.do_not_call, number=number, reason=reason, now=now))

    async def _settle(self) -> None:
        """Wait for the writing transactions of other nodes that run now, a few seconds at most."""
        began = self._clock.monotonic()
        before = await self._read(journal.writing)
        while before and self._clock.monotonic() < began + _SETTLE:
            await self._clock.sleep(_LOOK)
            before &= await self._read(journal.writing)

    # Reading

    async def _read(self, work: Callable[[Connection], T]) -> T:
        if self._database is None:
            raise StoreUnavailable("the store is not open")
        return await self._database.read(work)

    async def next_due(self, queues: Sequence[str]) -> datetime | None:
        return await self._read(partial(reads.next_due, queues=tuple(queues)))

    async def overdue(self, now: datetime, limit: int = 200) -> list[Callback]:
        return await self._read(partial(reads.overdue, now=now, limit=limit))

    async def flight_of_leg(self, leg_id: str) -> Flight | None:
        return await self._read(partial(reads.flight_of_leg, leg_id=leg_id))
