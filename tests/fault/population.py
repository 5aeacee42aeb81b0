"""Whom the gateway calls in a fault run: who they are, how they behave, and the file to import."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters.lab.numbers import RANGES
from adapters.lab.world import Answer, Behaviour, TableWorld

AGENTS: Final = tuple(f"agent{n}" for n in range(1, 25))
"""The staff; the first is who answered contacts are put through to."""

_A = Answer
#: Answer, how often of a hundred calls, shortest and longest ringing, shortest and longest talk.
_MIX: Final = (
    (_A.HUMAN, 46, (0.05, 0.7), (0.2, 2.5)),
    (_A.SILENT, 3, (0.1, 0.5), (0.2, 1.0)),
    (_A.ANSWERS_AND_LEAVES, 6, (0.1, 0.5), (0.05, 0.3)),
    (_A.BUSY, 12, (0.02, 0.2), (0.0, 0.0)),
    (_A.RING_OUT, 10, (60.0, 60.0), (0.0, 0.0)),
    (_A.DECLINE, 7, (0.1, 0.6), (0.0, 0.0)),
    (_A.HANGS_UP_RINGING, 4, (0.2, 0.8), (0.0, 0.0)),
    (_A.UNAVAILABLE, 4, (0.05, 0.2), (0.0, 0.0)),
    (_A.CONGESTION, 5, (0.02, 0.2), (0.0, 0.0)),
    (_A.NOT_FOUND, 2, (0.05, 0.1), (0.0, 0.0)),
    (_A.FORBIDDEN, 1, (0.02, 0.1), (0.0, 0.0)),
)
_CALLS_PLANNED: Final = 4
_STAYS: Final = Behaviour(answer=Answer.HUMAN, ring_seconds=0.15, talk_seconds=120.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody to call back, under the idempotency key of the request."""

    key: str
    number: str
    queue: str


@dataclass(frozen=True, slots=True)
class Population:
    """Everybody of one run, and the world they live in."""

    people: tuple[Person, ...]
    world: TableWorld


def invent(count: int, queues: Sequence[str], seed: int, *, ask_twice: bool) -> Population:
    """Invent ``count`` people who want to be called back, evenly over ``queues``.

    ``ask_twice``: every tenth of the first half has a second request from the same number, under a
    key of its own.
    Everybody picks up at the fourth call at the latest.
    """
    rng = random.Random(seed)
    british = [one for one in RANGES if one.prefix.startswith("+44")]
    numbers = rng.sample([block.number(n) for block in british for n in range(1000)], count)
    people: list[Person] = []
    table: dict[str, Behaviour | tuple[Behaviour, ...]] = dict.fromkeys(AGENTS, _STAYS)
    for n, number in enumerate(numbers):
        again = ask_twice and n % 10 == 1 and n < count // 2
        who = numbers[n - 1] if again else number
        people.append(Person(key=f"run-{seed}-{n}", number=who, queue=queues[n % len(queues)]))
        calls = [_behaviour(rng) for _ in range(_CALLS_PLANNED - 1)]
        table[number] = (*calls, Behaviour(answer=Answer.HUMAN, ring_seconds=0.2, talk_seconds=0.5))
    return Population(tuple(people), TableWorld(table=table))


def _behaviour(rng: random.Random) -> Behaviour:
    (drawn,) = rng.choices(_MIX, [weight for _, weight, _, _ in _MIX])
    answer, _, ring, talk = drawn
    return Behaviour(
        answer=answer,
        ring_seconds=round(rng.uniform(*ring), 3),
        talk_seconds=round(rng.uniform(*talk), 3),
    )


def write_import(people: Iterable[Person], path: Path) -> None:
    """Write the file that ``kairos import`` reads."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("number", "queue", "idempotency_key", "reason"))
        rows.writerows((one.number, one.queue, one.key, "asked for it") for one in people)


def write_world(world: TableWorld, path: Path) -> None:
    """Write a world as the TOML file that :meth:`TableWorld.load` reads."""
    lines: list[str] = []
    for number, entry in world.table.items():
        script = (entry,) if isinstance(entry, Behaviour) else entry
        head = f'["{number}"]' if isinstance(entry, Behaviour) else f'[["{number}"]]'
        for one in script:
            lines += [
                head,
                f'answer = "{one.answer.value}"',
                f"ring_seconds = {one.ring_seconds}",
                f"talk_seconds = {one.talk_seconds}",
                "",
            ]
    path.write_text("\n".join(lines), encoding="utf-8")
