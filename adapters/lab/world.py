"""The people at the other end of the line.

A :class:`World` says, for a number and a moment, how the person there
behaves: answers, is busy, lets it ring. The real Asterisk lab, the SIPp load
callee and the simulated PBX all ask the same world, so one table of numbers
means the same thing everywhere. Standard library only; nothing here does I/O
except :meth:`TableWorld.load`.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol, cast, runtime_checkable


class Answer(StrEnum):
    """What happens when this person's line is called."""

    HUMAN = "human"
    """Picks up, says a short word, listens; stays ``talk_seconds``."""
    SILENT = "silent"
    """Picks up and says nothing; stays ``talk_seconds``."""
    MACHINE = "machine"
    """An answering machine picks up and talks for about ten seconds."""
    ANSWERS_AND_LEAVES = "answers_and_leaves"
    """Picks up, then hangs up after ``talk_seconds`` whoever is there."""
    RING_OUT = "ring_out"
    """Rings for ever; nobody picks up."""
    NO_REPLY = "no_reply"
    """The network never says anything: no ringing, no answer, no refusal."""
    HANGS_UP_RINGING = "hangs_up_ringing"
    """Rings ``ring_seconds``, then the far network gives up (SIP 480)."""
    BUSY = "busy"
    """Engaged (SIP 486), without ringing."""
    DECLINE = "decline"
    """Rings, then the person presses the red key (SIP 603)."""
    NOT_FOUND = "not_found"
    """The number does not exist (SIP 404)."""
    UNAVAILABLE = "unavailable"
    """Switched off or out of coverage (SIP 480) without ringing."""
    CONGESTION = "congestion"
    """The carrier has no circuit (SIP 503)."""
    FORBIDDEN = "forbidden"
    """The carrier refuses the call (SIP 403)."""

    @property
    def picks_up(self) -> bool:
        """Whether somebody or something lifts the receiver."""
        return self in _PICKS_UP

    @property
    def rings(self) -> bool:
        """Whether the caller hears ringing before anything else happens.

        A behaviour with ``ring_seconds`` 0 does not ring even then.
        """
        return self in _RINGS


_PICKS_UP: Final = frozenset(
    {Answer.HUMAN, Answer.SILENT, Answer.MACHINE, Answer.ANSWERS_AND_LEAVES}
)
_RINGS: Final = _PICKS_UP | {Answer.RING_OUT, Answer.HANGS_UP_RINGING, Answer.DECLINE}

LONGEST_SECONDS: Final = 86_400.0
"""No behaviour lasts longer than a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How one call to one person goes.

    ``ring_seconds``: how long it rings before the person answers or refuses
    (before the network refuses, for answers that do not ring).
    ``talk_seconds``: how long whoever picked up stays, counted from the
    answer; then they hang up. Both in seconds, finite, 0 to one day.

    Raises :class:`ValueError` for any other duration.
    """

    answer: Answer
    ring_seconds: float = 0.2
    talk_seconds: float = 5.0

    def __post_init__(self) -> None:
        for name in ("ring_seconds", "talk_seconds"):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0 <= value <= LONGEST_SECONDS):
                raise ValueError(
                    f"{name} must be between 0 and {LONGEST_SECONDS:.0f} seconds, not {value!r}"
                )


@runtime_checkable
class World(Protocol):
    """Everybody who can be called. Deterministic: same question, same answer."""

    def meet(self, number: str, at: datetime, attempt: int) -> Behaviour:
        """Say how a call to ``number`` goes.

        ``number``: E.164 with a leading ``+``, or the name of an agent's
        line such as ``agent1``. ``at``: an aware instant. ``attempt``: how
        often this number was called in this world, this call included (from
        1). Never raises for an unknown number: the answer is NOT_FOUND.
        """
        ...


Script = tuple[Behaviour, ...]
"""Behaviours by attempt; the last one holds for every later attempt."""


