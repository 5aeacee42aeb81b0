"""What a live Asterisk 22 said, replayed whole, cut, shuffled and doubled: exact news per leg."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from adapters.asterisk.translate import VARIABLES, WANTED, Translator
from adapters.asterisk.wire import Framer
from gateway.domain.disposition import Disposition
from gateway.domain.events import CallEvent, CallNews

FOLDER: Final = Path(__file__).parent / "recordings"
PREFIX: Final = "kairos"
NOW: Final = datetime(2026, 3, 10, tzinfo=UTC)
GREETING: Final = b"Asterisk Call Manager/9.0.0\r\n"
NEAR: Final = 0.2
"""Seconds by which an OriginateResponse was seen to come before or after its neighbours."""

_D = Disposition
CALLED = "accepted ringing"
TALKED = "accepted ringing answered connected"
LEFT_ALONE = "accepted ringing answered"
Expected = dict[str, tuple[str, Disposition]]


def customer(news: str, disposition: Disposition) -> Expected:
    return {"customer": (news, disposition)}


AGENT_WAITED: Final[Expected] = {"agent": (LEFT_ALONE, _D.ANSWERED_HUMAN)}
EXPECTED: Final[dict[str, Expected]] = {
    "agent_busy": customer(LEFT_ALONE, _D.ANSWERED_HUMAN),
    "agent_first": {
        "agent": (TALKED, _D.ANSWERED_HUMAN),
        "customer": (TALKED, _D.ANSWERED_HUMAN),
    },
    "agent_first_agent_left": {
        **AGENT_WAITED,
        "customer": (LEFT_ALONE, _D.ANSWERED_HUMAN),
    },
    "agent_first_agent_no_answer": {"agent": (CALLED, _D.NO_ANSWER)},
    "agent_first_customer_busy": {**AGENT_WAITED, "customer": ("accepted", _D.BUSY)},
    "agent_first_hold_ends": AGENT_WAITED,
    "agent_missing": customer(LEFT_ALONE, _D.ANSWERED_HUMAN),
    "amd_hangup": customer(LEFT_ALONE, _D.ANSWERED_HUMAN),
    "amd_human": customer(TALKED, _D.ANSWERED_HUMAN),
    "amd_machine": customer(LEFT_ALONE, _D.ANSWERED_MACHINE),
    "amd_silent": customer(LEFT_ALONE, _D.ANSWERED_MACHINE),
    "busy": customer("accepted", _D.BUSY),
    "caller_leaves": customer(LEFT_ALONE, _D.ANSWERED_HUMAN),
    "channel_id_used_again": customer("accepted", _D.BUSY),
    "congestion": customer("accepted", _D.CONGESTION),
    "decline": customer(CALLED, _D.REJECTED),
    "duplicate_channel_id": customer(TALKED, _D.ANSWERED_HUMAN),
    "forbidden": customer("accepted", _D.FAILED),
    "gives_up_ringing": customer(CALLED, _D.NO_ANSWER),
    "hangup_by_unique_id": customer(TALKED, _D.ANSWERED_HUMAN),
    "hangup_while_ringing": customer(CALLED, _D.CANCELED),
    "hangup_while_talking": customer(TALKED, _D.ANSWERED_HUMAN),
    "human_connected": customer(TALKED, _D.ANSWERED_HUMAN),
    "human_late": customer(TALKED, _D.ANSWERED_HUMAN),
    "human_without_reason": customer(LEFT_ALONE, _D.ANSWERED_HUMAN),
    "lists_during_call": customer(TALKED, _D.ANSWERED_HUMAN),
    "no_reply": customer("accepted", _D.NO_ANSWER),
    "no_such_endpoint": customer("accepted", _D.FAILED),
    "no_such_technology": customer("accepted", _D.FAILED),
    "not_found": customer("accepted", _D.INVALID_NUMBER),
    "queue_abandoned": customer(LEFT_ALONE, _D.ANSWERED_HUMAN),
    "queue_connected": customer(TALKED, _D.ANSWERED_HUMAN),
    "queue_nobody": customer(LEFT_ALONE, _D.ANSWERED_HUMAN),
    "ring_out": customer(CALLED, _D.NO_ANSWER),
    "shutdown_during_call": customer(TALKED, _D.ANSWERED_HUMAN),
    "unavailable": customer("accepted", _D.NO_ANSWER),
}
NO_END: Final = {"power_cut_during_call": TALKED, "refused_extension": ""}
"""Scenarios whose recording has no end of the leg, and what is told of it nevertheless."""


@dataclass(frozen=True, slots=True)
class Line:
    """One recorded message: seconds since the first action, direction, header lines."""

    t: float
    sent: bool
    lines: tuple[str, ...]

    def get(self, key: str) -> str:
        found = (line.partition(": ")[2] for line in self.lines if line.startswith(f"{key}: "))
        return next(found, "")

    @property
    def raw(self) -> bytes:
        return "\r\n".join(self.lines).encode() + b"\r\n\r\n"


@cache
def recording(name: str) -> tuple[Line, ...]:
    rows = [json.loads(row) for row in (FOLDER / name).read_text("utf-8").splitlines()[1:]]
    lines = [Line(row["t"], row["dir"] == "out", tuple(row["lines"])) for row in rows]
    # A second order with the id of the first is none of ours: we never write one.
    ids = [line.get("ChannelId") for line in lines]
    return tuple(line for i, line in enumerate(lines) if not ids[i] or ids[i] not in ids[:i])


ALL: Final = sorted(path.name for path in FOLDER.glob("*.jsonl"))
SEEN_BY_ANOTHER: Final = sorted(f"full/{path.name}" for path in FOLDER.glob("full/*.jsonl"))
"""What another session, which sent nothing itself, was told of the same calls."""


def scenario(name: str) -> str:
    return Path(name).name.split(".", maxsplit=1)[0]


ID_USED_AGAIN: Final = "channel_id_used_again"
COMPLETE: Final = [name for name in ALL if scenario(name) in EXPECTED]


def replay(lines: Iterable[Line], translator: Translator | None = None) -> list[CallEvent]:
    """Play the part of the dialer with what it sent, and translate what came."""
    translator = translator or Translator(PREFIX)
    framer = Framer(WANTED, variables=VARIABLES)
    framer.feed(GREETING)
    told, t = [], 0.0
    for line in lines:
        t = max(t, line.t)
        told += translator.due(NOW, t)
        if not line.sent:
            for packet in framer.feed(line.raw):
                told += translator.handle(packet, NOW, t)
        elif line.get("Action") == "Originate":
            timeout = int(line.get("Timeout") or 30_000) / 1000
            translator.expect(line.get("ChannelId"), line.get("ActionID"), timeout, t)
        elif line.get("Action") == "Hangup":
            _hang_up(translator, line.get("Channel"))
    return told + translator.due(NOW, t + 10.0)


def _hang_up(translator: Translator, channel: str) -> None:
    for leg_id in (leg("customer"), leg("agent")):
        if channel in {leg_id, translator.channel_of(leg_id)}:
            translator.hanging_up(leg_id)


def leg(role: str) -> str:
    return f"{PREFIX}{role}".ljust(32, "2")


def news_of(told: Iterable[CallEvent], role: str) -> str:
    mine = (event for event in told if event.leg_id == leg(role))
    return " ".join(event.news for event in mine if event.news is not CallNews.ENDED)


def ends_of(told: Iterable[CallEvent], role: str) -> list[Disposition | None]:
    return [
        event.disposition
        for event in told
        if event.leg_id == leg(role) and event.news is CallNews.ENDED
    ]


def test_every_scenario_is_expected() -> None:
    assert {scenario(name) for name in ALL} == EXPECTED.keys() | NO_END.keys()


@pytest.mark.parametrize("name", COMPLETE)
def test_exact_news(name: str) -> None:
    translator = Translator(PREFIX)
    told = replay(recording(name), translator)
    for role, (news, disposition) in EXPECTED[scenario(name)].items():
        assert news_of(told, role) == news
        assert ends_of(told, role) == [disposition]
    assert len(translator) == 0, "nothing of an ended leg is kept"


@pytest.mark.parametrize("name", SEEN_BY_ANOTHER)
def test_calls_of_another_session(name: str) -> None:
    """As after our own restart: no order is known, and still nothing wrong is told."""
    told = replay(recording(name))
    for role, (_, disposition) in EXPECTED.get(scenario(name), {}).items():
        # Who hung up cannot be known, and a call without a channel has no trace.
        truth = _D.NO_ANSWER if disposition is _D.CANCELED else disposition
        channels = any(line.get("Event") == "Hangup" for line in recording(name))
        assert ends_of(told, role) == ([truth] if channels else [])


@pytest.mark.parametrize("name", [name for name in ALL if scenario(name) in NO_END])
def test_no_end_is_made_up(name: str) -> None:
    told = replay(recording(name))
    assert news_of(told, "customer") == NO_END[scenario(name)]
    assert ends_of(told, "customer") == []


# Two calls with one id are left out: there the end of the second is a truth too.
@pytest.mark.parametrize("name", [one for one in COMPLETE if scenario(one) != ID_USED_AGAIN])
def test_from_every_suffix(name: str) -> None:
    """Begun in the middle, as after a lost link: the truth, or that it is not known."""
    lines = recording(name)
    for start in range(1, len(lines) + 1):
        told = replay(lines[start:])
        for role, (_, disposition) in EXPECTED[scenario(name)].items():
            ends = ends_of(told, role)
            assert len(ends) <= 1
            assert set(ends) <= {disposition, _D.UNRESOLVED}, f"from line {start}"


@pytest.mark.parametrize("name", ALL)
def test_every_message_twice(name: str) -> None:
    lines = recording(name)
    doubled = [line for line in lines for _ in range(1 if line.sent else 2)]
    assert _told(replay(doubled)) == _told(replay(lines))


@pytest.mark.parametrize("name", COMPLETE)
def test_the_originate_response_at_every_place_it_may_come(name: str) -> None:
    lines = recording(name)
    for index, line in enumerate(lines):
        if line.get("Event") != "OriginateResponse":
            continue
        rest = [*lines[:index], *lines[index + 1 :]]
        for place in range(len(rest) + 1):
            if _may_come(rest, place, line):
                told = replay([*rest[:place], line, *rest[place:]])
                for role, (_, disposition) in EXPECTED[scenario(name)].items():
                    assert ends_of(told, role) == [disposition], f"at {place}"


def _may_come(rest: Sequence[Line], place: int, line: Line) -> bool:
    """After its order's answer, and within the time by which the order varies."""
    near = [rest[i].t for i in (place - 1, place) if 0 <= i < len(rest)]
    answers = [one for one in rest[:place] if one.get("ActionID") == line.get("ActionID")]
    return any(abs(t - line.t) <= NEAR for t in near) and any(
        "Response" in a.lines[0] for a in answers
    )


@pytest.mark.parametrize("name", ALL)
def test_any_order_and_any_loss_never_crashes_nor_ends_twice(name: str) -> None:
    lines = recording(name)
    for seed in range(20):
        dice = random.Random(seed)
        mixed = [line for line in lines if line.sent or dice.random() < 0.9]
        dice.shuffle(mixed)
        told = replay(mixed)
        counts = [len(ends_of(told, role)) for role in ("customer", "agent")]
        assert max(counts) <= 1


def _told(events: Iterable[CallEvent]) -> list[tuple[str, CallNews, Disposition | None]]:
    ordered = sorted(events, key=lambda event: event.leg_id)
    return [
        (leg_id, event.news, event.disposition)
        for leg_id, group in itertools.groupby(ordered, key=lambda event: event.leg_id)
        for event in group
    ]
