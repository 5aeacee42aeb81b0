"""What became of many callbacks, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gateway.cli.present import STATE_STYLE
from gateway.cli.root import Reader
from gateway.domain.machine import TERMINAL_CALLBACK_STATES, CallbackState
from gateway.domain.model import Callback

__all__ = ["Tally", "summary"]

_PAGE: Final = 1000
_MEANING: Final = {
    CallbackState.DONE: "reached, talked to somebody",
    CallbackState.EXHAUSTED: "all attempts used up",
    CallbackState.EXPIRED: "deadline passed",
    CallbackState.CANCELED: "canceled",
    CallbackState.BLOCKED: "may not or cannot be called",
    CallbackState.SCHEDULED: "waiting for the next attempt",
    CallbackState.DIALING: "on the telephone",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Every callback, counted: by state, by number of attempts, and one worth a look."""

    states: Counter[CallbackState]
    reached_after: Counter[int]
    attempts: int
    example: str

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(self.states.values())

    @property
    def open(self) -> int:
        """How many are not closed."""
        return sum(n for state, n in self.states.items() if state not in TERMINAL_CALLBACK_STATES)

    @classmethod
    async def of(cls, reader: Reader) -> Tally:
        """Count everything there is."""
        found: list[Callback] = []
        after = ""
        while True:
            page = await reader.callbacks(after=after, limit=_PAGE)
            found += [callback for callback, _ in page]
            if len(page) < _PAGE:
                return cls.from_callbacks(found)
            after = found[-1].id

    @classmethod
    def from_callbacks(cls, found: Sequence[Callback]) -> Tally:
        """Count these."""
        done = [one for one in found if one.state is CallbackState.DONE]
        telling = max(done or found, key=lambda one: one.attempts, default=None)
        return cls(
            states=Counter(one.state for one in found),
            reached_after=Counter(one.attempts for one in done),
            attempts=sum(one.attempts for one in found),
            example=telling.id if telling else "",
        )


def summary(tally: Tally) -> RenderableType:
    """Show the tally as two small tables."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("What became of them")
    table.add_column("", justify="right")
    table.add_column("", justify="right")
    table.add_column("", style="dim")
    for state in CallbackState:
        if n := tally.states[state]:
            share = f"{100 * n / tally.total:.0f} %"
            name = Text(state.value, style=STATE_STYLE[state])
            table.add_row(name, str(n), share, _MEANING[state])
    return Group(table, _figures(tally))


def _figures(tally: Tally) -> Text:
    done = tally.states[CallbackState.DONE]
    text = Text(f"{tally.attempts} attempts")
    if tally.total:
        text.append(f", {tally.attempts / tally.total:.1f} per callback")
    if done:
        by_attempt = sorted(tally.reached_after.items())
        first = ", ".join(f"{n} at attempt {attempt}" for attempt, n in by_attempt)
        text.append(f".\n{done} reached: {first}.")
    return text
