"""``kairos top``: what goes on, while one watches."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich import box
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from config.settings import Settings
from gateway.cli.console import out, print_json
from gateway.cli.desk import Reader
from gateway.cli.holding import hold_json, hold_text
from gateway.cli.present import DISPOSITION_STYLE, STATE_STYLE, span_text
from gateway.cli.root import Running
from gateway.cli.shell import Shell, as_typed
from gateway.cli.when import said_in_both
from gateway.domain.errors import KairosError
from gateway.domain.machine import CallbackState, LegState
from gateway.domain.model import Flight, mask
from gateway.domain.records import Hold, JournalEntry

__all__ = ["top"]

_BEHIND: Final = 400
_SHOWN: Final = 10
_SCHEDULED: Final = 200
_ANSWERED: Final = frozenset({"answered_human", "answered_machine", "abandoned"})
_WORTH_SHOWING: Final = frozenset(
    {
        *("requested", "attempt_over", "put_off", "done", "exhausted", "expired", "canceled"),
        *("blocked", "changed", "held", "resumed"),
    }
)


@dataclass(slots=True)
class _View:
    """What is shown. The journal is read on from where the last look ended."""

    service: Mapping[str, Any] | None = None
    trouble: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    queues: Counter[str] = field(default_factory=Counter)
    flights: Sequence[Flight] = ()
    holds: Sequence[Hold] = ()
    next_due: datetime | None = None
    due: int = 0
    place: int | None = None
    results: deque[str] = field(default_factory=lambda: deque(maxlen=_BEHIND))
    last: deque[JournalEntry] = field(default_factory=lambda: deque(maxlen=_SHOWN))

    async def look(self, reader: Reader, service: Running | None) -> None:
        """Look at everything once."""
        self.service, self.trouble = None, ""
        if service is not None:
            try:
                self.service = await service.health()
            except KairosError as error:
                self.trouble = str(error)
        self.counts = await reader.counts()
        self.flights = await reader.open_flights()
        self.holds = await reader.holds()
        await self._waiting(reader)
        await self._journal(reader)

    async def _waiting(self, reader: Reader) -> None:
        page = await reader.callbacks(states=[CallbackState.SCHEDULED], limit=_SCHEDULED)
        due = sorted(one.due_at for one, _ in page if one.due_at is not None)
        self.next_due = due[0] if due else None
        self.due = sum(1 for one in due if one <= datetime.now(UTC))
        self.queues = Counter(one.queue for one, _ in page)

    async def _journal(self, reader: Reader) -> None:
        if self.place is None:
            self.place = max(0, await reader.journal_end() - _BEHIND)
        for entry in await reader.journal(after=self.place, limit=_BEHIND):
            self.place = entry.id
            if entry.step.kind == "attempt_over":
                self.results.append(str(entry.step.data.get("disposition", "")))
            if entry.step.kind in _WORTH_SHOWING:
                self.last.append(entry)

    @property
    def answered(self) -> float | None:
        """The share of the last attempts that were answered (ASR), 0 to 1."""
        if not self.results:
            return None
        return sum(one in _ANSWERED for one in self.results) / len(self.results)

    def as_json(self) -> dict[str, Any]:
        """Return the machine's form."""
        return {
            "running": self.service is not None,
            "carriers": list((self.service or {}).get("carriers", [])),
            "states": dict(self.counts),
            "waiting_by_queue": dict(self.queues),
            "open_calls": [_flight_json(one) for one in self.flights],
            "answered_share": self.answered,
            "attempts_looked_at": len(self.results),
            "due_now": self.due,
            "next_due_at": self.next_due.isoformat() if self.next_due else None,
            "holds": [hold_json(one) for one in self.holds],
        }

    def __rich__(self) -> RenderableType:
        parts: list[RenderableType] = [self._head()]
        parts += [Text(f"HELD: {hold_text(one)}", style="bold red") for one in self.holds]
        parts += [self._figures(), self._calls()]
        parts += [_line(one) for one in self.last]
        return Group(*parts)

    def _head(self) -> Text:
        clock = datetime.now().astimezone().strftime("%H:%M:%S")
        text = Text.assemble(("Kairos  ", "bold"), (clock, "dim"), "  ")
        if not self.counts:
            return text.append("looking ...", style="dim")
        if self.trouble:
            return text.append(self.trouble, style="red")
        if self.service is None:
            return text.append(f"no service runs: {as_typed()} serve", style="bold yellow")
        for one in self.service.get("carriers", []):
            text.append(f"{one['name']} ")
            up = bool(one["up"])
            text.append("up  " if up else "DOWN  ", style="green" if up else "bold red")
            if not up:
                text.append(f"({one['reason']})  ", style="dim")
        if trouble := self.service.get("database_trouble"):
            text.append(f"database: {trouble}", style="bold red")
        return text

    def _figures(self) -> RenderableType:
        share = "-" if self.answered is None else f"{100 * self.answered:.0f} %"
        states = Text()
        for state in CallbackState:
            if n := self.counts.get(state.value, 0):
                states.append(f"{state.value} ", style=STATE_STYLE[state]).append(f"{n}   ")
        due = f"{self.due} now" if self.due else "-"
        later = said_in_both(self.next_due, None) if self.next_due and not self.due else due
        queues = ", ".join(f"{name} {n}" for name, n in self.queues.most_common(6)) or "-"
        table = Table.grid(padding=(0, 2))
        table.add_row(Text("callbacks", style="dim"), states)
        table.add_row(Text("waiting by queue", style="dim"), queues)
        table.add_row(Text("next due", style="dim"), later)
        table.add_row(Text(f"answered of last {len(self.results)}", style="dim"), share)
        return table

    def _calls(self) -> RenderableType:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in ("Open calls", "Queue", "To", "Through", "State", "For"):
            table.add_column(heading, no_wrap=True)
        now = datetime.now(UTC)
        for flight in self.flights[:_SHOWN]:
            for leg in flight.legs:
                since = leg.answered_at or leg.ringing_at or leg.sending_at or leg.reserved_at
                style = "green" if leg.state is LegState.ANSWERED else ""
                table.add_row(
                    flight.callback.id,
                    flight.callback.queue,
                    mask(flight.attempt.number),
                    leg.carrier,
                    Text(leg.state.value.lower(), style=style),
                    span_text(max(0.0, (now - since).total_seconds())),
                )
        more = len(self.flights) - _SHOWN
        if more > 0:
            table.add_row(f"... and {more} more", "", "", "", "", "")
        return table if self.flights else Text("No call is open.\n", style="dim")


