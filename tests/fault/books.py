"""What the database says, read for the auditor with the standard library alone.

The file is opened read-only. Times are Unix seconds.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

OPEN_LEGS: Final = frozenset({"RESERVED", "SENDING", "ACCEPTED", "RINGING", "ANSWERED"})
_CLOSED_CALLBACKS: Final = frozenset({"DONE", "EXHAUSTED", "EXPIRED", "CANCELED", "BLOCKED"})
_MICRO: Final = 1_000_000


@dataclass(slots=True)
class Leg:
    """A row of ``leg``; ``sent``: when it was released to the wire."""

    id: str
    attempt_id: str
    callback_id: str
    role: str
    target: str
    state: str
    sent: float | None
    disposition: str

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_LEGS

    @property
    def is_unresolved(self) -> bool:
        """Whether nobody could tell what became of it."""
        return self.state == "UNRESOLVED" or self.disposition == "unresolved"


@dataclass(slots=True)
class Attempt:
    """A row of ``attempt``."""

    id: str
    callback_id: str
    contact_id: str
    n: int
    number: str
    min_gap: float
    placed: float | None
    closed: float | None


@dataclass(slots=True)
class Callback:
    """A row of ``callback``."""

    id: str
    key: str
    queue: str
    state: str
    due: float | None
    closed: float | None

    @property
    def is_closed(self) -> bool:
        return self.state in _CLOSED_CALLBACKS


@dataclass(slots=True)
class Books:
    """All rows that matter, by id."""

    callbacks: dict[str, Callback] = field(default_factory=dict)
    attempts: dict[str, Attempt] = field(default_factory=dict)
    legs: dict[str, Leg] = field(default_factory=dict)

    def attempts_of(self) -> dict[str, list[Attempt]]:
        """Return the attempts by callback, in order."""
        found: dict[str, list[Attempt]] = defaultdict(list)
        for attempt in sorted(self.attempts.values(), key=lambda one: one.n):
            found[attempt.callback_id].append(attempt)
        return found

    def legs_of(self) -> dict[str, list[Leg]]:
        """Return the legs by attempt."""
        found: dict[str, list[Leg]] = defaultdict(list)
        for leg in self.legs.values():
            found[leg.attempt_id].append(leg)
        return found


def last_sent(database: Path) -> float:
    """Return when a leg was last released to the wire; 0.0 if none was."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10.0)) as rows:
        (newest,) = rows.execute("SELECT max(sending_at) FROM leg").fetchone()
    return _seconds(newest) or 0.0


def read_books(database: Path) -> Books:
    """Read a SQLite database of Kairos, read-only. Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10.0)) as rows:
        rows.execute("BEGIN")  # one view of all three tables
        callbacks = [
            Callback(name, key or "", queue, state, _seconds(due), _seconds(closed))
            for name, key, queue, state, due, closed in rows.execute(
                "SELECT id, idempotency_key, queue, state, due_at, closed_at FROM callback"
            )
        ]
        attempts = [
            Attempt(name, callback, contact, n, number, gap, _seconds(placed), _seconds(closed))
            for name, callback, contact, n, number, gap, placed, closed in rows.execute(
                "SELECT id, callback_id, contact_id, n, number, min_gap, placed_at, closed_at"
                " FROM attempt"
            )
        ]
        legs = [
            Leg(name, attempt, callback, role, target, state, _seconds(sent), disposition or "")
            for name, attempt, callback, role, target, state, sent, disposition in rows.execute(
                "SELECT id, attempt_id, callback_id, role, target, state, sending_at, disposition"
                " FROM leg"
            )
        ]
    return Books(
        {one.id: one for one in callbacks},
        {one.id: one for one in attempts},
        {one.id: one for one in legs},
    )


def _seconds(micros: int | None) -> float | None:
    return None if micros is None else micros / _MICRO
