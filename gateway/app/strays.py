"""Finds what a claim reserved though the database could not say so."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from gateway.app.desk import Desk
from gateway.domain.machine import LegEvent
from gateway.ports import Clock, Store

__all__ = ["Strays"]

_log = structlog.get_logger()
# Seconds after a doubt at which to look: a server that was cut off may still commit a little later.
_LOOKS = (0.0, 10.0, 60.0)
_TEXT = "not sent: the database could not say that it was reserved"


class Strays:
    """Gives back attempts that are open in the database and known to nobody here.

    Only the dispatcher may call it, between two claims: whatever a claim has returned is known.
    """

    def __init__(self, store: Store, clock: Clock, desk: Desk, node: str) -> None:
        self._store = store
        self._clock = clock
        self._desk = desk
        self._node = node
        self._looks: list[datetime] = []

    def suspect(self) -> None:
        """Note that a claim ended in doubt."""
        now = self._clock.now()
        self._looks = [now + timedelta(seconds=after) for after in _LOOKS]

    async def look(self) -> datetime | None:
        """Look if it is time; returns when to look next, None while there is no doubt.

        Raises StoreUnavailable; then it is still time.
        """
        now = self._clock.now()
        if self._looks and self._looks[0] <= now:
            # An order for nothing stands in line behind what a slow disk may be writing still.
            await self._store.start_sending((), now)
            for flight in await self._store.open_flights(self._node):
                if any(self._desk.registry.knows(leg.id) for leg in flight.legs):
                    continue
                _log.warning("reservation.found", callback_id=flight.callback.id)
                self._desk.registry.put(flight)
                for leg in flight.legs:
                    self._desk.settle(leg.id, LegEvent.RELEASE, text=_TEXT)
            self._looks = [at for at in self._looks if at > now]
        return self._looks[0] if self._looks else None
