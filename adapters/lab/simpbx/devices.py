"""Telephones and queue members: who is free, and saying so when it changes."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adapters.lab.simpbx.channel import RINGING, UP, Channel
from adapters.lab.simpbx.events import Bus, Lane

if TYPE_CHECKING:
    from adapters.lab.simpbx.channel import Channels

_FREE, _IN_USE, _RINGING = 1, 2, 6
_WORDS: Final = {_FREE: "NOT_INUSE", _IN_USE: "INUSE", _RINGING: "RINGING"}
_AGENTS: Final = 99


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue as in the lab's queues.conf; durations in seconds.

    ``patience``: how long a caller waits, from extensions.conf.
    """

    name: str
    members: tuple[str, ...]
    timeout: float
    patience: float
    retry: float = 1.0


QUEUES: Final = {
    one.name: one
    for one in (
        Queue("support", ("agent1", "agent2"), timeout=10.0, patience=60.0),
        Queue("slow", ("agent70",), timeout=10.0, patience=60.0),
        Queue("away", ("agent90",), timeout=2.0, patience=3.0),
    )
}
_QUEUES_OF: Final = {
    member: tuple(queue.name for queue in QUEUES.values() if member in queue.members)
    for queue in QUEUES.values()
    for member in queue.members
}


class Devices:
    """Follows the state of every telephone by the channels that it has."""

    def __init__(self, bus: Bus, channels: Channels, rng: random.Random, booted: float) -> None:
        self._bus, self._channels, self._rng = bus, channels, rng
        self._login = int(booted)
        self._busy: dict[str, dict[Channel, int]] = {}
        self._lane = Lane()
        self._taken: dict[tuple[str, str], tuple[int, int]] = {}
        self._stirred: set[str] = set()
        self._waiting: dict[str, list[Channel]] = {}

    def changed(self, channel: Channel) -> None:
        """Look at a channel again, and tell everybody when its telephone's state has changed."""
        device = channel.name[: channel.name.rindex("-")]
        before = self.state(device)
        owned = self._busy.setdefault(device, {})
        if channel.gone or channel.state not in {RINGING, UP}:
            owned.pop(channel, None)
        else:
            owned[channel] = _IN_USE if channel.state == UP else _RINGING
        if not owned:
            del self._busy[device]
        if (after := self.state(device)) != before:
            self._tell(device, after)

    def state(self, device: str) -> int:
        """Return the state of ``PJSIP/agent1`` as queues number it."""
        states = set(self._busy.get(device, {}).values())
        return _IN_USE if _IN_USE in states else _RINGING if states else _FREE

    def free(self, queue: Queue) -> list[str]:
        """Return the members that can be called now, in the order in which they will be."""
        found = [one for one in queue.members if self.state(f"PJSIP/{one}") == _FREE]
        return self._rng.sample(found, len(found))

    def count_call(self, queue: str, member: str) -> None:
        """Note that a member has completed a call of a queue."""
        calls, _ = self._taken.get((queue, member), (0, 0))
        self._taken[queue, member] = (calls + 1, int(time.time()))

    def enter(self, queue: str, caller: Channel) -> int:
        """Let a caller wait in a queue; how many do so now."""
        waiting = self._waiting.setdefault(queue, [])
        waiting.append(caller)
        return len(waiting)

    def leave(self, queue: str, caller: Channel) -> int:
        """Let a caller wait no more; how many still do."""
        waiting = self._waiting[queue]
        waiting.remove(caller)
        return len(waiting)

    def position(self, queue: str, caller: Channel) -> int:
        """Return a waiting caller's place, from 1."""
        return self._waiting[queue].index(caller) + 1

    def _tell(self, device: str, state: int) -> None:
        if self._bus.wanted("DeviceStateChange"):
            body = f"Device: {device}\r\nState: {_WORDS[state]}\r\n"
            self._bus.news(self._lane, "DeviceStateChange", body)
        member = device.partition("/")[2]
        for queue in _QUEUES_OF.get(member, ()):
            self._stirred.add(queue)
            if self._bus.wanted("QueueMemberStatus"):
                body = f"Queue: {queue}\r\nMemberName: {member}\r\nInterface: {device}\r\n"
                tail = "Ringinuse: 0\r\nWrapuptime: 0\r\n"
                body += self._member(queue, member) + tail
                self._bus.news(self._lane, "QueueMemberStatus", body)

    def _member(self, queue: str, member: str) -> str:
        calls, last = self._taken.get((queue, member), (0, 0))
        device = f"PJSIP/{member}"
        return (
            f"StateInterface: {device}\r\nMembership: static\r\nPenalty: 0\r\n"
            f"CallsTaken: {calls}\r\nLastCall: {last}\r\nLastPause: 0\r\n"
            f"LoginTime: {self._login}\r\nInCall: 0\r\nStatus: {self.state(device)}\r\n"
            "Paused: 0\r\nPausedReason: \r\n"
        )

    def list_queues(self) -> Iterator[tuple[str, str]]:
        """Yield the items of a QueueStatus: event name and header lines."""
        for queue in QUEUES.values():
            waiting = self._waiting.get(queue.name, [])
            params = (
                f"Queue: {queue.name}\r\nMax: 0\r\nStrategy: ringall\r\nCalls: {len(waiting)}\r\n"
                "Holdtime: 0\r\nTalkTime: 0\r\nCompleted: 0\r\nAbandoned: 0\r\n"
                "ServiceLevel: 0\r\nServicelevelPerf: 0.0\r\nServicelevelPerf2: 0.0\r\n"
                "Weight: 0\r\n"
            )
            yield "QueueParams", params
            for member in queue.members:
                where = f"Queue: {queue.name}\r\nName: {member}\r\nLocation: PJSIP/{member}\r\n"
                yield "QueueMember", f"{where}{self._member(queue.name, member)}Wrapuptime: 0\r\n"
            for place, caller in enumerate(waiting, 1):
                entry = (
                    f"Queue: {queue.name}\r\nPosition: {place}\r\nChannel: {caller.name}\r\n"
                    f"Uniqueid: {caller.uniqueid}\r\nCallerIDNum: {caller.caller[0]}\r\n"
                    f"CallerIDName: {caller.caller[1]}\r\nConnectedLineNum: unknown\r\n"
                    f"ConnectedLineName: unknown\r\nWait: {int(time.time() - caller.created)}\r\n"
                    "Priority: 0\r\n"
                )
                yield "QueueEntry", entry

    def list_states(self) -> Iterator[tuple[str, str]]:
        """Yield the items of a DeviceStateList: event name and header lines."""
        for device in ("PJSIP/lab", *(f"PJSIP/agent{n}" for n in range(1, _AGENTS + 1))):
            word = _WORDS[self.state(device)]
            yield "DeviceStateChange", f"Device: {device}\r\nState: {word}\r\n"
        for queue in QUEUES.values():
            # A queue counts as engaged until a member's state has changed for the first time.
            word = "NOT_INUSE" if queue.name in self._stirred else "INUSE"
            yield "DeviceStateChange", f"Device: Queue:{queue.name}_avail\r\nState: {word}\r\n"
            for member in queue.members:
                device = f"Queue:{queue.name}_pause_PJSIP/{member}"
                yield "DeviceStateChange", f"Device: {device}\r\nState: NOT_INUSE\r\n"
