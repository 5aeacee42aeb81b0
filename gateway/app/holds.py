"""The panic button: nothing is sent while a hold stands, for all or for one queue.

What counts is in the database: from the moment a hold is durable no claim reserves and no
write-ahead is granted against it, in any process. Beside it every process keeps a mirror, so that
what it reserved is given back at once, and so that people see what stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from gateway.app.rules import Rules
from gateway.app.waiting import within
from gateway.domain.amend import plain
from gateway.domain.errors import BadInput, StoreError, StoreUnavailable
from gateway.domain.records import HOLD_ALL, Hold, hold_on
from gateway.ports import Clock, Store

__all__ = ["Holds"]

_log = structlog.get_logger()
_LOOK_EVERY = 5.0
_LOOK_SPACING = 0.25
_LAST_ORDERS = 15.0


async def _nothing_under_way() -> None:
    """Wait for nothing: replaced by the gateway."""


class Holds:
    """What is held, and the way to hold and resume.

    ``on_hold`` is told to give back what is reserved, ``on_resume`` that calls may go on;
    ``last_orders`` waits until every order that a carrier was handed is on its wire or failed.
    """

    def __init__(self, *, store: Store, clock: Clock, rules: Rules) -> None:
        self.on_hold: Callable[[], None] = lambda: None
        self.on_resume: Callable[[], None] = lambda: None
        self.last_orders: Callable[[], Coroutine[Any, Any, None]] = _nothing_under_way
        self._store = store
        self._clock = clock
        self._rules = rules
        self._kept: dict[str, Hold] = {}
        self._unkept: dict[str, Hold] = {}
        self._one_at_a_time = asyncio.Lock()
        self._looked = float("-inf")

    def standing(self) -> list[Hold]:
        """Return what is held, oldest first."""
        found = {**self._unkept, **self._kept}
        return sorted(found.values(), key=lambda one: (one.since, one.target))

    def on(self, queue: str) -> Hold | None:
        """Return the hold that keeps a queue from being called, if one stands."""
        for target in (HOLD_ALL, hold_on(queue)):
            hold = self._kept.get(target) or self._unkept.get(target)
            if hold is not None:
                return hold
        return None

    def why(self, queue: str) -> str:
        """Say in words why nothing of a queue is sent; empty if no hold stands."""
        hold = self.on(queue)
        return "" if hold is None else f"{_what(hold)} held by {plain(hold.by, hold.reason)}"

    async def stop_all(self, *, by: str, reason: str = "") -> Hold:
        """Stop every call that is not at a carrier yet, until resumed. The panic button.

        When this returns, the hold is durable and this process writes no further order to any
        carrier while it stands: what was reserved was given back, what the database had granted
        but no carrier was handed is not sent any more, and what a carrier was being handed in
        that moment is on its wire or has failed. Calls that ring or talk go on. Another process
        on the same database is granted nothing more either; what it was granted before may still
        go. A hold that stands already stays as it is, and is returned. Survives restarts.

        Raises StoreUnavailable if it cannot be kept: nothing is sent all the same, until this
        process ends, and it is kept as soon as the database is back.
        """
        return await self._set(HOLD_ALL, by, reason)

    async def hold_queue(self, name: str, *, by: str, reason: str = "") -> Hold:
        """Stop the calls of one queue, like :meth:`stop_all`. Raises BadInput for no such queue."""
        if name not in self._rules.queues:
            known = ", ".join(sorted(self._rules.queues))
            raise BadInput("queue", "no such queue", value=name, remedy=f"known are: {known}")
        return await self._set(hold_on(name), by, reason)

    async def resume(self, target: str = HOLD_ALL, *, by: str) -> Hold | None:
        """Lift a hold, durable on return; returns it, or None if there was none.

        Other holds still stand: resuming all does not resume a queue that is held by itself.
        """
        async with self._one_at_a_time:
            lifted = await self._store.release(target)
            local = (self._kept.pop(target, None), self._unkept.pop(target, None))
        lifted = lifted or next(filter(None, local), None)
        if lifted is not None:
            _log.warning("calls.resumed", held=target, by=plain(by), since=lifted.since)
            self.on_resume()
        return lifted

    async def refresh(self) -> None:
        """Read what stands, set here or elsewhere. Raises StoreUnavailable."""
        self._looked = self._clock.monotonic()
        async with self._one_at_a_time:
            for hold in tuple(self._unkept.values()):
                await self._keep(hold)
            found = {one.target: one for one in await self._store.holds()}
            more, fewer = found.keys() - self._kept.keys(), self._kept.keys() - found.keys()
            self._kept = found
        for target in sorted(more):
            _log.warning("calls.held", held=target, by=found[target].by, elsewhere=True)
        if more:
            self.on_hold()
        if fewer:
            _log.warning("calls.resumed", held=sorted(fewer), elsewhere=True)
            self.on_resume()

    async def look(self) -> None:
        """Refresh if that was not done just now: the database gave less than expected."""
        if self._clock.monotonic() >= self._looked + _LOOK_SPACING:
            await self.refresh()

    async def run(self) -> None:
        """Look every few seconds for what others set or lifted, until canceled."""
        while True:
            await self._clock.sleep(_LOOK_EVERY)
            try:
                await self.refresh()
            except StoreError as error:
                _log.debug("holds.unread", reason=str(error))

    async def _set(self, target: str, by: str, reason: str) -> Hold:
        hold = Hold(target=target, reason=reason, by=plain(by), since=self._clock.now())
        # From here on nothing more is handed to a carrier, whatever the database says.
        hold = self._unkept.setdefault(target, hold)
        self.on_hold()
        _log.warning("calls.held", held=target, by=plain(hold.by, reason))
        try:
            async with self._one_at_a_time:
                kept = await self._keep(hold)
        except StoreUnavailable as error:
            problem = "nothing is sent, but that could not be kept and would not survive a restart"
            raise StoreUnavailable(f"{problem}: {error}") from error
        if not await within(self._clock, _LAST_ORDERS, self.last_orders()):
            _log.error("calls.held_late", target=target)
        return kept

    async def _keep(self, hold: Hold) -> Hold:
        """Have the database keep a hold; returns the one that stands. Under the lock."""
        await self._store.hold(hold)
        kept = {one.target: one for one in await self._store.holds()}.get(hold.target, hold)
        self._unkept.pop(hold.target, None)
        self._kept[hold.target] = kept
        return kept


def _what(hold: Hold) -> str:
    return "all calls are" if hold.target == HOLD_ALL else "its queue is"
