"""A carrier in memory: takes orders, tells what it is told to tell. For tests and simulations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from gateway.domain.disposition import Disposition
from gateway.domain.errors import NotSent
from gateway.domain.events import CallEvent, CallNews, CarrierEvent, Finding, LinkDown, LinkUp
from gateway.domain.model import Evidence, Leg
from gateway.domain.pacing import Limits
from gateway.ports import CarrierStatus, Clock, DialOrder

__all__ = ["MemoryDialer"]

_QUEUE_BOUND = 100_000


class MemoryDialer:
    """Implements the Dialer port without any wire.

    ``on_order`` is called for each order that is "written" and may raise the port's errors; what
    the far end does is told by the ``tell`` methods. ``evidence`` is what :meth:`findings` knows.
    """

    def __init__(
        self,
        clock: Clock,
        name: str = "memory",
        limits: Limits | None = None,
        *,
        up: bool = True,
    ) -> None:
        self.orders: list[DialOrder] = []
        self.hung_up: list[str] = []
        self.evidence: dict[str, Finding] = {}
        self.on_order: Callable[[DialOrder], None] = lambda _order: None
        self._clock = clock
        self._name = name
        self._limits = limits or Limits(calls_per_second=100.0, concurrent_calls=100, burst=10)
        self._living: dict[str, str] = {}
        self._events: asyncio.Queue[CarrierEvent] = asyncio.Queue(_QUEUE_BOUND)
        self._epoch = 1
        self._up = False
        if up:
            self.link_up()

    @property
    def name(self) -> str:
        """The carrier's name."""
        return self._name

    @property
    def limits(self) -> Limits:
        """What it takes."""
        return self._limits

    def status(self) -> CarrierStatus:
        """Tell whether the link is up."""
        reason = "" if self._up else "link down"
        return CarrierStatus(
            name=self._name, up=self._up, reason=reason, boot_epoch=f"boot-{self._epoch}"
        )

    async def run(self) -> None:
        """Stay until canceled: there is nothing to connect to."""
        await asyncio.Event().wait()

    async def events(self) -> AsyncIterator[CarrierEvent]:
        """Yield what was told, in order."""
        while True:
            yield await self._events.get()

    async def originate(self, order: DialOrder) -> None:
        """Take an order. Raises NotSent while the link is down, or what ``on_order`` raises."""
        if not self._up:
            raise NotSent
        self.orders.append(order)
        self.on_order(order)
        self._living[order.leg_id] = f"Memory/{order.leg_id}"
        self.tell(order.leg_id, CallNews.ACCEPTED)

    async def hang_up(self, leg_id: str, channel: str = "") -> None:
        """End a call and tell so."""
        self.hung_up.append(leg_id)
        if leg_id in self._living:
            self.end(leg_id, Disposition.CANCELED)

    async def living(self) -> Mapping[str, str]:
        """Return the calls that were not ended. Raises NotSent while the link is down."""
        if not self._up:
            raise NotSent
        return dict(self._living)

    async def findings(self, legs: Sequence[Leg]) -> Mapping[str, Finding]:
        """Return what ``evidence`` holds of these legs."""
        return {leg.id: self.evidence[leg.id] for leg in legs if leg.id in self.evidence}

    def link_up(self, *, restarted: bool = False) -> None:
        """Bring the link up; ``restarted`` forgets every call and changes the boot epoch."""
        if restarted:
            self._epoch += 1
            self._living.clear()
        self._up = True
        self._events.put_nowait(
            LinkUp(carrier=self._name, at=self._clock.now(), boot_epoch=f"boot-{self._epoch}")
        )

    def link_down(self) -> None:
        """Lose the link; calls go on unheard."""
        self._up = False
        self._events.put_nowait(
            LinkDown(carrier=self._name, at=self._clock.now(), reason="link down")
        )

    def vanish(self, leg_id: str) -> None:
        """Let a call end without telling anybody."""
        self._living.pop(leg_id, None)

    def tell(self, leg_id: str, news: CallNews, disposition: Disposition | None = None) -> None:
        """Tell one piece of news about a leg."""
        self._events.put_nowait(
            CallEvent(
                leg_id=leg_id,
                at=self._clock.now(),
                news=news,
                disposition=disposition,
                evidence=Evidence(source="memory"),
                channel=f"Memory/{leg_id}",
            )
        )

    def end(self, leg_id: str, disposition: Disposition) -> None:
        """Let a call end, and tell so."""
        self._living.pop(leg_id, None)
        self.tell(leg_id, CallNews.ENDED, disposition)
