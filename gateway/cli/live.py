"""What a running gateway is doing, while one watches: a live board, or lines where none can be."""

from __future__ import annotations

import statistics
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gateway.cli.present import DISPOSITION_STYLE, STATE_STYLE, span_text
from gateway.domain.disposition import Disposition
from gateway.domain.machine import TERMINAL_CALLBACK_STATES, CallbackState, LegState
from gateway.domain.model import Flight, Leg, mask

__all__ = ["Board"]

_LAST_MOVES: Final = 8
_RATE_OVER: Final = 10.0
_LATE_OVER: Final = 100
_BAR: Final = 24
_LOUD: Final = frozenset({"warning", "error", "critical"})
_WATCHED: Final = ("carrier.", "database.", "dispatch.", "leg.", "gateway.")
_ANSWERED: Final = frozenset(
    {Disposition.ANSWERED_HUMAN, Disposition.ANSWERED_MACHINE, Disposition.ABANDONED}
)


@dataclass(slots=True)
class _Calls:
    """Calls up now."""

    ringing: int = 0
    talking: int = 0
    other: int = 0

    @property
    def up(self) -> int:
        return self.ringing + self.talking + self.other


@dataclass(slots=True)
class Board:
    """Gathers what is shown. Fed by the log, by the open flights, and by counts of the rows."""

    began: float = field(default_factory=time.monotonic)
    states: Mapping[str, int] = field(default_factory=dict)
    results: Counter[str] = field(default_factory=Counter)
    calls: _Calls = field(default_factory=_Calls)
    notice: str = ""
    _moves: deque[Text] = field(default_factory=lambda: deque(maxlen=_LAST_MOVES))
    _numbers: dict[str, str] = field(default_factory=dict)
    _starts: deque[float] = field(default_factory=deque)
    _late: deque[float] = field(default_factory=lambda: deque(maxlen=_LATE_OVER))
    _placed: set[str] = field(default_factory=set)

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take one line of the log."""
        if event.get("event") == "callback.moved":
            self._moved(event)
        elif event.get("level") in _LOUD and str(event.get("event")).startswith(_WATCHED):
            reason = event.get("reason", "")
            self._move(Text(f"{event.get('event')}  {reason}", style="yellow"))

    def _moved(self, event: Mapping[str, Any]) -> None:
        disposition = str(event.get("disposition") or "not placed")
        self.results[disposition] += 1
        number = self._numbers.pop(str(event.get("callback_id")), "…")
        state = str(event.get("state"))
        line = Text.assemble(
            f"{number:>4}  attempt {event.get('attempt')}  ",
            (f"{disposition:<17}", DISPOSITION_STYLE.get(disposition, "")),
            " ",
            (f"{state:<10}", STATE_STYLE.get(state, "")),
        )
        line.append(f" {event.get('reason', '')}", style="dim")
        self._move(line)

    def _move(self, line: Text) -> None:
        clock = datetime.now().astimezone().strftime("%H:%M:%S")
        self._moves.append(Text.assemble((clock, "dim"), "  ", line))

    def look(self, flights: list[Flight], now: float) -> None:
        """Look at the open flights; ``now`` is monotonic."""
        self.calls = _Calls()
        for flight in flights:
            self._numbers[flight.callback.id] = mask(flight.attempt.number)
            self._place(flight, now)
            for leg in flight.legs:
                self._count(leg)
        while self._starts and self._starts[0] < now - _RATE_OVER:
            self._starts.popleft()

    def _place(self, flight: Flight, now: float) -> None:
        placed, plan = flight.attempt.placed_at, flight.callback.plan
        if placed is None or flight.attempt.id in self._placed:
            return
        self._placed.add(flight.attempt.id)
        self._starts.append(now)
        if plan is not None:
            self._late.append(max(0.0, (placed - plan.due_at).total_seconds()))

    def _count(self, leg: Leg) -> None:
        if leg.state is LegState.RINGING:
            self.calls.ringing += 1
        elif leg.state is LegState.ANSWERED:
            self.calls.talking += 1
        elif leg.is_open:
            self.calls.other += 1

    @property
    def total(self) -> int:
        """How many callbacks there are."""
        return sum(self.states.values())

    @property
    def closed(self) -> int:
        """How many of them are closed."""
        return sum(self.states.get(state, 0) for state in TERMINAL_CALLBACK_STATES)

    @property
    def seizure(self) -> float:
        """The share of attempts that were answered."""
        answered = sum(n for result, n in self.results.items() if result in _ANSWERED)
        return answered / max(1, self.results.total())

    def figures(self) -> dict[str, str]:
        """Return the figures of the moment, in words."""
        rate = len(self._starts) / min(_RATE_OVER, max(1.0, time.monotonic() - self.began))
        late = span_text(statistics.median(self._late)) if self._late else "-"
        attempts = self.results.total()
        return {
            "calls up": f"{self.calls.up} ({self.calls.ringing} ringing, "
            f"{self.calls.talking} talking)",
            "calls per second": f"{rate:.1f}",
            "attempts": str(attempts),
            "answered": f"{100 * self.seizure:.0f} %" if attempts else "-",
            "wait for a line": late,
        }

    def line(self) -> str:
        """Return the board as one plain line."""
        told = ", ".join(f"{name} {value}" for name, value in self.figures().items())
        return f"{self.closed} of {self.total} closed; {told}"

    def __rich__(self) -> RenderableType:
        passed = span_text(time.monotonic() - self.began)
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            ProgressBar(total=max(1, self.total), completed=self.closed, width=40),
            f"{self.closed} of {self.total} closed",
            Text(passed, style="dim"),
        )
        for move in self._moves:
            move.no_wrap, move.overflow = True, "ellipsis"
        parts: list[RenderableType] = [bar, self._states(), self._middle(), *self._moves]
        parts += [Text()] * (_LAST_MOVES - len(self._moves))
        if self.notice:
            parts.append(Text(self.notice, style="bold yellow"))
        return Panel(Group(*parts), title="Kairos practice", box=box.ROUNDED, padding=(0, 1))

    def _states(self) -> Text:
        text = Text()
        for state in CallbackState:
            if n := self.states.get(state, 0):
                text.append(f"{state.value} ", style=STATE_STYLE[state])
                text.append(f"{n}   ", style="bold")
        return text

    def _middle(self) -> RenderableType:
        left = Table.grid(padding=(0, 2))
        for name, value in self.figures().items():
            left.add_row(Text(name, style="dim"), value)
        right = Table.grid(padding=(0, 1))
        most = max(self.results.values(), default=1)
        for result, n in self.results.most_common(7):
            style = DISPOSITION_STYLE.get(result, "")
            bar = "█" * max(1, round(_BAR * n / most))
            right.add_row(Text(result, style=style), Text(str(n)), Text(bar, style=style or "dim"))
        both = Table.grid(padding=(1, 4))
        both.add_row(left, right)
        return both
