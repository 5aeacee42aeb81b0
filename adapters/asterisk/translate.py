"""From AMI packets to news about our legs; pure, the clock is passed in.

A leg is known by its channel's Uniqueid, which is the leg id, and an order by its ActionID. The
OriginateResponse is joined by ActionID alone: that of a refused duplicate carries the Uniqueid of
the call that lives. Nothing orders it against the events of the channel, so every packet is
idempotent and a leg ends once, when both halves are in or when there is no more to wait for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from adapters.asterisk.calls import Call, Calls
from adapters.asterisk.outcome import disposition_of, evidence_of
from adapters.asterisk.wire import Packet
from gateway.domain.events import CallEvent, CallNews

__all__ = ["VARIABLES", "WANTED", "Living", "Translator"]

VARIABLES: Final = (b"AMDSTATUS", b"AMDCAUSE")
"""The channel variables of which we want to hear."""
_SESSION: Final = (b"Shutdown", b"FullyBooted", b"CoreShowChannel", b"CoreShowChannelsComplete")

_FAILURE_GRACE: Final = 0.25
"""Seconds to wait for the Hangup, which says more than the refusal, after a refusal."""
_ANSWER_GRACE: Final = 2.0
"""Seconds to wait for the OriginateResponse after a Hangup."""
_RING_STATE, _UP_STATE = "5", "6"
_TWO: Final = 2


@dataclass(frozen=True, slots=True)
class Living:
    """One channel of ours that lives, out of a list of channels."""

    leg_id: str
    channel: str
    is_up: bool
    is_connected: bool


News = list[tuple[Call, CallNews]]


class Translator:
    """Turns packets into news. Times are ``now`` (wall clock) and ``tick`` (monotonic seconds)."""

    def __init__(self, prefix: str) -> None:
        self._calls = Calls(prefix)
        self._table: dict[bytes, Callable[[Packet, float], News]] = {
            b"OriginateResponse": self._originate_response,
            b"Newchannel": self._newstate,
            b"Newstate": self._newstate,
            b"DialState": self._dial_state,
            b"DialEnd": self._dial_end,
            b"BridgeEnter": self._bridge_enter,
            b"BridgeLeave": self._bridge_leave,
            b"AgentConnect": self._agent_connect,
            b"VarSet": self._var_set,
            b"Hangup": self._hangup,
        }

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def calls(self) -> Calls:
        """The legs under way."""
        return self._calls

    def channel_of(self, leg_id: str) -> str:
        """Return the leg's channel name, or ``""`` while it is not known."""
        call = self._calls.get(leg_id)
        return call.channel if call else ""

    def expect(self, leg_id: str, order: str, ring_timeout: float, tick: float) -> bool:
        """Note that ``order`` (an ActionID) is about to be written; False if the leg is known.

        A second order for a leg must not be written, and news of it would not be about our call.
        """
        return self._calls.add(leg_id, order, ring_timeout, tick)

    def forget(self, leg_id: str) -> None:
        """Drop a leg whose order was never written or was refused."""
        if call := self._calls.get(leg_id):
            self._calls.drop(call)

    def unsure(self, leg_id: str) -> None:
        """Note that nobody waits for the answer to this leg's order any more."""
        if call := self._calls.get(leg_id):
            call.is_unsure = True

    def expects(self, leg_id: str) -> bool:
        """Whether the leg is under way but has no channel yet."""
        call = self._calls.get(leg_id)
        return call is not None and not call.channel

    def hanging_up(self, leg_id: str) -> None:
        """Note that the end of this leg is our own wish."""
        if call := self._calls.get(leg_id):
            call.facts.we_hung_up = call.facts.we_hung_up or not call.facts.answered

    def link_lost(self) -> None:
        """Note that packets may be missing from now on: the Hangup alone must do from here."""
        self._calls.lost_touch()

    def living(
        self, channels: Iterable[Living], now: datetime, tick: float, *, complete: bool = False
    ) -> list[CallEvent]:
        """Catch up with the channels that live. ``complete``: this is all, after a new login."""
        news: News = []
        alive = set()
        for seen in channels:
            alive.add(seen.leg_id)
            if (call := self._calls.find(seen.leg_id)) is None:
                continue
            call.channel = seen.channel
            call.facts.state_known = True
            if seen.is_up:
                news += self._answered(call)
            if seen.is_connected:
                news += self._connected(call)
        if complete:
            self._calls.seen_alive(alive, tick)
        return self._told(news, now)

    def handle(self, packet: Packet, now: datetime, tick: float) -> list[CallEvent]:
        """Translate one packet; anything unknown or foreign gives nothing."""
        if not packet.is_event:
            return self._told(self._answer(packet), now)
        if (translate := self._table.get(packet.name)) is None:
            return []
        return self._told(translate(packet, tick), now)

    def due(self, now: datetime, tick: float) -> list[CallEvent]:
        """End the legs that have waited long enough for their other half."""
        return self._told([(call, CallNews.ENDED) for call in self._calls.due(tick)], now)

    def sweep(self, tick: float) -> None:
        """Drop the legs that will not be heard of again."""
        self._calls.sweep(tick)

    # One method an event. Each returns what there may be to tell; _told drops what was told before.

    def _answer(self, packet: Packet) -> News:
        if (call := self._calls.of_order(packet.action_id)) is None:
            return []
        if packet.name == b"Success":
            return [(call, CallNews.ACCEPTED)]
        call.facts.refused = packet.get(b"Message")[:80]
        # Whoever ordered it waits for this answer and forgets the leg; if not, it ends here.
        return [(call, CallNews.ENDED)] if call.is_unsure else []

    def _originate_response(self, packet: Packet, tick: float) -> News:
        call = self._calls.of_order(packet.action_id)
        success = packet.get(b"Response") == "Success"
        if call is None:
            # Another session's order. A success can only be about the channel it names.
            call = self._calls.find(packet.get(b"Uniqueid")) if success else None
            return self._answered(call) if call else []
        call.facts.response = "Success" if success else "Failure"
        call.facts.reason = packet.get(b"Reason")
        call.facts.waited = tick - call.sent_at
        if success:
            if (channel := packet.get(b"Channel")) and not call.channel:
                call.channel = channel
            return [*self._answered(call), *self._ending(call, tick)]
        return self._ending(call, tick)

    def _newstate(self, packet: Packet, _: float) -> News:
        call = self._calls.find(packet.get(b"Uniqueid"))
        if call is None:
            return []
        call.channel = packet.get(b"Channel") or call.channel
        call.facts.state_known = True
        state = packet.get(b"ChannelState")
        if state == _UP_STATE:
            return self._answered(call)
        return self._rang(call) if state == _RING_STATE else []

    def _dial_state(self, packet: Packet, _: float) -> News:
        call = self._calls.find(packet.get(b"DestUniqueid"))
        heard = packet.get(b"DialStatus") in {"RINGING", "PROGRESS"}
        return self._rang(call) if call and heard else []

    def _dial_end(self, packet: Packet, _: float) -> News:
        status = packet.get(b"DialStatus")
        if call := self._calls.find(packet.get(b"DestUniqueid")):
            call.facts.dial_status = status
            return self._answered(call) if status == "ANSWER" else []
        if status == "ANSWER" and (call := self._calls.find(packet.get(b"Uniqueid"))):
            return self._connected(call)
        return []

    def _bridge_enter(self, packet: Packet, _: float) -> News:
        bridge = packet.get(b"BridgeUniqueid")
        if call := self._calls.find(packet.get(b"Uniqueid")):
            self._calls.enter(call, bridge)
        members = self._calls.in_bridge(bridge)
        count = packet.get(b"BridgeNumChannels")
        if not members or not count.isdecimal() or int(count) < _TWO:
            return []
        return [news for member in members for news in self._connected(member)]

    def _bridge_leave(self, packet: Packet, _: float) -> News:
        if call := self._calls.get(packet.get(b"Uniqueid")):
            self._calls.leave(call, packet.get(b"BridgeUniqueid"))
        return []

    def _agent_connect(self, packet: Packet, _: float) -> News:
        call = self._calls.find(packet.get(b"Uniqueid"))
        return self._connected(call) if call else []

    def _var_set(self, packet: Packet, _: float) -> News:
        call = self._calls.find(packet.get(b"Uniqueid"))
        value = packet.get(b"Value")
        if call is None or not value:  # set to nothing when the detection begins
            return []
        if packet.get(b"Variable") == "AMDSTATUS":
            call.facts.amd = value
        else:
            call.facts.amd_cause = value
        return self._answered(call)

    def _hangup(self, packet: Packet, tick: float) -> News:
        call = self._calls.find(packet.get(b"Uniqueid"))
        if call is None:
            return []
        call.has_ended = True
        call.channel = packet.get(b"Channel") or call.channel
        call.facts.hang_up(packet.get(b"Cause"), packet.get(b"TechCause"))
        return self._ending(call, tick)

    @staticmethod
    def _answered(call: Call) -> News:
        call.facts.answered = True
        return [(call, CallNews.ANSWERED)]

    def _connected(self, call: Call) -> News:
        return [*self._answered(call), (call, CallNews.CONNECTED)]

    @staticmethod
    def _rang(call: Call) -> News:
        call.facts.rang = True
        return [(call, CallNews.RINGING)]

    def _ending(self, call: Call, tick: float) -> News:
        """Say that the leg is over, or set the time until which to wait for the other half."""
        refused = call.facts.response == "Failure"
        if call.has_ended and (call.facts.response or not call.order or not call.facts.unbroken):
            return [(call, CallNews.ENDED)]
        if refused or call.has_ended:
            self._calls.close_later(call, tick + (_FAILURE_GRACE if refused else _ANSWER_GRACE))
        return []

    def _told(self, news: News, now: datetime) -> list[CallEvent]:
        events = []
        for call, kind in news:
            if kind in call.told or CallNews.ENDED in call.told:
                continue
            if kind is CallNews.RINGING and CallNews.ANSWERED in call.told:
                continue
            call.told.add(kind)
            event = CallEvent(leg_id=call.leg_id, at=now, news=kind, channel=call.channel)
            if kind is CallNews.ENDED:
                event = CallEvent(
                    leg_id=call.leg_id,
                    at=now,
                    news=kind,
                    channel=call.channel,
                    disposition=disposition_of(call.facts),
                    evidence=evidence_of(call.facts),
                )
                self._calls.end(call)
            events.append(event)
        return events


WANTED: Final = frozenset(Translator("")._table) | frozenset(_SESSION)  # noqa: SLF001 -- same module
"""The events that are worth parsing."""
