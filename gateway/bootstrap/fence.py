"""A last fence around a carrier that may not call everybody."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from gateway.domain.errors import Refused
from gateway.domain.events import CarrierEvent, Finding
from gateway.domain.model import Leg, Role
from gateway.domain.pacing import Limits
from gateway.ports import CarrierStatus, Dialer, DialOrder

__all__ = ["FencedDialer"]


class FencedDialer:
    """A carrier that calls no numbers but those that begin as it may; a Dialer itself.

    The intake refuses other numbers already. This is the last fence, so that a practice switch is
    never asked for a number that could belong to somebody, whatever the database holds.
    """

    def __init__(self, dialer: Dialer, prefixes: Sequence[str]) -> None:
        self._dialer = dialer
        self._prefixes = tuple(prefixes)

    @property
    def name(self) -> str:
        return self._dialer.name

    @property
    def limits(self) -> Limits:
        return self._dialer.limits

    def status(self) -> CarrierStatus:
        return self._dialer.status()

    async def run(self) -> None:
        await self._dialer.run()

    def events(self) -> AsyncIterator[CarrierEvent]:
        return self._dialer.events()

    async def originate(self, order: DialOrder) -> None:
        """Write one order, if its number is within the fence; else Refused."""
        if order.role is Role.CUSTOMER and not order.target.startswith(self._prefixes):
            raise Refused("the number is outside only_prefixes of this carrier")
        await self._dialer.originate(order)

    async def hang_up(self, leg_id: str, channel: str = "") -> None:
        await self._dialer.hang_up(leg_id, channel)

    async def living(self) -> Mapping[str, str]:
        return await self._dialer.living()

    async def findings(self, legs: Sequence[Leg]) -> Mapping[str, Finding]:
        return await self._dialer.findings(legs)
