"""A few hundred invented people with habits, for the demo and for learning.

Everything follows from the seed by hashing, so the same question always gets
the same answer, on every machine. Times are short (seconds) so that a demo
moves; the hour of the day is taken in the person's own time zone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from adapters.lab.numbers import AMERICAN_RANGES, RANGES, suffix_world
from adapters.lab.world import Answer, Behaviour

if TYPE_CHECKING:
    from datetime import datetime

    from adapters.lab.numbers import DramaRange


class Habit(StrEnum):
    """When a kind of person is free to answer."""

    OFFICE = "office"
    BUSINESS = "business"
    RETIRED = "retired"
    SHIFT = "shift"
    FAMILY = "family"


_NIGHT: Final = (0.02,) * 7
# Chance to pick up by local hour, Monday to Friday; 24 values each.
_WEEKDAY: Final[dict[Habit, tuple[float, ...]]] = {
    Habit.OFFICE: (*_NIGHT, *(0.20, 0.12, 0.10, 0.12, 0.18, 0.42, 0.22, 0.10, 0.12, 0.22, 0.42)) + (
        *(0.62, 0.66, 0.48, 0.20, 0.06, 0.02),
    ),
    Habit.BUSINESS: (*_NIGHT, *(0.15, 0.40, 0.66, 0.70, 0.58, 0.30, 0.45, 0.66, 0.62, 0.48, 0.22)) + (
        *(0.10, 0.06, 0.04, 0.03, 0.02, 0.02),
    ),
    Habit.RETIRED: (*_NIGHT, *(0.15, 0.35, 0.60, 0.72, 0.66, 0.45, 0.35, 0.55, 0.62, 0.60, 0.45)) + (
        *(0.40, 0.30, 0.20, 0.08, 0.03, 0.02),
    ),
    Habit.SHIFT: (*_NIGHT, *(0.06, 0.05, 0.05, 0.08, 0.15, 0.30, 0.48, 0.55, 0.58, 0.50, 0.35)) + (
        *(0.20, 0.12, 0.20, 0.35, 0.40, 0.25),
    ),
    Habit.FAMILY: (*_NIGHT, *(0.10, 0.20, 0.48, 0.55, 0.50, 0.30, 0.38, 0.35, 0.15, 0.20, 0.18)) + (
        *(0.22, 0.50, 0.58, 0.42, 0.12, 0.03),
    ),
}
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
        most = 2000
        if not 1 <= size <= most:
            msg = f"a practice world has 1 to {most} people, not {size}"
            raise ValueError(msg)
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
        return min(0.82, _WEEKDAY[person.habit][local.hour] * factor * person.reach)

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
            has_machine=self._draw("machine", number) < 0.55,  # noqa: PLR2004 - a share, named by its line
            wrong_number=self._draw("wrong", number) < 0.04,  # noqa: PLR2004
        )

    def _draw(self, *what: object) -> float:
        """Return a number in [0, 1) that depends on the seed and ``what`` only."""
        text = "|".join(map(str, (self._seed, *what)))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big") / 2**56
