"""One recorded call: a small stage with a caller, ids that never change, and an end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from adapters.lab.ami import AmiClient, Message
from adapters.lab.asterisk import DIAL, AsteriskLab

_AFTERMATH_SECONDS: Final = 0.4
_LONGEST_SECONDS: Final = 30.0


def channel_id(role: str) -> str:
    """Return the fixed channel id of ``role``: 32 lower-case characters, like the gateway's."""
    return f"kairos{role:2<26}"


@dataclass(slots=True)
class Scene:
    """The stage of one scenario. ``ami`` is the gateway's own session."""

    lab: AsteriskLab
    ami: AmiClient
    ids: set[str] = field(default_factory=set)
    _start: int = 0

    def __post_init__(self) -> None:
        self._start = len(self.ami.seen)

    async def originate(
        self,
        role: str,
        line: str,
        where: tuple[str, str],
        *,
        seconds: float = 10.0,
        dial: str = DIAL,
        action: str | None = None,
        **variables: str,
    ) -> Message:
        """Call ``line`` and send the answered call to ``where`` (context, extension); the ack.

        ``seconds``: how long it may ring. ``variables``: channel variables.
        """
        action_id = f"originate-{action or role}"
        self.ids |= {action_id, channel_id(role)}
        return await self.ami.action(
            "Originate",
            {
                "Channel": dial.format(number=line),
                "Context": where[0],
                "Exten": where[1],
                "Priority": "1",
                "Timeout": str(int(seconds * 1000)),
                "CallerID": "Kairos <+442079460999>",
                "Async": "true",
                "ChannelId": channel_id(role),
                "ActionID": action_id,
                "Variable": [f"{name}={value}" for name, value in variables.items()],
            },
        )

    async def ask(self, name: str, **headers: str) -> Message:
        """Send any other action."""
        action_id = f"ask-{name.lower()}-{len(self.ids)}"
        self.ids.add(action_id)
        return await self.ami.action(name, {**headers, "ActionID": action_id})

    async def event(self, name: str, **wanted: str) -> Message:
        """Wait for an event of this scene (from its start on), at most 30 s."""
        before = {id(message) for _, message in self.ami.seen[: self._start]}
        return await self.ami.wait_for(
            lambda m: (
                id(m) not in before
                and m.get("Event") == name
                and all(m.get(key) == value for key, value in wanted.items())
            ),
            within=_LONGEST_SECONDS,
        )

    async def result(self, role: str, action: str | None = None) -> Message:
        """Wait for the OriginateResponse of ``role``."""
        return await self.event("OriginateResponse", ActionID=f"originate-{action or role}")

    async def gone(self, *roles: str) -> None:
        """Wait until the channels of these roles are hung up."""
        for role in roles:
            await self.event("Hangup", Uniqueid=channel_id(role))

    async def hang_up(self, role: str) -> None:
        """Hang up the channel of ``role``, by its name as AMI wants it."""
        told = await self.event("Newstate", Uniqueid=channel_id(role))
        await self.ask("Hangup", Channel=told["Channel"], Cause="16")

    @staticmethod
    async def quiet() -> None:
        """Let the aftermath of the call arrive."""
        await asyncio.sleep(_AFTERMATH_SECONDS)
