"""One channel's life on the line: made, ringing, answered, over."""

from __future__ import annotations

import asyncio
import random
from enum import Enum
from typing import Final

from adapters.lab.simpbx.carrier import By, Carrier
from adapters.lab.simpbx.channel import RINGING, UP, Channel, Channels
from adapters.lab.simpbx.devices import Devices
from adapters.lab.simpbx.events import Bus, Lane
from adapters.lab.simpbx.evidence import CelFile, WireLog

# A SIP round trip on the machine, in seconds; not scaled.
_ROUND_TRIP: Final = 0.003
_QUOTED: Final = str.maketrans(
    {"\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
)
_DIAL_STATUS: Final = {3: "CHANUNAVAIL", 17: "BUSY", 20: "CHANUNAVAIL", 34: "CONGESTION"}


class Ring(Enum):
    """How ringing ended."""

    ANSWERED = "answered"
    REFUSED = "refused"
    TIMED_OUT = "timed out"
    ABORTED = "aborted"


class Lines:
    """Makes channels and lets them live; every event and record about one is written here.

    ``speed``: how many simulated seconds pass in a real one.
    """

    def __init__(
        self,
        bus: Bus,
        carrier: Carrier,
        cel: CelFile,
        wire: WireLog,
        rng: random.Random,
        speed: float,
        booted: float,
    ) -> None:
        self.bus, self.carrier, self.cel, self.wire, self.rng = bus, carrier, cel, wire, rng
        self.channels = Channels()
        self.devices = Devices(bus, self.channels, rng, booted)
        self.speed = speed
        self._loop = asyncio.get_running_loop()
        self._timers: dict[Channel, asyncio.TimerHandle] = {}

    def open(
        self,
        endpoint: str,
        number: str,
        channel_id: str = "",
        *,
        lane: Lane | None = None,
        linkedid: str = "",
    ) -> Channel:
        """Make a channel; its CEL row is on disk on return."""
        channel = self.channels.new(endpoint, number, channel_id, lane or Lane())
        if linkedid:
            self.channels.link(channel, linkedid)
        self.cel.write("CHAN_START", channel)
        self.news(channel, "Newchannel")
        return channel

    def call(self, channel: Channel) -> None:
        """Send the channel's call to the far end."""
        channel.far = self.carrier.place(channel.number, channel.uniqueid, channel.connected[0])

    async def ring(
        self,
        channel: Channel,
        seconds: float,
        caller: Channel | None = None,
        *,
        watch: bool = True,
    ) -> Ring:
        """Wait for the far end, at most ``seconds``.

        ``caller``: who dials, if a channel does; ``watch``: give up when it is to end.
        """
        far = channel.far
        if far is None:
            raise RuntimeError("call() first")
        if not far.at_once:
            await asyncio.sleep(_ROUND_TRIP)
            if far.rings and not channel.leaving:
                self._ringing(channel, caller)
            patience = min(seconds, far.behaviour.ring_seconds)
            if await self.wait(channel, patience, also=caller if watch else None):
                return Ring.ABORTED
        if far.behaviour.ring_seconds > seconds:
            return Ring.TIMED_OUT
        if far.behaviour.answer.picks_up:
            self._answered(channel)
            return Ring.ANSWERED
        status, cause = far.refusal
        channel.leave(cause, channel.name, status)
        self.carrier.end(far, "refused")
        self.news(channel, "HangupRequest", channel.cause_lines(text=False))
        return Ring.REFUSED

    def _ringing(self, channel: Channel, caller: Channel | None) -> None:
        state_first = self.rng.random() < 0.75  # noqa: PLR2004 - the share seen live
        if not state_first:
            self.dial_news(channel, "DialState", "DialStatus: RINGING\r\n", caller)
        channel.state = RINGING
        self.devices.changed(channel)
        self.news(channel, "Newstate")
        if state_first:
            self.dial_news(channel, "DialState", "DialStatus: RINGING\r\n", caller)

    def _answered(self, channel: Channel) -> None:
        far = channel.far
        if far is None:
            return
        far.answered = True
        channel.state = UP
        self.devices.changed(channel)
        self.cel.write("ANSWER", channel)
        self.news(channel, "Newstate")
        stay = far.behaviour.talk_seconds / self.speed
        self._timers[channel] = self._loop.call_later(stay, self._far_leaves, channel)

    def _far_leaves(self, channel: Channel) -> None:
        self._timers.pop(channel, None)
        if channel.far is not None:
            self.carrier.end(channel.far, "far")
        if channel.leave(16 if self.carrier.gives_reasons else 0, channel.name):
            self.news(channel, "HangupRequest", channel.cause_lines(text=False))

    async def wait(self, channel: Channel, seconds: float, *, also: Channel | None = None) -> bool:
        """Wait simulated seconds; True, and sooner, if the channel (or ``also``) is to end."""
        pair = [one for one in (channel, also) if one is not None]
        if any(one.leaving for one in pair):
            return True
        waiter: asyncio.Future[None] = self._loop.create_future()
        timer = self._loop.call_later(seconds / self.speed, _finish, waiter)
        for one in pair:
            one.waiter = waiter
        try:
            await waiter
        finally:
            timer.cancel()
            for one in pair:
                if one.waiter is waiter:  # not taken over by a bridge meanwhile
                    one.waiter = None
        return any(one.leaving for one in pair)

    def close(self, channel: Channel, *, by: By = "near") -> None:
        """End a channel for good: the Hangup event and its records."""
        if channel.gone:
            return
        channel.gone = channel.leaving = True
        if (timer := self._timers.pop(channel, None)) is not None:
            timer.cancel()
        if channel.far is not None:
            self.carrier.end(channel.far, by)
        self.channels.drop(channel)
        self.cel.hangup(channel)
        if self.channels.is_last(channel.linkedid):
            self.cel.write("LINKEDID_END", channel)
        # Seen live: however late the answer to the order is, it is never after the end.
        channel.lane.due = max(channel.lane.due, channel.answer_due)
        self.news(channel, "Hangup", channel.cause_lines(text=True))
        self.devices.changed(channel)

    def stop(self) -> None:
        """Cut everything off at once, without a word: the process is gone."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def news(self, channel: Channel, name: str, more: str = "") -> None:
        """Say something about one channel."""
        if self.bus.wanted(name):
            self.bus.news(channel.lane, name, channel.lines() + more)

    def dial_news(self, to: Channel, name: str, more: str, caller: Channel | None = None) -> None:
        """Say something about a channel being dialed, by another channel or by an order."""
        if self.bus.wanted(name):
            head = caller.lines() if caller is not None else ""
            self.bus.news(to.lane, name, head + to.lines("Dest") + more)

    def dial_end(self, to: Channel, status: str = "", caller: Channel | None = None) -> None:
        """Say how dialing ended; by default what the cause makes of it."""
        word = status or _DIAL_STATUS.get(to.cause, "NOANSWER")
        if caller is not None:
            caller.dial_status = word
        self.dial_news(to, "DialEnd", f"DialStatus: {word}\r\n", caller)

    def variable(self, channel: Channel, name: str, value: str) -> None:
        """Set a channel variable and say so, quoted as Asterisk does it."""
        channel.variables[name] = value
        if self.bus.wanted("VarSet"):
            quoted = value.translate(_QUOTED)
            self.news(channel, "VarSet", f"Variable: {name}\r\nValue: {quoted}\r\n")

    def soft_hangup(self, channel: Channel, why: int = 16) -> None:
        """Say that a channel was asked to end from inside; ``why`` is a flag, not a Q.850 cause."""
        self.news(channel, "SoftHangupRequest", f"Cause: {why}\r\n")


def _finish(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
