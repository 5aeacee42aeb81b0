"""Calls through a real Asterisk: the gateway against a bare AMI client, on the same PBX.

Both place the same calls at the same rate to SIPp, which answers everybody at once. The gateway
runs as its own process, as an administrator would run it, on SQLite with full durability. Times
are the PBX's own (the first CEL row of each channel), not the gateway's.
"""

from __future__ import annotations

import asyncio
import csv
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
import yaml

from adapters.lab.asterisk import AsteriskLab
from adapters.lab.numbers import RANGES
from adapters.sql import SqlStore
from adapters.system import RandomIds, SystemClock
from bench.bare import place_calls
from bench.figures import percentile
from gateway.domain.change import NewCallback
from gateway.domain.machine import CallbackState
from gateway.domain.model import Callback, Contact, Number, Plan

__all__ = ["lateness", "throughput"]

_HUMANS = 300
_TALK_SECONDS = 0.2
_START = 4.0
_SETTLE = 3.0


def _numbers() -> Iterator[str]:
    """Yield lab numbers of people who answer at once, each one only once."""
    for place in RANGES:
        for index in range(10**place.digits):
            if index % 1000 < _HUMANS:
                yield place.number(index)


@asynccontextmanager
async def lab() -> AsyncIterator[AsteriskLab]:
    """Bring up a real Asterisk with SIPp behind it."""
    async with AsteriskLab(far_end="sipp", load_talk_seconds=_TALK_SECONDS) as one:
        yield one


def _configuration(one: AsteriskLab, folder: Path, rate: float) -> Path:
    path = folder / "kairos.yaml"
    config: dict[str, Any] = {
        "profile": "practice",
        "data_dir": str(folder / "data"),
        "default_country": "GB",
        "default_queue": "load",
        "numbers": {"countries": ["GB", "FR", "AU"]},
        "carriers": {
            "lab": {
                "type": "lab",
                "host": one.ami_host,
                "port": one.ami_port,
                "username": one.user,
                "secret": one.secret,
                "channel": "PJSIP/{number}@lab",
                "limits": {
                    "calls_per_second": rate,
                    "concurrent_calls": 2000,
                    "burst": max(2, int(rate / 20)),
                },
                "routes": {
                    "talk": {"context": "kairos-talk", "exten": "stay", "needs_agent": False}
                },
                "cel_file": str(one.cel_file),
            }
        },
        "queues": {
            "load": {
                "carriers": ["lab"],
                "route": "talk",
                "retry_rules": "practice",
                "deadline": "1h",
            }
        },
        "logging": {"level": "info", "format": "json"},
    }
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    path.chmod(0o600)
    return path


@dataclass(frozen=True, slots=True)
class _Due:
    number: str
    at: datetime


async def _load(folder: Path, dues: list[_Due]) -> None:
    """Put callbacks with a given due time into the gateway's own database."""
    ids, now = RandomIds(), datetime.now(UTC)
    entries = []
    for due in dues:
        contact = Contact(
            id=ids.contact_id(),
            numbers=(Number(e164=due.number),),
            zone="Europe/London",
            country="GB",
        )
        plan = Plan(
            due_at=due.at,
            number=due.number,
            decider="rule:bench@1",
            reasons=("bench",),
            made_at=now,
        )
        callback = Callback(
            id=ids.callback_id(),
            contact_id=contact.id,
            queue="load",
            requested_at=now,
            deadline=now + timedelta(hours=1),
            state=CallbackState.SCHEDULED,
            due_at=due.at,
            plan=plan,
            idempotency_key=f"bench:{due.number}",
        )
        entries.append(NewCallback(contact=contact, callback=replace(callback)))
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{data / 'kairos.db'}"
    store = SqlStore(url, data_dir=data, clock=SystemClock())
    await store.open()
    try:
        await store.add(entries)
    finally:
        await store.close()


@asynccontextmanager
async def _gateway(config: Path) -> AsyncIterator[psutil.Process]:
    command = (sys.executable, "-m", "gateway", "serve", "--config", str(config))
    log = config.with_suffix(".log").open("wb")
    child = await asyncio.create_subprocess_exec(
        *command, stdout=log, stderr=log, stdin=asyncio.subprocess.DEVNULL
    )
    try:
        yield psutil.Process(child.pid)
    finally:
        if child.returncode is None:
            child.terminate()
            try:
                await asyncio.wait_for(child.wait(), 60)
            except TimeoutError:
                child.kill()
                await child.wait()
        log.close()


@dataclass(slots=True)
class _Usage:
    cpu_seconds: float
    wall_seconds: float
    peak_rss: int


async def _watch(process: psutil.Process, start: float, end: float, log: Path) -> _Usage:
    """Measure a process between two instants of the monotonic clock."""
    await asyncio.sleep(max(0.0, start - time.monotonic()))
    if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
        raise RuntimeError("the gateway ended early:\n" + _tail(log))
    before, began, peak = process.cpu_times(), time.monotonic(), 0
    while time.monotonic() < end:
        peak = max(peak, process.memory_info().rss)
        await asyncio.sleep(0.2)
    after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    return _Usage(used, time.monotonic() - began, peak)


