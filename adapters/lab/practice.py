"""A few hundred invented people with habits, for the demo and for learning.

Everything follows from the seed by hashing, so the same question always gets
the same answer, on every machine. Times are short (seconds) so that a demo
moves; the hour of the day is taken in the person's own time zone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from adapters.lab.numbers import AMERICAN_RANGES, RANGES, DramaRange, suffix_world
from adapters.lab.world import Answer, Behaviour


class Habit(StrEnum):
    """When a kind of person is free to answer."""

    OFFICE = "office"
    BUSINESS = "business"
    RETIRED = "retired"
    SHIFT = "shift"
    FAMILY = "family"


# Chance in percent to pick up by local hour from 7 to 23, Monday to Friday. At night: 2.
_WEEKDAY: Final = {
    Habit.OFFICE: (20, 12, 10, 12, 18, 42, 22, 10, 12, 22, 42, 62, 66, 48, 20, 6, 2),
    Habit.BUSINESS: (15, 40, 66, 70, 58, 30, 45, 66, 62, 48, 22, 10, 6, 4, 3, 2, 2),
    Habit.RETIRED: (15, 35, 60, 72, 66, 45, 35, 55, 62, 60, 45, 40, 30, 20, 8, 3, 2),
    Habit.SHIFT: (6, 5, 5, 8, 15, 30, 48, 55, 58, 50, 35, 20, 12, 20, 35, 40, 25),
    Habit.FAMILY: (10, 20, 48, 55, 50, 30, 38, 35, 15, 20, 18, 22, 50, 58, 42, 12, 3),
}
_FIRST_HOUR: Final = 7
_NIGHT: Final = 2
_HIGHEST_CHANCE: Final = 0.82
_WITH_MACHINE: Final = 0.55
_WRONG_NUMBERS: Final = 0.04
_LARGEST: Final = 2000
_WEEKEND_FACTOR: Final = {
    Habit.OFFICE: 1.1,
    Habit.BUSINESS: 0.15,
    Habit.RETIRED: 0.9,
    Habit.SHIFT: 0.8,
    Habit.FAMILY: 0.7,
}
_HABITS: Final = tuple(Habit)
_SATURDAY: Final = 5
# What happens instead of picking up, as cumulative shares of "not picked up".
_INSTEAD: Final = (
    (Answer.BUSY, 0.14),
    (Answer.DECLINE, 0.22),
    (Answer.UNAVAILABLE, 0.32),
    (Answer.HANGS_UP_RINGING, 0.36),
    (Answer.CONGESTION, 0.38),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One invented contact. ``reach`` scales the habit's chances; 0 to about 1.4."""

    number: str
    zone: str
    place: str
    habit: Habit
    reach: float
    has_machine: bool
    wrong_number: bool


class PracticeWorld:
    """People with habits: some answer at once, some later, some never.

    ``seed`` any integer; ``size`` how many people, 1 to 2000. Agents behave
    as in the published table. Raises :class:`ValueError` for another size.
    """

    def __init__(self, *, seed: int = 1, size: int = 400) -> None:
        if not 1 <= size <= _LARGEST:
            raise ValueError(f"a practice world has 1 to {_LARGEST} people, not {size}")
        self._seed = seed
        self._staff = suffix_world()
        self._people = {person.number: person for person in map(self._invent, range(size))}

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody, in a fixed order: the contact list to load into a gateway."""
        return tuple(self._people.values())

    def meet(self, number: str, at: datetime, attempt: int) -> Behaviour:
        """Say how a call goes; see :meth:`adapters.lab.world.World.meet`.

        Depends on the person's habit at the local hour of ``at`` and on
        ``attempt``: people called before are a little more willing, up to
        the third call.
        """
        if not number.startswith("+"):
            return self._staff.meet(number, at, attempt)
        person = self._people.get(number)
        if person is None or person.wrong_number:
            return Behaviour(answer=Answer.NOT_FOUND, ring_seconds=0.1)
        local = at.astimezone(ZoneInfo(person.zone))
        draw = self._draw("call", number, attempt, local.strftime("%Y-%m-%d %H"))
        ring = 0.3 + 2.2 * self._draw("ring", number, attempt)
        chance = self.chance(person, at) * (1 + 0.08 * min(max(attempt, 1) - 1, 2))
        if draw < chance:
            talk = 2 + 10 * self._draw("talk", number, attempt)
            return Behaviour(answer=Answer.HUMAN, ring_seconds=ring, talk_seconds=talk)
        return self._not_reached(person, (draw - chance) / (1 - chance), ring)

    @staticmethod
    def chance(person: Person, at: datetime) -> float:
        """Return the true chance (0 to 0.82) that ``person`` picks up at ``at`` on a first call."""
        local = at.astimezone(ZoneInfo(person.zone))
        weekend = local.weekday() >= _SATURDAY
        factor = _WEEKEND_FACTOR[person.habit] if weekend else 1.0
        by_hour = _WEEKDAY[person.habit]
        percent = by_hour[local.hour - _FIRST_HOUR] if local.hour >= _FIRST_HOUR else _NIGHT
        return min(_HIGHEST_CHANCE, percent / 100 * factor * person.reach)

    @staticmethod
    def _not_reached(person: Person, share: float, ring: float) -> Behaviour:
        for answer, up_to in _INSTEAD:
            if share < up_to:
                return Behaviour(answer=answer, ring_seconds=min(ring, 1.0))
        if person.has_machine:
            return Behaviour(answer=Answer.MACHINE, ring_seconds=ring, talk_seconds=15.0)
        return Behaviour(answer=Answer.RING_OUT, ring_seconds=60.0)

    def _invent(self, index: int) -> Person:
        blocks = (*RANGES, *AMERICAN_RANGES)
        block: DramaRange = blocks[index % len(blocks)]
        number = block.number(index // len(blocks))
        return Person(
            number=number,
            zone=block.zone,
            place=block.place,
            habit=_HABITS[int(self._draw("habit", number) * len(_HABITS))],
            reach=0.4 + self._draw("reach", number),
            has_machine=self._draw("machine", number) < _WITH_MACHINE,
            wrong_number=self._draw("wrong", number) < _WRONG_NUMBERS,
        )

    def _draw(self, *what: object) -> float:
        """Return a number in [0, 1) that depends on the seed and ``what`` only."""
        text = "|".join(map(str, (self._seed, *what)))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big") / 2**56