@dataclass(frozen=True, slots=True)
class TableWorld:
    """A world read off a table: exact lines first, then prefixes, then suffixes.

    Keys are full lines (``+442079460123``, ``agent1``), prefixes
    (``+4420*``) or suffixes of E.164 numbers (``*486``). Among prefixes and among suffixes the
    longest match wins; any prefix wins over any suffix. What matches nothing
    gets ``default``.

    Raises :class:`ValueError` for an empty script or a malformed pattern.
    """

    table: Mapping[str, Behaviour | Script]
    default: Behaviour = field(default_factory=lambda: Behaviour(answer=Answer.NOT_FOUND))
    _exact: dict[str, Script] = field(init=False, repr=False, default_factory=dict)
    _prefix: dict[str, Script] = field(init=False, repr=False, default_factory=dict)
    _suffix: dict[str, Script] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        for pattern, entry in self.table.items():
            script = (entry,) if isinstance(entry, Behaviour) else tuple(entry)
            body = pattern.removesuffix("*").removeprefix("*")
            both_ends = pattern.startswith("*") and pattern.endswith("*")
            if not script or not body or "*" in body or both_ends:
                raise ValueError(f"bad line in the world table: {pattern!r} -> {entry!r}")
            shelf = (
                self._suffix
                if pattern.startswith("*")
                else self._prefix
                if pattern.endswith("*")
                else self._exact
            )
            shelf[body] = script

    def meet(self, number: str, at: datetime, attempt: int) -> Behaviour:
        """Say how a call goes; see :meth:`World.meet`. ``at`` does not matter here."""
        del at
        script = self._find(number)
        return self.default if script is None else script[min(max(attempt, 1), len(script)) - 1]

    def _find(self, number: str) -> Script | None:
        if number in self._exact:
            return self._exact[number]
        for end in range(len(number), 0, -1):
            if (script := self._prefix.get(number[:end])) is not None:
                return script
        for start in range(1, len(number)) if number.startswith("+") else ():
            if (script := self._suffix.get(number[start:])) is not None:
                return script
        return None

    def with_lines(self, lines: Mapping[str, Behaviour | Script]) -> TableWorld:
        """Return a copy in which ``lines`` are added or replaced."""
        return TableWorld(table={**self.table, **lines}, default=self.default)

    @classmethod
    def load(cls, path: Path) -> TableWorld:
        """Read a world from a TOML file.

        One table per line pattern, or an array of tables for a script by
        attempt; ``[default]`` names what everybody else does::

            ["+442079460123"]
            answer = "busy"
            ring_seconds = 0.5

        Raises :class:`OSError` when unreadable and :class:`ValueError` for
        wrong content, naming the line.
        """
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        default = raw.pop("default", {"answer": Answer.NOT_FOUND.value})
        return cls(
            table={pattern: _script(pattern, entry) for pattern, entry in raw.items()},
            default=_behaviour("default", default),
        )


def _script(pattern: str, entry: object) -> Script:
    return tuple(
        _behaviour(pattern, one) for one in (entry if isinstance(entry, list) else [entry])
    )


def _behaviour(pattern: str, entry: object) -> Behaviour:
    try:
        fields = dict(cast("dict[str, Any]", entry))
        answer = Answer(fields.pop("answer"))
        return Behaviour(answer=answer, **{key: float(value) for key, value in fields.items()})
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"world table, line {pattern!r}: {error}") from error


class CountingWorld:
    """Counts the calls to each number, for callers that do not know the attempt.

    Wraps a world for a far end: a phone network does not know how often it
    was asked before.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._calls: dict[str, int] = {}

    def call(self, number: str, at: datetime) -> tuple[Behaviour, int]:
        """Count one more call to ``number``; return how it goes and its ordinal from 1."""
        attempt = self._calls.get(number, 0) + 1
        self._calls[number] = attempt
        return self._world.meet(number, at, attempt), attempt

    def calls(self, numbers: Iterable[str] | None = None) -> dict[str, int]:
        """Return how often each number was called so far."""
        wanted = self._calls if numbers is None else numbers
        return {number: self._calls.get(number, 0) for number in wanted}