def _starts(cel: Path, prefix: str) -> dict[str, float]:
    """Return when the PBX made each channel of ours (seconds since 1970), from its event log."""
    starts: dict[str, float] = {}
    with cel.open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            if row[0] == "CHAN_START" and row[2].startswith(prefix):
                starts.setdefault(row[2], float(row[1]))
    return starts


def _legs(database: Path) -> list[tuple[str, str, str]]:
    """Return id, number and disposition of every leg, straight from the file."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        query = "SELECT id, target, coalesce(disposition, state) FROM leg"
        return [(str(leg), str(to), str(told)) for leg, to, told in connection.execute(query)]


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8")[-2000:]


def _rate(times: list[float]) -> float:
    """Return calls a second between the 5th and 95th per cent of the calls."""
    ordered = sorted(times)
    low, high = int(len(ordered) * 0.05), int(len(ordered) * 0.95)
    span = ordered[high] - ordered[low]
    return (high - low) / span if span > 0 else float("nan")


async def _run_gateway(
    one: AsteriskLab, rate: float, dues: list[_Due], seconds: float
) -> tuple[_Usage, dict[str, float], dict[str, tuple[datetime, str]]]:
    """Serve these callbacks; returns usage, channel starts, and leg id -> (due, disposition)."""
    with tempfile.TemporaryDirectory(prefix="kairos-bench-") as name:
        folder = Path(name)
        config = _configuration(one, folder, rate)
        await _load(folder, dues)
        due_at = {due.number: due.at for due in dues}
        first = min(due.at for due in dues)
        begin = time.monotonic() + (first - datetime.now(UTC)).total_seconds()
        async with _gateway(config) as process:
            usage = await _watch(
                process, max(begin, time.monotonic()), begin + seconds, config.with_suffix(".log")
            )
            await asyncio.sleep(_SETTLE)
        legs = {
            leg: (due_at[number], told)
            for leg, number, told in _legs(folder / "data" / "kairos.db")
            if number in due_at
        }
        starts = {leg: at for leg, at in _starts(one.cel_file, "kairos").items() if leg in legs}
        return usage, starts, legs


async def throughput(rates: list[float], seconds: float = 12.0) -> list[dict[str, Any]]:
    """Place calls at each rate with both; returns a row for each rate."""
    rows = []
    pool = _numbers()
    for rate in rates:
        async with lab() as one:
            numbers = list(islice(pool, int(rate * seconds)))
            if len(numbers) < rate * seconds:
                pool = _numbers()
                numbers += list(islice(pool, int(rate * seconds) - len(numbers)))
            bare = await place_calls(
                one.ami_host, one.ami_port, one.user, one.secret, numbers, rate
            )
            await asyncio.sleep(_SETTLE)
            bare_starts = list(_starts(one.cel_file, "bare").values())
            start = datetime.now(UTC) + timedelta(seconds=_START)
            usage, starts, legs = await _run_gateway(
                one, rate, [_Due(number, start) for number in numbers], seconds
            )
        ours, theirs = _rate(list(starts.values())), _rate(bare_starts)
        answered = sum(told == "answered_human" for _, told in legs.values())
        rows.append(
            {
                "offered_per_s": rate,
                "bare_per_s": round(theirs, 1),
                "gateway_per_s": round(ours, 1),
                "ratio": round(ours / theirs, 3),
                "calls": len(numbers),
                "bare_answered": bare.answered,
                "gateway_answered": answered,
                "gateway_cpu_of_a_core": round(usage.cpu_seconds / usage.wall_seconds, 3),
                "bare_cpu_of_a_core": round(bare.cpu_seconds / seconds, 3),
                "gateway_peak_rss_mb": round(usage.peak_rss / 1e6, 1),
            }
        )
    return rows


async def lateness(rate: float = 50.0, seconds: float = 20.0) -> dict[str, Any]:
    """Plan calls evenly, ``rate`` a second, and measure how late the PBX saw each (ms)."""
    numbers = list(islice(_numbers(), int(rate * seconds)))
    start = datetime.now(UTC) + timedelta(seconds=_START + 2.0)
    dues = [_Due(x, start + timedelta(seconds=n / rate)) for n, x in enumerate(numbers)]
    async with lab() as one:
        usage, starts, legs = await _run_gateway(one, 4 * rate, dues, seconds)
    late = [
        1000 * (starts[leg] - due.timestamp()) for leg, (due, _) in legs.items() if leg in starts
    ]
    return {
        "planned_per_s": rate,
        "calls": len(numbers),
        "seen_by_the_pbx": len(late),
        "p50_ms": round(percentile(late, 0.5), 1),
        "p99_ms": round(percentile(late, 0.99), 1),
        "worst_ms": round(max(late, default=float("nan")), 1),
        "gateway_cpu_of_a_core": round(usage.cpu_seconds / usage.wall_seconds, 3),
    }
