"""Fictitious numbers, and what happens when each of them is called.

The last three digits of a lab number say how the person there behaves, in
every range alike. The ranges are those that the regulators reserve for drama
and that ``phonenumbers`` accepts as valid, so they pass the intake and can
never reach a real person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adapters.lab.world import Answer, Behaviour, Script, TableWorld


@dataclass(frozen=True, slots=True, kw_only=True)
class DramaRange:
    """A block of numbers reserved for fiction: ``prefix`` and then ``digits`` digits."""

    prefix: str
    digits: int
    zone: str
    place: str

    def number(self, index: int) -> str:
        """Return the E.164 number at ``index`` (from 0); :class:`ValueError` outside the block."""
        if not 0 <= index < 10**self.digits:
            raise ValueError(f"{self.place} has numbers 0 to {10**self.digits - 1}, not {index}")
        return f"{self.prefix}{index:0{self.digits}d}"


def _gb(prefix: str, place: str) -> DramaRange:
    return DramaRange(prefix=prefix, digits=3, zone="Europe/London", place=place)


RANGES: Final = (
    _gb("+442079460", "London"),
    _gb("+441134960", "Leeds"),
    _gb("+441144960", "Sheffield"),
    _gb("+441164960", "Leicester"),
    _gb("+441174960", "Bristol"),
    _gb("+441184960", "Reading"),
    _gb("+441214960", "Birmingham"),
    _gb("+441314960", "Edinburgh"),
    _gb("+441414960", "Glasgow"),
    _gb("+441514960", "Liverpool"),
    _gb("+441614960", "Manchester"),
    _gb("+441914980", "Tyneside"),
    _gb("+442896496", "Northern Ireland"),
    _gb("+442920180", "Cardiff"),
    DramaRange(prefix="+3319900", digits=4, zone="Europe/Paris", place="Paris"),
    DramaRange(prefix="+6125550", digits=4, zone="Australia/Sydney", place="Sydney"),
)
"""Whole thousands: every behaviour of :data:`SUFFIXES` exists in each of these."""

AMERICAN_RANGES: Final = (
    DramaRange(prefix="+121255501", digits=2, zone="America/New_York", place="New York"),
    DramaRange(prefix="+131255501", digits=2, zone="America/Chicago", place="Chicago"),
    DramaRange(prefix="+130355501", digits=2, zone="America/Denver", place="Denver"),
    DramaRange(prefix="+131055501", digits=2, zone="America/Los_Angeles", place="Los Angeles"),
)
"""A hundred numbers each; by the suffix rule they are all 1xx: people who answer."""

INVALID_RANGES: Final = (
    DramaRange(prefix="+441632960", digits=3, zone="Europe/London", place="nowhere (01632)"),
    DramaRange(prefix="+447700900", digits=3, zone="Europe/London", place="drama mobiles (07700)"),
)
"""Reserved for drama too, but ``phonenumbers`` calls them invalid: for intake tests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suffix:
    """One line of the published table: last three digits ``first``..``last`` -> ``script``."""

    first: int
    last: int
    name: str
    script: Script
    expect: str

    def number(self, index: int = 0, *, where: DramaRange = RANGES[0]) -> str:
        """Return the ``index``-th number (from 0) with this behaviour in the range ``where``.

        Raises :class:`ValueError` when the line of the table has fewer numbers.
        """
        if not 0 <= index <= self.last - self.first:
            msg = (
                f"{self.name} has {self.last - self.first + 1} numbers per range, no index {index}"
            )
            raise ValueError(msg)
        return where.number(self.first + index)


_QUICK: Final = Behaviour(answer=Answer.HUMAN, ring_seconds=0.3, talk_seconds=5.0)
_RING_OUT: Final = Behaviour(answer=Answer.RING_OUT, ring_seconds=60.0)


def _line(first: int, last: int, name: str, expect: str, *script: Behaviour) -> Suffix:
    return Suffix(first=first, last=last, name=name, script=script, expect=expect)


def _one(answer: Answer, ring: float = 0.3, talk: float = 5.0) -> Behaviour:
    return Behaviour(answer=answer, ring_seconds=ring, talk_seconds=talk)


