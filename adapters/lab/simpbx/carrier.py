"""The carrier: asks the world how a call goes, and keeps the books of the far end."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from adapters.lab.simpbx.evidence import WireLog
from adapters.lab.world import Answer, Behaviour, CountingWorld, World

# SIP status and the Q.850 cause that Asterisk's res_pjsip makes of it.
_REFUSALS: Final = {
    Answer.BUSY: (486, 17),
    Answer.DECLINE: (603, 21),
    Answer.NOT_FOUND: (404, 1),
    Answer.UNAVAILABLE: (480, 19),
    Answer.CONGESTION: (503, 34),
    Answer.FORBIDDEN: (403, 21),
    Answer.RING_OUT: (480, 19),
    Answer.HANGS_UP_RINGING: (480, 19),
    Answer.NO_REPLY: (408, 18),
}

By = Literal["far", "near", "refused", "timeout"]


@dataclass(slots=True, eq=False)
class FarCall:
    """One call as the far end knows it. ``answered``: somebody picked up."""

    call_id: str
    channel_id: str
    number: str
    behaviour: Behaviour
    answered: bool = False
    over: bool = False

    @property
    def refusal(self) -> tuple[int, int]:
        """SIP status and Q.850 cause with which it is turned down, if nobody picks up."""
        return _REFUSALS[self.behaviour.answer]

    @property
    def at_once(self) -> bool:
        """Whether it is picked up in the same instant, sooner than SIP can: the worst of orders."""
        return self.behaviour.answer.picks_up and not self.behaviour.ring_seconds

    @property
    def rings(self) -> bool:
        return self.behaviour.answer.rings and self.behaviour.ring_seconds > 0


class Carrier:
    """Knows who answers how.

    ``clock`` gives the aware instant shown to the world; ``gives_reasons``:
    whether it says why when it hangs up (else Asterisk shows cause 0).
    """

    def __init__(
        self,
        world: World,
        wire: WireLog,
        clock: Callable[[], datetime],
        *,
        gives_reasons: bool = True,
    ) -> None:
        self.gives_reasons = gives_reasons
        self._world = CountingWorld(world)
        self._wire = wire
        self._clock = clock

    def place(self, number: str, channel_id: str, caller: str) -> FarCall:
        """Take a call in and write it down."""
        behaviour, attempt = self._world.call(number, self._clock())
        call = FarCall(str(uuid.uuid4()), channel_id, number, behaviour)
        self._wire.write(
            "placed",
            number=number,
            channel_id=channel_id,
            call_id=call.call_id,
            attempt=attempt,
            answer=behaviour.answer.value,
            ring_seconds=behaviour.ring_seconds,
            talk_seconds=behaviour.talk_seconds,
            caller=caller,
        )
        return call

    def end(self, call: FarCall, by: By) -> None:
        """Write down that a call is over and who ended it; the second time is ignored."""
        if call.over:
            return
        call.over = True
        self._wire.write(
            "ended",
            number=call.number,
            channel_id=call.channel_id,
            call_id=call.call_id,
            answered=call.answered,
            by=by,
        )
