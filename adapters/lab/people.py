"""The carrier's switchboard: asks the world about each call and keeps the books.

The wire log is the far end's own record of every call that reached it, kept
without any help from the gateway: the evidence for "nobody is dialed twice".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adapters.lab.fastagi import AgiCall
from adapters.lab.world import CountingWorld, World


@dataclass(frozen=True, slots=True, kw_only=True)
class WireCall:
    """One call that arrived at the far end.

    ``at``: when, aware UTC. ``number``: the line that was called.
    ``attempt``: its ordinal for this line, from 1. ``answer`` and the two
    durations in seconds: how the world let it go. ``caller``: the caller's
    number as shown, may be empty. ``channel_id``: what the caller put into
    the SIP header ``X-Kairos-Channel``, else empty. ``sip_call_id``: the SIP
    Call-ID of the call.
    """

    at: datetime
    number: str
    attempt: int
    answer: str
    ring_seconds: float
    talk_seconds: float
    caller: str
    channel_id: str
    sip_call_id: str

    def line(self) -> str:
        """Return the call as one line of JSON."""
        return json.dumps({**asdict(self), "at": self.at.isoformat(timespec="microseconds")})

    @classmethod
    def parse(cls, line: str) -> WireCall:
        """Read one line of the log. Raises :class:`ValueError` when it is none."""
        fields: dict[str, Any] = json.loads(line)
        try:
            return cls(**{**fields, "at": datetime.fromisoformat(fields["at"])})
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a line of the wire log: {line!r}") from error


def read_wire_log(path: Path) -> list[WireCall]:
    """Read the whole log, oldest call first; a torn last line is left out."""
    if not path.exists():
        return []
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    return [WireCall.parse(line) for line in whole.splitlines()]


class Switchboard:
    """Answers the carrier's question "how does this call go?" from a world.

    ``clock`` gives the aware instant handed to the world and written down.
    """

    def __init__(
        self, world: World, wire_log: Path, clock: Callable[[], datetime] | None = None
    ) -> None:
        self._world = CountingWorld(world)
        self._clock = clock or (lambda: datetime.now(UTC))
        self._log = wire_log.open("a", encoding="utf-8")

    async def meet(self, call: AgiCall) -> None:
        """Write the call down, then tell the dialplan how it goes."""
        request = call.request
        number, at = request.get("agi_extension", ""), self._clock()
        behaviour, attempt = self._world.call(number, at)
        record = WireCall(
            at=at.astimezone(UTC),
            number=number,
            attempt=attempt,
            answer=behaviour.answer.value,
            ring_seconds=behaviour.ring_seconds,
            talk_seconds=behaviour.talk_seconds,
            caller=request.get("agi_callerid", "").removeprefix("unknown"),
            channel_id=request.get("agi_arg_2", ""),
            sip_call_id=request.get("agi_arg_1", ""),
        )
        self._log.write(record.line() + "\n")
        self._log.flush()
        await call.set_variable("RING", f"{behaviour.ring_seconds:.3f}")
        await call.set_variable("TALK", f"{behaviour.talk_seconds:.3f}")
        await call.set_variable("BEHAVIOUR", behaviour.answer.value)

    def close(self) -> None:
        """Close the log."""
        self._log.close()
