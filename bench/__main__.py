"""`make bench`: every speed Kairos claims, measured now, beside what it is compared with.

Prints a table for each part and writes all figures with machine and versions to a JSON file.
A target that is missed is shown as missed; nothing here fails a build.
"""

from __future__ import annotations

import asyncio
import math
import operator
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from bench import ami, calls, claim, imports, lists, service
from bench.figures import write_result

# Piped into a file, a table must not be squeezed into eighty columns.
_console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def _table(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    table = Table(title=title, title_justify="left")
    for column in rows[0]:
        table.add_column(str(column).replace("_", " "), justify="right")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    _console.print(table)


@dataclass(frozen=True, slots=True)
class _Target:
    """What is promised: the figure's name and the bound it must keep."""

    name: str
    sign: Literal["<", "<=", ">="]
    bound: float

    def met_by(self, seen: float) -> bool:
        """Whether a figure keeps the promise."""
        compare = {"<": operator.lt, "<=": operator.le, ">=": operator.ge}[self.sign]
        return bool(compare(seen, self.bound))


_SHARE = _Target("calls/s against a bare client, worst ratio", ">=", 0.95)
_CPU = _Target("share of a core at 100 calls/s", "<", 0.25)
_RSS = _Target("peak memory, MB", "<", 200)
_LATE_P50 = _Target("lateness p50 at 50 calls/s, ms", "<", 20)
_LATE_P99 = _Target("lateness p99 at 50 calls/s, ms", "<", 250)
_EVENTS = _Target("AMI events per CPU-second against stock panoramisk", ">=", 3)
_CLAIM = _Target("claim time, many future rows against 1 k", "<=", 1.2)
_INTAKE = _Target("requests/s taken in, against a bare handler", ">=", 0.7)
_IMPORT = _Target("rows/s of an import", ">=", 10_000)
_FLAT = _Target("memory an import grows by in its second half, MB", "<", 20)
_LIST = _Target("p95 of the slowest list among a million callbacks, ms", "<", 50)
_START = _Target("seconds from the command to the first answer, median", "<", 2)
_SLOW = _Target("worst good request beside 500 slow clients, ms", "<", 1000)


class _Verdicts(list[dict[str, Any]]):
    """What was promised and what was seen."""

    def judge(self, target: _Target, seen: float, of: str = "") -> None:
        """Print and keep whether a figure keeps its promise."""
        name, met = f"{target.name}{of}", target.met_by(seen)
        mark = "[green]met[/]" if met else "[red]missed[/]"
        _console.print(f"  {mark}  {name}: {seen:g} (target {target.sign} {target.bound:g})")
        shown = None if math.isnan(seen) else seen
        self.append(
            {"name": name, "seen": shown, "target": f"{target.sign} {target.bound}", "met": met}
        )


async def _calls(verdicts: _Verdicts, *, quick: bool) -> Any:  # noqa: ANN401 -- JSON
    rates = [50.0, 100.0] if quick else [50.0, 100.0, 150.0, 200.0]
    rows = await calls.throughput(rates, seconds=6.0 if quick else 15.0)
    _table("Calls placed on one real Asterisk: the gateway beside a bare AMI client", rows)
    verdicts.judge(_SHARE, min(row["ratio"] for row in rows))
    at_100 = rows[rates.index(100.0)]
    verdicts.judge(_CPU, at_100["gateway_cpu_of_a_core"])
    verdicts.judge(_RSS, max(row["gateway_peak_rss_mb"] for row in rows))
    return rows


async def _lateness(verdicts: _Verdicts, *, quick: bool) -> Any:  # noqa: ANN401 -- JSON
    row = await calls.lateness(seconds=6.0 if quick else 20.0)
    _table("How late the PBX saw a planned call, by its own event log", [row])
    verdicts.judge(_LATE_P50, row["p50_ms"])
    verdicts.judge(_LATE_P99, row["p99_ms"])
    return row


async def _ami(verdicts: _Verdicts, *, quick: bool) -> Any:  # noqa: ANN401 -- JSON
    result = await ami.compare(messages=20_000 if quick else 60_000, rounds=3 if quick else 5)
    _table("AMI events a client can take", result["rows"])
    verdicts.judge(_EVENTS, result["ratio"])
    return result


async def _claim(verdicts: _Verdicts, *, quick: bool) -> Any:  # noqa: ANN401 -- JSON
    result = await claim.compare(most=100_000 if quick else 1_000_000)
    _table("Claiming ten due callbacks, by rows that wait for the future", result["rows"])
    for engine, ratio in result["ratios"].items():
        verdicts.judge(_CLAIM, ratio, f", {engine}")
    return result


async def _intake(verdicts: _Verdicts, *, quick: bool) -> Any:  # noqa: ANN401 -- JSON
    result = await service.intake(4.0 if quick else 10.0, rounds=1 if quick else 3)
    _table("Callbacks asked for over HTTP, beside a handler that only inserts", result["rows"])
    verdicts.judge(_INTAKE, result["ratio"])
    return result


async def _import(verdicts: _Verdicts, *, quick: bool) -> Any:  # noqa: ANN401 -- JSON
    row = await asyncio.to_thread(imports.import_speed, 50_000 if quick else 1_000_000)
    _table("A table brought in by the command, both its processes counted", [row])
    verdicts.judge(_IMPORT, row["rows_per_s"])
    verdicts.judge(_FLAT, row["growth_in_2nd_half_mb"])
    return row


async def _lists(verdicts: _Verdicts, *, quick: bool) -> Any:  # noqa: ANN401 -- JSON
    rows = await lists.compare(100_000 if quick else 1_000_000)
    _table("A page of a list, by what is asked for", rows)
    verdicts.judge(_LIST, max(row["p95_ms"] for row in rows))
    return rows


async def _start(verdicts: _Verdicts, *, quick: bool) -> Any:  # noqa: ANN401 -- JSON
    row = await service.start_up(2 if quick else 5)
    _table("From the command to the first answer", [row])
    verdicts.judge(_START, row["median_s"])
    return row


async def _slow(verdicts: _Verdicts, *, quick: bool) -> Any:  # noqa: ANN401 -- JSON
    row = await service.slow_headers(5.0 if quick else 20.0)
    _table("Clients that never finish their headers, and good ones beside them", [row])
    verdicts.judge(_SLOW, row["worst_ms"])
    return row


_Part = Callable[..., Coroutine[Any, Any, Any]]
_PARTS: dict[str, _Part] = {
    "ami": _ami,
    "claim": _claim,
    "calls": _calls,
    "lateness": _lateness,
    "intake": _intake,
    "import": _import,
    "lists": _lists,
    "start": _start,
    "slow": _slow,
}


def main(
    only: Annotated[list[str] | None, typer.Option(help=", ".join(_PARTS))] = None,
    *,
    quick: Annotated[bool, typer.Option(help="Smaller sizes: a look, not a figure.")] = False,
    result: Annotated[Path, typer.Option("--json", help="Where to write all figures.")] = Path(
        "bench-result.json"
    ),
) -> None:
    """Measure Kairos beside what it is compared with; ten to fifteen minutes, less with --quick."""
    unknown = set(only or ()) - set(_PARTS)
    if unknown:
        raise typer.BadParameter(
            f"no such part: {', '.join(unknown)}; there are {', '.join(_PARTS)}"
        )
    figures: dict[str, Any] = {}
    verdicts = _Verdicts()
    for name, part in _PARTS.items():
        if not only or name in only:
            _console.rule(name)
            figures[name] = asyncio.run(part(verdicts, quick=quick))
    write_result(result, {"quick": quick, "targets": verdicts, **figures})
    met = sum(one["met"] for one in verdicts)
    _console.rule()
    _console.print(f"{met} of {len(verdicts)} targets met; all figures in {result}")


if __name__ == "__main__":
    typer.run(main)
