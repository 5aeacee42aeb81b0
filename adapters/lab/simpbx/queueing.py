"""The Queue application: a caller waits until one of several agents picks up."""

from __future__ import annotations

import asyncio
import time

from adapters.lab.simpbx.bridging import join, leave_together
from adapters.lab.simpbx.channel import Channel
from adapters.lab.simpbx.devices import Devices, Queue
from adapters.lab.simpbx.line import Lines, Ring

_ELSEWHERE = 26


class Queueing:
    """Runs callers through queues. All members free are rung at once."""

    def __init__(self, lines: Lines, devices: Devices) -> None:
        self._lines, self._devices = lines, devices

    async def run(self, caller: Channel, queue: Queue) -> None:
        """Keep ``caller`` in the queue until served, gone or out of patience."""
        lines, devices = self._lines, self._devices
        caller.runs("Queue", queue.name)
        entered = time.monotonic()
        count = devices.enter(queue.name, caller)
        self._say(caller, "QueueCallerJoin", queue, f"Position: {count}\r\nCount: {count}\r\n")
        peer: Channel | None = None
        while peer is None and not caller.leaving:
            left = queue.patience - self._held(entered)
            if left <= 0:
                break
            peer = await self._ring_all(caller, queue, min(queue.timeout, left))
            if peer is None:
                left = queue.patience - self._held(entered)
                await lines.wait(caller, max(0.0, min(queue.retry, left)))
        held = round(self._held(entered))
        position = devices.position(queue.name, caller)
        if peer is None:
            body = f"Position: {position}\r\nOriginalPosition: {count}\r\nHoldTime: {held}\r\n"
            self._say(caller, "QueueCallerAbandon", queue, body)
        remaining = devices.leave(queue.name, caller)
        body = f"Position: {position}\r\nCount: {remaining}\r\n"
        self._say(caller, "QueueCallerLeave", queue, body)
        if peer is not None:
            await self._serve(caller, peer, queue, held)

    def _held(self, entered: float) -> float:
        return (time.monotonic() - entered) * self._lines.speed

    async def _serve(self, caller: Channel, peer: Channel, queue: Queue, held: int) -> None:
        lines = self._lines
        body = f"HoldTime: {held}\r\nRingTime: 0\r\n"
        self._say_agent(caller, peer, "AgentConnect", queue, body)
        started = time.monotonic()
        await join(lines, peer, caller)
        talked = int(self._held(started))
        reason = "agent" if peer.leaving else "caller"
        body = f"HoldTime: {held}\r\nTalkTime: {talked}\r\nReason: {reason}\r\n"
        self._say_agent(caller, peer, "AgentComplete", queue, body)
        self._devices.count_call(queue.name, peer.number)
        leave_together(lines, peer, caller)

    async def _ring_all(self, caller: Channel, queue: Queue, seconds: float) -> Channel | None:
        lines = self._lines
        peers = [self._call(caller, member, queue) for member in self._devices.free(queue)]
        rung: dict[Channel, Ring] = {}
        if not peers:
            await lines.wait(caller, seconds)
            return None
        async with asyncio.TaskGroup() as group:
            for peer in peers:
                group.create_task(self._ring_one(caller, peer, peers, rung, seconds))
            while len(rung) < len(peers) and not caller.leaving:
                if any(ending is Ring.ANSWERED for ending in rung.values()):
                    break
                await lines.wait(caller, seconds)
            winner = next((one for one in peers if rung.get(one) is Ring.ANSWERED), None)
            if winner is None:
                for peer in peers:
                    peer.leave(0, "")
        for peer in sorted(peers, key=lambda one: one is not winner):
            if peer is winner:
                lines.dial_end(peer, "ANSWER", caller)
            else:
                self._missed(caller, peer, queue, rung[peer], seconds)
        return winner

    def _call(self, caller: Channel, member: str, queue: Queue) -> Channel:
        lines = self._lines
        peer = lines.open(member, member, lane=caller.lane, linkedid=caller.linkedid)
        peer.caller = caller.caller
        peer.runs("AppQueue", "(Outgoing Line)")
        peer.exten, peer.connected = caller.exten, caller.caller
        self._say_agent(caller, peer, "AgentCalled", queue, "")
        peer.exten, peer.connected = "s", ("", "")
        lines.dial_news(peer, "DialBegin", f"DialString: PJSIP/{member}\r\n", caller)
        peer.exten, peer.connected = caller.exten, caller.caller
        lines.call(peer)
        return peer

    async def _ring_one(
        self,
        caller: Channel,
        peer: Channel,
        peers: list[Channel],
        rung: dict[Channel, Ring],
        seconds: float,
    ) -> None:
        rung[peer] = await self._lines.ring(peer, seconds, caller, watch=False)
        if rung[peer] is Ring.ANSWERED:
            for other in peers:
                if other is not peer:
                    other.leave(_ELSEWHERE, "")
        caller.wake()

    def _missed(
        self, caller: Channel, peer: Channel, queue: Queue, ending: Ring, seconds: float
    ) -> None:
        lines = self._lines
        if ending in {Ring.TIMED_OUT, Ring.REFUSED}:
            body = (
                f"RingTime: {round(seconds * 1000)}\r\n"
                if ending is Ring.TIMED_OUT
                else "RingTime: 0\r\n"
            )
            self._say_agent(caller, peer, "AgentRingNoAnswer", queue, body)
            lines.dial_end(peer, "", caller)
        else:
            lines.dial_end(peer, "CANCEL", caller)
        if ending is not Ring.REFUSED:
            lines.dial_end(peer, "CANCEL", caller)
        lines.close(peer, by="timeout" if ending is Ring.TIMED_OUT else "near")

    def _say(self, caller: Channel, name: str, queue: Queue, more: str) -> None:
        self._lines.news(caller, name, f"Queue: {queue.name}\r\n{more}")

    def _say_agent(
        self, caller: Channel, peer: Channel, name: str, queue: Queue, more: str
    ) -> None:
        self._lines.dial_news(
            peer,
            name,
            f"Queue: {queue.name}\r\nInterface: PJSIP/{peer.number}\r\n"
            f"MemberName: {peer.number}\r\n{more}",
            caller,
        )
