"""What is at the other end of the line, and what Kairos must store for it: the table as data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from adapters.lab.asterisk import AsteriskLab
from adapters.lab.numbers import number_for
from gateway.domain.disposition import Disposition
from gateway.domain.machine import CallbackState

RING_SECONDS: Final = 9.0
"""How long Kairos lets a telephone ring here: longer than the slowest who still answers."""
_D, _S = Disposition, CallbackState


@dataclass(frozen=True, slots=True, kw_only=True)
class FarEnd:
    """One row: who is called, on which way, and what must be stored about it.

    ``person`` is a line of the lab's number table, ``queue`` one of :data:`WAYS`. ``stored`` are
    the dispositions of the attempts in order, empty where there is none. ``called``: whether the
    contact's line is called at all. ``talk``: the shortest and the longest talk in seconds.
    """

    what: str
    person: str
    queue: str
    stored: tuple[Disposition, ...]
    closed: CallbackState
    called: bool = True
    talk: tuple[float, float] = (0.0, 0.0)
    callbacks: int = 4


def _reached(
    what: str, person: str, queue: str, talk: tuple[float, float], *before: Disposition
) -> FarEnd:
    stored = (*before, _D.ANSWERED_HUMAN)
    return FarEnd(what=what, person=person, queue=queue, stored=stored, closed=_S.DONE, talk=talk)


def _missed(
    what: str, person: str, queue: str, stored: Disposition, *, called: bool = True
) -> FarEnd:
    return FarEnd(
        what=what,
        person=person,
        queue=queue,
        stored=(stored,),
        closed=_S.EXHAUSTED,
        called=called,
    )


_FIVE, _BRIEF = (1.0, 6.5), (0.0, 2.0)
_NOT_PICKED_UP: Final = (
    ("rings out", "ring_out", _D.NO_ANSWER),
    ("busy, 486", "busy", _D.BUSY),
    ("declined, 603", "decline", _D.REJECTED),
    ("no such number, 404", "not_found", _D.INVALID_NUMBER),
    ("switched off, 480 at once", "unavailable", _D.NO_ANSWER),
    ("no circuit, 503", "congestion", _D.CONGESTION),
    ("carrier forbids it, 403", "forbidden", _D.FAILED),
    ("network gives up ringing, 480", "gives_up", _D.NO_ANSWER),
    ("network never replies", "no_reply", _D.NO_ANSWER),
)

FAR_ENDS: Final = (
    # The customer's phone rings first and the agent picks up.
    _reached("answers", "human", "calls", _FIVE),
    _reached("answers late", "human_late", "calls", _FIVE),
    _reached("answers and keeps silent", "silent", "calls", _FIVE),
    _reached("machine that nobody listens for", "machine", "calls", (12.0, 17.0)),
    *(_missed(what, person, "calls", stored) for what, person, stored in _NOT_PICKED_UP),
    # The same, tried again.
    _reached("rings out, then answers", "second_try", "again", _FIVE, _D.NO_ANSWER),
    _reached("busy twice, then answers", "busy_then_human", "again", _FIVE, _D.BUSY, _D.BUSY),
    FarEnd(
        what="no such number, 404, retries left",
        person="not_found",
        queue="again",
        stored=(_D.INVALID_NUMBER,),
        closed=_S.BLOCKED,
    ),
    # The customer is there, the agent is not.
    _reached("agent picks up late", "human", "agent-late", (0.5, 3.5)),
    _reached("agent leaves after a second", "human", "agent-leaves", (0.5, 3.0)),
    _missed("caller gone before the agent", "leaves", "agent-late", _D.ABANDONED),
    _missed("agent busy", "human", "agent-busy", _D.ABANDONED),
    _missed("agent declines", "human", "agent-declines", _D.ABANDONED),
    _missed("agent never picks up", "human", "agent-silent", _D.ABANDONED),
    _missed("agent missing", "human", "agent-missing", _D.ABANDONED),
    # Machines are listened for.
    _reached("answers, listened to", "human", "people", (0.5, 5.5)),
    _reached("answers late, listened to", "human_late", "people", (0.5, 5.5)),
    _missed("machine greeting", "machine", "people", _D.ANSWERED_MACHINE),
    _missed("silence, like a machine", "silent", "people", _D.ANSWERED_MACHINE),
    _missed("caller gone while listened to", "leaves", "people", _D.ABANDONED),
    _missed("busy, 486", "busy", "people", _D.BUSY),
    _missed("rings out", "ring_out", "people", _D.NO_ANSWER),
    # An announcement: nobody has to come.
    _reached("answers", "human", "alone", _FIVE),
    _reached("leaves at once", "leaves", "alone", _BRIEF),
    # A queue of the PBX.
    _reached("answers, agents free", "human", "pbx-queue", _FIVE),
    _missed("caller gone before the agent", "leaves", "pbx-queue-slow", _D.ABANDONED),
    _missed("nobody in the queue picks up", "human", "pbx-queue-away", _D.ABANDONED),
    # What never leaves the house.
    _missed("extension refused", "human", "refused", _D.FAILED, called=False),
    _missed("endpoint unknown", "human", "nowhere", _D.FAILED, called=False),
    _missed("technology unknown", "human", "no-technology", _D.FAILED, called=False),
    FarEnd(
        what="on the do-not-call list",
        person="human",
        queue="calls",
        stored=(),
        closed=_S.BLOCKED,
        called=False,
    ),
    # The agent's phone rings first.
    _reached("answers", "human", "desk", _FIVE),
    _reached("answers late", "human_late", "desk", _FIVE),
    _reached("answers and keeps silent", "silent", "desk", _FIVE),
    _reached("leaves at once", "leaves", "desk", _BRIEF),
    *(_missed(what, person, "desk", stored) for what, person, stored in _NOT_PICKED_UP),
    _reached("agent picks up late", "human", "desk-late", _FIVE),
    _missed("agent busy", "human", "desk-busy", _D.AGENT_NO_ANSWER, called=False),
    _missed("agent declines", "human", "desk-declines", _D.AGENT_NO_ANSWER, called=False),
    _missed("agent never picks up", "human", "desk-silent", _D.AGENT_NO_ANSWER, called=False),
    _missed("agent's endpoint unknown", "human", "desk-missing", _D.FAILED, called=False),
    _missed("agent leaves while it rings", "ring_out", "desk-leaves", _D.CANCELED),
    _missed("agent leaves before the answer", "human_late", "desk-leaves", _D.CANCELED),
)


@dataclass(frozen=True, slots=True)
class Case:
    """One callback of a row."""

    key: str
    number: str
    row: FarEnd


def cases() -> Iterator[Case]:
    """Yield every callback of the table, mixed, each with a number of its own."""
    taken: Counter[str] = Counter()
    for n in range(max(row.callbacks for row in FAR_ENDS)):
        for index, row in enumerate(FAR_ENDS):
            if n < row.callbacks:
                number = number_for(row.person, taken[row.person])
                taken[row.person] += 1
                yield Case(f"{index}-{n}", number, row)


def _connect(agent: str) -> dict[str, Any]:
    return {"context": "kairos-connect", "exten": agent}


_ROUTES: Final = {
    "agent": _connect("agent3"),
    "agent-late": _connect("agent72"),
    "agent-busy": _connect("agent80"),
    "agent-declines": _connect("agent85"),
    "agent-silent": _connect("agent91"),
    "agent-leaves": _connect("agent99"),
    "agent-missing": _connect("agent0"),
    "people": {"context": "kairos-amd", "exten": "agent4", "amd": True},
    "alone": {"context": "kairos-talk", "exten": "stay", "needs_agent": False},
    "pbx-queue": {"context": "kairos-queue", "exten": "support"},
    "pbx-queue-slow": {"context": "kairos-queue", "exten": "slow"},
    "pbx-queue-away": {"context": "kairos-queue", "exten": "away"},
    "refused": _connect("nobody"),
    "hold": {"context": "kairos-hold", "exten": "wait", "needs_agent": False},
    "bridge": {"context": "kairos-bridge", "exten": "join"},
}


def _agents_first(*agents: int) -> dict[str, Any]:
    return {
        "mode": "agent_first",
        "agents": [f"PJSIP/agent{n}" for n in agents],
        "hold_route": "hold",
        "bridge_route": "bridge",
    }


def _customer_first(route: str, carrier: str = "office") -> dict[str, Any]:
    return {"route": route, "carriers": [carrier]}


WAYS: Final[dict[str, dict[str, Any]]] = {
    "calls": _customer_first("agent"),
    "again": {**_customer_first("agent"), "retry_rules": "again"},
    **{
        f"agent-{how}": _customer_first(f"agent-{how}")
        for how in ("late", "busy", "declines", "silent", "leaves", "missing")
    },
    "people": _customer_first("people"),
    "alone": _customer_first("alone"),
    # The PBX's queue has two agents, so no more than two calls at once.
    **{
        f"pbx-queue{how}": _customer_first(f"pbx-queue{how}", "two")
        for how in ("", "-slow", "-away")
    },
    "refused": _customer_first("refused"),
    "nowhere": _customer_first("agent", "nowhere"),
    "no-technology": _customer_first("agent", "no-technology"),
    "desk": _agents_first(*range(10, 22)),
    "desk-late": _agents_first(73, 74),
    "desk-busy": _agents_first(81, 82),
    "desk-declines": _agents_first(86, 87),
    "desk-silent": _agents_first(92, 93, 94, 95),
    "desk-missing": _agents_first(0),
    "desk-leaves": _agents_first(99),
}
"""The queues of the configuration: one for each way a call can go on our side."""


def is_agent_first(queue: str) -> bool:
    """Whether the agent's telephone rings before the contact's."""
    return "agents" in WAYS[queue]


_AGAIN: Final = {"delays": [5], "at_least": 5}
_ONCE: Final = {**_AGAIN, "most": 1}
_RESULTS: Final = tuple(one.value for one in _D if one is not _D.ANSWERED_HUMAN)
_NOT_SENT: Final = {"not_sent": {"delays": [0, 0.2], "at_least": 0}}


def _rules(attempts: int, after: dict[str, Any]) -> dict[str, Any]:
    by_result = {**{result: dict(after) for result in _RESULTS}, **_NOT_SENT}
    return {"max_attempts": attempts, "min_gap": 5, "jitter": 0, "after": by_result}


RETRY_RULES: Final = {"sets": {"once": _rules(1, _ONCE), "again": _rules(4, _AGAIN)}}


def settings(lab: AsteriskLab, folder: Path) -> dict[str, Any]:
    """Return the configuration: four trunks on one Asterisk, two of them good."""
    carrier = {
        "type": "lab",
        "port": lab.ami_port,
        "secret_file": str(lab.secret_file),
        "caller_id": "+442079460999",
        "limits": {"calls_per_second": 25, "concurrent_calls": 60, "burst": 5},
        "routes": _ROUTES,
        "ring_timeout": RING_SECONDS,
        "ack_timeout": 5,
        "cel_file": str(lab.cel_file),
    }
    few = {"calls_per_second": 5, "concurrent_calls": 2, "burst": 1}
    queue = {"carriers": ["office"], "retry_rules": "once", "deadline": "1h"}
    return {
        "profile": "practice",
        "data_dir": str(folder / "data"),
        "default_country": "GB",
        "default_queue": "calls",
        "retry_rules_file": str(folder / "retry-rules.yaml"),
        "carriers": {
            "office": {**carrier, "channel": "PJSIP/{number}@lab"},
            "two": {**carrier, "channel": "PJSIP/{number}@lab", "limits": few},
            "nowhere": {**carrier, "channel": "PJSIP/{number}@nowhere"},
            "no-technology": {**carrier, "channel": "NOTECH/{number}"},
        },
        "queues": {name: {**queue, **way} for name, way in WAYS.items()},
        "dispatch": {"resolve_after": 30, "settle_seconds": 2, "drain_seconds": 5},
        "logging": {"level": "info", "format": "json"},
    }
