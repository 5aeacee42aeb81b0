"""The lab's dialplan: where an originated call goes once the far side has answered.

Follows ``adapters/lab/etc/near/extensions.conf``, context by context.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Final

from adapters.lab.simpbx.bridging import join, leave_together
from adapters.lab.simpbx.channel import Channel
from adapters.lab.simpbx.devices import QUEUES
from adapters.lab.simpbx.line import Lines, Ring
from adapters.lab.simpbx.queueing import Queueing
from adapters.lab.world import Answer

_AGENT_SECONDS: Final = 20.0
_HOLD_SECONDS: Final = 60.0
_TALK_SECONDS: Final = 600.0
_NORMAL: Final = 16
_INSIDE: Final = "dialplan/builtin"

_EXTENSIONS: Final = {
    "kairos-connect": re.compile(r"agent\d{1,2}"),
    "kairos-amd": re.compile(r"agent\d{1,2}"),
    "kairos-hold": re.compile("wait"),
    "kairos-bridge": re.compile("join"),
    "kairos-talk": re.compile("stay"),
    "kairos-queue": re.compile("|".join(QUEUES)),
}

# What answering machine detection says and after how many seconds, as seen live.
_AMD: Final = {
    Answer.HUMAN: (1.35, "HUMAN", "HUMAN-800-800"),
    Answer.MACHINE: (1.6, "MACHINE", "MAXWORDS-3-2"),
}
_AMD_SILENCE: Final = (3.0, "MACHINE", "INITIALSILENCE-2500-2500")


def exists(context: str, exten: str) -> bool:
    """Tell whether the dialplan has this extension."""
    pattern = _EXTENSIONS.get(context)
    return pattern is not None and pattern.fullmatch(exten) is not None


class Dialplan:
    """Runs answered channels through their context, to their end."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._queueing = Queueing(lines, lines.devices)
        self._contexts: dict[str, Callable[[Channel], Awaitable[None]]] = {
            "kairos-connect": self._connect,
            "kairos-amd": self._amd,
            "kairos-hold": self._hold,
            "kairos-bridge": self._bridge,
            "kairos-talk": self._talk,
            "kairos-queue": self._queue,
        }

    async def run(self, channel: Channel, context: str, exten: str) -> None:
        """Run an answered channel; it is over on return."""
        channel.at(context, exten)
        if exists(context, exten):
            await self._contexts[context](channel)
        self._finish(channel)

    async def _connect(self, channel: Channel) -> None:
        await self._agent(channel, channel.exten)

    async def _agent(self, channel: Channel, agent: str) -> None:
        lines = self._lines
        patience = _seconds(channel, "KAIROS_AGENT_SECONDS", _AGENT_SECONDS)
        channel.at("kairos-agent", "s", 2)
        channel.runs("Dial", f"PJSIP/{agent},{patience:g}")
        peer = lines.open(agent, agent, lane=channel.lane, linkedid=channel.linkedid)
        peer.caller, peer.connected = ("s", channel.caller[1]), channel.caller
        peer.runs("AppDial", "(Outgoing Line)")
        lines.dial_news(peer, "DialBegin", f"DialString: {agent}\r\n", channel)
        lines.call(peer)
        channel.connected = peer.caller
        ending = await lines.ring(peer, patience, channel)
        if ending is not Ring.ANSWERED:
            self._agent_missed(channel, peer, ending)
            return
        peer.exten = ""
        lines.dial_end(peer, "ANSWER", channel)
        await join(lines, peer, channel)
        leave_together(lines, peer, channel)

    def _agent_missed(self, channel: Channel, peer: Channel, ending: Ring) -> None:
        lines = self._lines
        if channel.leaving:
            peer.leave(channel.cause, channel.name)
            lines.dial_end(peer, "CANCEL", channel)
            lines.soft_hangup(channel)
            for one in lines.rng.sample([channel, peer], 2):
                lines.close(one)
            return
        lines.dial_end(peer, "", channel)
        channel.priority = 3
        channel.runs("Hangup", "16")
        channel.leave(_NORMAL, _INSIDE)
        lines.soft_hangup(channel)
        lines.close(peer, by="timeout" if ending is Ring.TIMED_OUT else "near")
        lines.close(channel)

    async def _amd(self, channel: Channel) -> None:
        lines, agent = self._lines, channel.exten
        channel.at("kairos-person", "s")
        channel.runs("AMD")
        answer = Answer.SILENT if channel.far is None else channel.far.behaviour.answer
        seconds, status, cause = _AMD.get(answer, _AMD_SILENCE)
        if await lines.wait(channel, seconds):
            status, cause = "HANGUP", ""
        lines.variable(channel, "AMDSTATUS", status)
        lines.variable(channel, "AMDCAUSE", cause)
        if channel.leaving:
            return
        if status == "MACHINE":
            channel.priority = 4
            return
        await self._agent(channel, agent)

    async def _hold(self, channel: Channel) -> None:
        seconds = _seconds(channel, "KAIROS_HOLD_SECONDS", _HOLD_SECONDS)
        channel.priority = 2
        channel.runs("MusicOnHold", f"default,{seconds:g}")
        self._lines.news(channel, "MusicOnHoldStart", "Class: default\r\n")
        await self._lines.wait(channel, seconds)
        if not channel.guest:
            self._lines.news(channel, "MusicOnHoldStop")
            channel.priority = 3

    async def _bridge(self, channel: Channel) -> None:
        lines = self._lines
        wanted = channel.variables.get("KAIROS_AGENT", "")
        channel.runs("Bridge", f"{wanted},x")
        agent = lines.channels.meant(wanted)
        if agent is None or agent is channel or agent.leaving or agent.guest or agent.bridge:
            lines.variable(channel, "BRIDGERESULT", "NONEXISTENT")
            channel.priority = 2
            return
        agent.guest = True
        agent.wake()
        lines.news(agent, "MusicOnHoldStop")
        agent.at("kairos-hold", "wait", 3)
        await join(lines, agent, channel)
        leave_together(lines, agent, channel)

    async def _queue(self, channel: Channel) -> None:
        await self._queueing.run(channel, QUEUES[channel.exten])

    async def _talk(self, channel: Channel) -> None:
        channel.runs("Wait", f"{_TALK_SECONDS:g}")
        if not await self._lines.wait(channel, _TALK_SECONDS):
            channel.priority = 2

    def _finish(self, channel: Channel) -> None:
        if channel.gone or channel.guest:
            return
        channel.leave(_NORMAL, _INSIDE)
        self._lines.soft_hangup(channel)
        self._lines.close(channel)


def _seconds(channel: Channel, name: str, default: float) -> float:
    digits = re.sub(r"\D", "", channel.variables.get(name, ""))
    return float(digits) if digits else default
