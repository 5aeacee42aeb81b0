"""The legs under way at one Asterisk, and the orders and bridges that lead to them; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from adapters.asterisk.outcome import Facts
from gateway.domain.events import CallNews

__all__ = ["LEG_ID_LENGTH", "Call", "Calls"]

LEG_ID_LENGTH: Final = 32
_SILENCE: Final = 60.0
"""Seconds after the ring time when an order that came to nothing is left to the resolver."""
_GONE: Final = 30.0
"""Seconds after which a leg that was absent from a list of channels is dropped."""
_REMEMBERED: Final = 20_000
"""Ended legs that are remembered, so that late packets do not raise them from the dead."""


@dataclass(slots=True)
class Call:
    """What is known of one leg. Times are monotonic seconds."""

    leg_id: str
    order: str = ""  # the ActionID while an OriginateResponse may come; "" when none will
    sent_at: float = 0.0
    facts: Facts = field(default_factory=Facts)
    channel: str = ""
    told: set[CallNews] = field(default_factory=set)
    bridges: set[str] = field(default_factory=set)
    close_at: float | None = None
    gone_at: float | None = None
    has_ended: bool = False  # the Hangup came
    is_unsure: bool = False  # the order's own answer did not come in time


class Calls:
    """Bounded: a leg is kept until it ends, or until it can no longer be heard of."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._calls: dict[str, Call] = {}
        self._orders: dict[str, Call] = {}
        self._bridges: dict[str, set[str]] = {}
        self._closing: dict[str, Call] = {}
        self._over: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def is_ours(self, uniqueid: str) -> bool:
        """Whether a channel's id is one that we gave."""
        return len(uniqueid) == LEG_ID_LENGTH and uniqueid.startswith(self._prefix)

    def add(self, leg_id: str, order: str, ring_timeout: float, tick: float) -> bool:
        """Open a leg for an order; False if it is known already, open or ended."""
        if leg_id in self._calls or leg_id in self._over:
            return False
        call = Call(leg_id, order, tick, Facts(ring_timeout=ring_timeout))
        self._calls[leg_id] = self._orders[order] = call
        return True

    def get(self, leg_id: str) -> Call | None:
        """Return the open leg of this id, if there is one."""
        return self._calls.get(leg_id)

    def of_order(self, order: str) -> Call | None:
        """Return the open leg that this order (an ActionID) was for."""
        return self._orders.get(order)

    def find(self, leg_id: str) -> Call | None:
        """Return the open leg of this id; one of ours from before our start is taken on."""
        if (call := self._calls.get(leg_id)) is None and self.is_ours(leg_id):
            if leg_id in self._over:
                return None
            call = self._calls[leg_id] = Call(leg_id)
            call.facts.unbroken = call.facts.state_known = False
        return call

    def close_later(self, call: Call, at: float) -> None:
        """Let a leg end at ``at`` if nothing ends it before."""
        if call.close_at is None:
            call.close_at = at
            self._closing[call.leg_id] = call

    def due(self, tick: float) -> list[Call]:
        """Return the legs whose time to wait is up."""
        waiting = self._closing.values()
        return [call for call in waiting if call.close_at is not None and call.close_at <= tick]

    def lost_touch(self) -> None:
        """Note that packets may be missing from now on."""
        for call in self._calls.values():
            call.facts.unbroken = call.facts.state_known = False
            call.bridges.clear()
        self._bridges.clear()

    def seen_alive(self, leg_ids: set[str], tick: float) -> None:
        """Note which legs live, all there are. A leg's last packets may still be on their way."""
        for call in self._calls.values():
            call.gone_at = None if call.leg_id in leg_ids else tick

    def sweep(self, tick: float) -> None:
        """Drop what will not be heard of again: the resolver decides about those legs."""
        for call in list(self._calls.values()):
            patience = call.facts.ring_timeout + _SILENCE
            silent = call.order and not call.facts.answered and tick > call.sent_at + patience
            gone = call.gone_at is not None and tick > call.gone_at + _GONE
            if silent or gone:
                self.drop(call)

    def end(self, call: Call) -> None:
        """Drop a leg that has ended, and remember that it has."""
        self.drop(call)
        self._over[call.leg_id] = None
        if len(self._over) > _REMEMBERED:
            del self._over[next(iter(self._over))]

    def drop(self, call: Call) -> None:
        """Forget a leg."""
        self._calls.pop(call.leg_id, None)
        self._orders.pop(call.order, None)
        self._closing.pop(call.leg_id, None)
        for bridge in list(call.bridges):
            self.leave(call, bridge)

    def enter(self, call: Call, bridge: str) -> None:
        """Note that a leg is in a bridge."""
        call.bridges.add(bridge)
        self._bridges.setdefault(bridge, set()).add(call.leg_id)

    def leave(self, call: Call, bridge: str) -> None:
        """Note that a leg left a bridge."""
        call.bridges.discard(bridge)
        if members := self._bridges.get(bridge):
            members.discard(call.leg_id)
            if not members:
                del self._bridges[bridge]

    def in_bridge(self, bridge: str) -> list[Call]:
        """Return our legs in a bridge."""
        return [self._calls[leg_id] for leg_id in sorted(self._bridges.get(bridge, ()))]