def _flight_json(flight: Flight) -> dict[str, Any]:
    return {
        "callback_id": flight.callback.id,
        "queue": flight.callback.queue,
        "number": mask(flight.attempt.number),
        "legs": [{"carrier": one.carrier, "state": one.state.value} for one in flight.legs],
    }


def _line(entry: JournalEntry) -> Text:
    step = entry.step
    disposition = str(step.data.get("disposition") or "")
    word = disposition or step.kind.replace("_", " ")
    line = Text.assemble(
        (step.at.astimezone().strftime("%H:%M:%S"), "dim"),
        f"  {step.callback_id}  ",
        (f"{word:<17}", DISPOSITION_STYLE.get(disposition, "")),
        (f" {step.text}", "dim"),
    )
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def top(shell: Shell, config: Path | None, *, once: bool, every: float, as_json: bool) -> None:
    """Show what goes on until Ctrl-C; once where nobody watches."""
    settings = shell.settings_anyhow(config)
    console = out()
    view = _View()
    if as_json or once or not console.is_terminal or console.is_dumb_terminal:
        shell.run(_once(shell, settings, view))
        if as_json:
            print_json(view.as_json())
        else:
            console.print(view)
        return
    with (
        suppress(KeyboardInterrupt, asyncio.CancelledError),  # which of them: by what it was at
        Live(view, console=console, refresh_per_second=4, screen=True) as live,
    ):
        shell.run(_watch(shell, settings, view, live, every))


async def _once(shell: Shell, settings: Settings, view: _View) -> None:
    async with shell.root.reader(settings) as reader, shell.root.running(settings) as service:
        await view.look(reader, service)


async def _watch(shell: Shell, settings: Settings, view: _View, live: Live, every: float) -> None:
    async with shell.root.reader(settings) as reader:
        while True:
            # Connected anew for each look: a service may come and go while one watches.
            async with shell.root.running(settings) as service:
                await view.look(reader, service)
            live.refresh()
            await asyncio.sleep(every)
