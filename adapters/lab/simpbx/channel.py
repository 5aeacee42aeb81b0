"""Channels: the state that events, lists and evidence are written from."""

from __future__ import annotations

import asyncio
import bisect
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from adapters.lab.simpbx.events import Lane

if TYPE_CHECKING:
    from adapters.lab.simpbx.carrier import FarCall

DOWN: Final = 0
RINGING: Final = 5
UP: Final = 6
_STATES: Final = {DOWN: "Down", RINGING: "Ringing", UP: "Up"}

CAUSES: Final = {
    0: "Unknown",
    1: "Unallocated (unassigned) number",
    16: "Normal Clearing",
    17: "User busy",
    18: "No user responding",
    19: "User alerting, no answer",
    20: "Subscriber absent",
    21: "Call Rejected",
    26: "Answered elsewhere",
    34: "Circuit/channel congestion",
    38: "Network out of order",
    41: "Temporary failure",
    127: "Interworking, unspecified",
}
"""What Asterisk calls the Q.850 causes that occur here."""


@dataclass(slots=True, eq=False)
class Channel:
    """One leg. ``number``: whom it calls. ``created`` in Unix seconds.

    ``far``: the call at the carrier's, once placed. ``leaving``: somebody
    asked for the end, with ``cause``; ``gone``: it is over. ``guest``: another
    channel's dialplan has it now. ``answer_due``: when (loop time) its order
    was answered.
    """

    name: str
    uniqueid: str
    linkedid: str
    number: str
    lane: Lane
    order: int = 0
    state: int = DOWN
    context: str = "kairos-nobody"
    exten: str = "s"
    priority: int = 1
    caller: tuple[str, str] = ("", "")
    connected: tuple[str, str] = ("", "")
    application: str = "AppDial2"
    data: str = "(Outgoing Line)"
    created: float = field(default_factory=time.time)
    variables: dict[str, str] = field(default_factory=dict)
    far: FarCall | None = None
    bridge: str = ""
    cause: int = 0
    tech_cause: int = 0
    hangup_source: str = ""
    dial_status: str = ""
    leaving: bool = False
    gone: bool = False
    guest: bool = False
    answer_due: float = 0.0
    waiter: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """Let the coroutine that waits for this channel look again."""
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def leave(self, cause: int, source: str, tech_cause: int = 0) -> bool:
        """Ask for the end, once; tell whether this was the first to ask."""
        if self.leaving or self.gone:
            return False
        self.leaving = True
        self.cause, self.tech_cause, self.hangup_source = cause, tech_cause, source
        self.wake()
        return True

    def at(self, context: str, exten: str, priority: int = 1) -> None:
        """Move to another place in the dialplan."""
        self.context, self.exten, self.priority = context, exten, priority

    def runs(self, application: str, data: str = "") -> None:
        """Note which application runs."""
        self.application, self.data = application, data

    def lines(self, prefix: str = "") -> str:
        """Write the headers that every event about this channel has."""
        p = prefix
        return (
            f"{p}Channel: {self.name}\r\n"
            f"{p}ChannelState: {self.state}\r\n{p}ChannelStateDesc: {_STATES[self.state]}\r\n"
            f"{p}CallerIDNum: {self.caller[0] or '<unknown>'}\r\n"
            f"{p}CallerIDName: {self.caller[1] or '<unknown>'}\r\n"
            f"{p}ConnectedLineNum: {self.connected[0] or '<unknown>'}\r\n"
            f"{p}ConnectedLineName: {self.connected[1] or '<unknown>'}\r\n"
            f"{p}Language: en\r\n{p}AccountCode: \r\n"
            f"{p}Context: {self.context}\r\n{p}Exten: {self.exten}\r\n"
            f"{p}Priority: {self.priority}\r\n"
            f"{p}Uniqueid: {self.uniqueid}\r\n{p}Linkedid: {self.linkedid}\r\n"
        )

    def cause_lines(self, *, text: bool) -> str:
        """Write why it ends; a SIP status, or a request's cause, only where one was given."""
        if not text and not self.cause:
            return ""
        words = f"Cause-txt: {CAUSES.get(self.cause, 'Unknown')}\r\n" if text else ""
        tech = f"TechCause: {self.tech_cause}\r\n" if self.tech_cause else ""
        return f"Cause: {self.cause}\r\n{words}{tech}"


class Channels:
    """All live channels, and the numbering of new ones."""

    def __init__(self) -> None:
        self._by_name: dict[str, Channel] = {}
        self._by_id: dict[str, Channel] = {}
        self._ids: list[str] = []
        self._linked: Counter[str] = Counter()
        self._made = 0
        self.placed = 0

    def __iter__(self) -> Iterator[Channel]:
        return iter(tuple(self._by_name.values()))

    def __len__(self) -> int:
        return len(self._by_name)

    def taken(self, channel_id: str) -> bool:
        """Tell whether a new channel may not have this id.

        As in Asterisk 20.15, 22.5 and later: it may not be the beginning of
        the id of any live channel, whatever the case of the letters.
        """
        key = channel_id.lower()
        place = bisect.bisect_left(self._ids, key)
        return place < len(self._ids) and self._ids[place].startswith(key)

    def skip(self) -> None:
        """Use up a channel number: a refused channel has had one."""
        self._made += 1

    def new(self, endpoint: str, number: str, channel_id: str, lane: Lane) -> Channel:
        """Make a channel towards ``number``; ``channel_id`` empty: Asterisk's own."""
        order = self._made
        self._made += 1
        unique = channel_id or f"{int(time.time())}.{order}"
        name = f"PJSIP/{endpoint}-{order:08x}"
        channel = Channel(name, unique, unique, number, lane, order)
        self._by_name[name] = channel
        self._by_id[unique.lower()] = channel
        bisect.insort(self._ids, unique.lower())
        self._linked[unique] += 1
        self.placed += 1
        return channel

    def drop(self, channel: Channel) -> None:
        """Forget a channel that is over."""
        key = channel.uniqueid.lower()
        del self._by_name[channel.name]
        del self._by_id[key]
        del self._ids[bisect.bisect_left(self._ids, key)]
        self._linked[channel.linkedid] -= 1

    def link(self, channel: Channel, linkedid: str) -> bool:
        """Give a channel another linked id; tell whether the old one is used no more."""
        old = channel.linkedid
        if old == linkedid:
            return False
        self._linked[old] -= 1
        self._linked[linkedid] += 1
        channel.linkedid = linkedid
        return self.is_last(old)

    def named(self, name: str) -> Channel | None:
        """Find a channel by its full name or id, without regard to case."""
        exact = self._by_name.get(name) or self._by_id.get(name.lower())
        if exact is not None:
            return exact
        return next((one for one in self if one.name.lower() == name.lower()), None)

    def named_like(self, pattern: re.Pattern[str]) -> list[Channel]:
        """Find channels by a pattern in their names."""
        return [one for one in self if pattern.search(one.name)]

    def meant(self, what: str) -> Channel | None:
        """Find a channel by name or id, as the dialplan does: a beginning will do."""
        key = what.lower()
        if not key or key in self._by_id:
            return self._by_id.get(key)
        by_name = (one for one in self if one.name.lower().startswith(key))
        by_id = (one for one in self if one.uniqueid.lower().startswith(key))
        return next(by_name, None) or next(by_id, None)

    def is_last(self, linkedid: str) -> bool:
        """Tell whether no live channel has this linked id any more."""
        if self._linked[linkedid] > 0:
            return False
        del self._linked[linkedid]
        return True