SUFFIXES: Final = (
    _line(0, 299, "human", "answers after 0.3 s, stays 5 s", _QUICK),
    _line(300, 349, "human_late", "answers after 3 s, stays 5 s", _one(Answer.HUMAN, ring=3.0)),
    _line(
        350,
        399,
        "leaves",
        "answers, gone again after 0.4 s",
        _one(Answer.ANSWERS_AND_LEAVES, talk=0.4),
    ),
    _line(400, 449, "machine", "answering machine, long greeting", _one(Answer.MACHINE, talk=15.0)),
    _line(450, 499, "ring_out", "rings, nobody picks up", _RING_OUT),
    _line(500, 549, "busy", "486 Busy Here", _one(Answer.BUSY, ring=0.1)),
    _line(550, 599, "decline", "603 Decline after ringing 0.5 s", _one(Answer.DECLINE, ring=0.5)),
    _line(600, 649, "not_found", "404 Not Found", _one(Answer.NOT_FOUND, ring=0.1)),
    _line(650, 699, "unavailable", "480 at once, never rings", _one(Answer.UNAVAILABLE, ring=0.1)),
    _line(700, 749, "congestion", "503 Service Unavailable", _one(Answer.CONGESTION, ring=0.1)),
    _line(750, 799, "forbidden", "403 Forbidden", _one(Answer.FORBIDDEN, ring=0.1)),
    _line(
        800,
        849,
        "gives_up",
        "rings 1 s, then 480 from the network",
        _one(Answer.HANGS_UP_RINGING, ring=1.0),
    ),
    _line(
        850, 899, "second_try", "rings out once, answers from the second call on", _RING_OUT, _QUICK
    ),
    _line(900, 924, "silent", "answers, says nothing, stays 5 s", _one(Answer.SILENT)),
    _line(
        925,
        949,
        "no_reply",
        "no SIP reply but 100 Trying, no ringing",
        _one(Answer.NO_REPLY, ring=60.0),
    ),
    _line(
        950,
        974,
        "busy_then_human",
        "busy twice, then answers",
        *[_one(Answer.BUSY, ring=0.1)] * 2,
        _QUICK,
    ),
    _line(
        975,
        999,
        "human_long",
        "answers after 0.3 s, stays 10 minutes",
        _one(Answer.HUMAN, talk=600.0),
    ),
)
"""The published table. Tests, SIPp scenarios and the simulated PBX all read it."""

BY_NAME: Final = {line.name: line for line in SUFFIXES}

AGENTS: Final = (
    (
        "agent1..agent69",
        "picks up after 0.3 s, stays until the caller leaves",
        _one(Answer.HUMAN, talk=3600.0),
    ),
    ("agent70..agent79", "picks up after 3 s", _one(Answer.HUMAN, ring=3.0, talk=3600.0)),
    ("agent80..agent84", "busy (486)", _one(Answer.BUSY, ring=0.1)),
    ("agent85..agent89", "declines (603)", _one(Answer.DECLINE, ring=0.5)),
    ("agent90..agent98", "lets it ring", _RING_OUT),
    ("agent99", "picks up, leaves after 1 s", _one(Answer.HUMAN, talk=1.0)),
)
"""The staff: which lines, what they do, and their behaviour."""


def number_for(name: str, index: int = 0) -> str:
    """Return a number that behaves as ``name`` says, counting on through the ranges.

    ``index`` from 0; consecutive indexes give different numbers. Raises
    :class:`KeyError` for an unknown name and :class:`ValueError` when there
    are not that many.
    """
    line = BY_NAME[name]
    per_range = line.last - line.first + 1
    block, offset = divmod(index, per_range)
    if not 0 <= block < len(RANGES):
        raise ValueError(
            f"there are only {per_range * len(RANGES)} numbers for {name}, no index {index}"
        )
    return line.number(offset, where=RANGES[block])


def suffix_world() -> TableWorld:
    """Return the world of the published table: agents by name, people by last three digits."""
    table: dict[str, Behaviour | Script] = {}
    for line in SUFFIXES:
        table.update({f"*{n:03d}": line.script for n in range(line.first, line.last + 1)})
    for lines, _, behaviour in AGENTS:
        first, _, last = lines.partition("..")
        start, end = (int(name.removeprefix("agent")) for name in (first, last or first))
        table.update({f"agent{n}": behaviour for n in range(start, end + 1)})
    return TableWorld(table=table)
