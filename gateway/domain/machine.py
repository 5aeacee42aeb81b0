"""The two state machines of Kairos, as tables.

Everything that moves a callback or a leg goes through :func:`step_callback` or :func:`step_leg`.
Events may come late, twice or in another order than they happened: where that is harmless the
table says so by leaving the state as it is; a step that is in no table raises
:class:`~gateway.domain.errors.IllegalTransition` and nothing changes. The diagram in
``docs/state-machines.md`` is generated from these tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from gateway.domain.errors import IllegalTransition

__all__ = [
    "CALLBACK_TABLE",
    "LEG_TABLE",
    "OPEN_LEG_STATES",
    "TERMINAL_CALLBACK_STATES",
    "TERMINAL_LEG_STATES",
    "CallbackEvent",
    "CallbackState",
    "LegEvent",
    "LegState",
    "diagram",
    "step_callback",
    "step_leg",
]


class CallbackState(StrEnum):
    """Where a callback stands."""

    SCHEDULED = "SCHEDULED"
    DIALING = "DIALING"
    DONE = "DONE"
    EXHAUSTED = "EXHAUSTED"
    EXPIRED = "EXPIRED"
    CANCELED = "CANCELED"
    BLOCKED = "BLOCKED"


class CallbackEvent(StrEnum):
    """What can happen to a callback."""

    PLAN = "plan"
    RESERVE = "reserve"
    COMPLETE = "complete"
    EXHAUST = "exhaust"
    EXPIRE = "expire"
    CANCEL = "cancel"
    BLOCK = "block"


class LegState(StrEnum):
    """Where a leg stands. ``RESERVED`` was never written to the wire; ``SENDING`` may have been."""

    RESERVED = "RESERVED"
    SENDING = "SENDING"
    ACCEPTED = "ACCEPTED"
    RINGING = "RINGING"
    ANSWERED = "ANSWERED"
    ENDED = "ENDED"
    RELEASED = "RELEASED"
    NOT_PLACED = "NOT_PLACED"
    UNRESOLVED = "UNRESOLVED"


class LegEvent(StrEnum):
    """What can happen to a leg."""

    SEND = "send"
    ACCEPT = "accept"
    RING = "ring"
    ANSWER = "answer"
    END = "end"
    RELEASE = "release"
    PROVE_NOT_PLACED = "prove_not_placed"
    GIVE_UP = "give_up"


_C, _CE = CallbackState, CallbackEvent
CALLBACK_TABLE: dict[tuple[CallbackState, CallbackEvent], CallbackState] = {
    (_C.SCHEDULED, _CE.PLAN): _C.SCHEDULED,
    (_C.SCHEDULED, _CE.RESERVE): _C.DIALING,
    # Late evidence can show that an earlier, unresolved attempt did reach the contact.
    (_C.SCHEDULED, _CE.COMPLETE): _C.DONE,
    (_C.SCHEDULED, _CE.EXHAUST): _C.EXHAUSTED,
    (_C.SCHEDULED, _CE.EXPIRE): _C.EXPIRED,
    (_C.SCHEDULED, _CE.CANCEL): _C.CANCELED,
    (_C.SCHEDULED, _CE.BLOCK): _C.BLOCKED,
    (_C.DIALING, _CE.PLAN): _C.SCHEDULED,
    (_C.DIALING, _CE.COMPLETE): _C.DONE,
    (_C.DIALING, _CE.EXHAUST): _C.EXHAUSTED,
    (_C.DIALING, _CE.EXPIRE): _C.EXPIRED,
    (_C.DIALING, _CE.CANCEL): _C.CANCELED,
    (_C.DIALING, _CE.BLOCK): _C.BLOCKED,
}
TERMINAL_CALLBACK_STATES = frozenset({_C.DONE, _C.EXHAUSTED, _C.EXPIRED, _C.CANCELED, _C.BLOCKED})

_L, _LE = LegState, LegEvent
TERMINAL_LEG_STATES = frozenset({_L.ENDED, _L.RELEASED, _L.NOT_PLACED, _L.UNRESOLVED})
OPEN_LEG_STATES = frozenset(set(_L) - TERMINAL_LEG_STATES)
_NEWS = (_LE.ACCEPT, _LE.RING, _LE.ANSWER, _LE.END)
LEG_TABLE: dict[tuple[LegState, LegEvent], LegState] = {
    (_L.RESERVED, _LE.SEND): _L.SENDING,
    (_L.RESERVED, _LE.RELEASE): _L.RELEASED,
    (_L.SENDING, _LE.ACCEPT): _L.ACCEPTED,
    (_L.SENDING, _LE.RING): _L.RINGING,
    (_L.SENDING, _LE.ANSWER): _L.ANSWERED,
    (_L.SENDING, _LE.END): _L.ENDED,
    (_L.SENDING, _LE.PROVE_NOT_PLACED): _L.NOT_PLACED,
    (_L.SENDING, _LE.GIVE_UP): _L.UNRESOLVED,
    (_L.ACCEPTED, _LE.ACCEPT): _L.ACCEPTED,
    (_L.ACCEPTED, _LE.RING): _L.RINGING,
    (_L.ACCEPTED, _LE.ANSWER): _L.ANSWERED,
    (_L.ACCEPTED, _LE.END): _L.ENDED,
    # The PBX queued the order and died before it made a channel.
    (_L.ACCEPTED, _LE.PROVE_NOT_PLACED): _L.NOT_PLACED,
    (_L.ACCEPTED, _LE.GIVE_UP): _L.UNRESOLVED,
    (_L.RINGING, _LE.ACCEPT): _L.RINGING,
    (_L.RINGING, _LE.RING): _L.RINGING,
    (_L.RINGING, _LE.ANSWER): _L.ANSWERED,
    (_L.RINGING, _LE.END): _L.ENDED,
    (_L.RINGING, _LE.GIVE_UP): _L.UNRESOLVED,
    (_L.ANSWERED, _LE.ACCEPT): _L.ANSWERED,
    (_L.ANSWERED, _LE.RING): _L.ANSWERED,
    (_L.ANSWERED, _LE.ANSWER): _L.ANSWERED,
    (_L.ANSWERED, _LE.END): _L.ENDED,
    (_L.ANSWERED, _LE.GIVE_UP): _L.UNRESOLVED,
    # News of a leg that is over: the state is frozen, its disposition may be upgraded elsewhere.
    **{(state, news): state for state in sorted(TERMINAL_LEG_STATES) for news in _NEWS},
}


def step_callback(state: CallbackState, event: CallbackEvent) -> CallbackState:
    """Return the state after ``event``; raise IllegalTransition where the table has none."""
    try:
        return CALLBACK_TABLE[state, event]
    except KeyError:
        message = f"a callback in {state} cannot {event}"
        raise IllegalTransition(message) from None


def step_leg(state: LegState, event: LegEvent) -> LegState:
    """Return the state after ``event``; raise IllegalTransition where the table has none."""
    try:
        return LEG_TABLE[state, event]
    except KeyError:
        message = f"a leg in {state} cannot {event}"
        raise IllegalTransition(message) from None


def diagram() -> str:
    """Draw both tables as Mermaid state diagrams, for the documentation."""
    callback = _arrows(CALLBACK_TABLE.items(), _C.SCHEDULED, TERMINAL_CALLBACK_STATES)
    leg = _arrows(LEG_TABLE.items(), _L.RESERVED, TERMINAL_LEG_STATES)
    return f"## Callback\n\n{callback}\n## Leg\n\n{leg}"


def _arrows(
    steps: Iterable[tuple[tuple[StrEnum, StrEnum], StrEnum]],
    first: StrEnum,
    last: Iterable[StrEnum],
) -> str:
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {first}"]
    lines += [
        f"    {source} --> {target}: {event}"
        for (source, event), target in steps
        if source != target
    ]
    lines += [f"    {state} --> [*]" for state in sorted(last)]
    return "\n".join([*lines, "```", ""])
