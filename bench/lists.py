"""How long a page of a list takes among a million callbacks, for every filter and mixture.

The rows are made by the database itself: half of them in one queue, most of them closed, a few
being dialed; requested in the order of their ids (as they come in), or in no order at all (as an
import of last year's requests leaves them).
"""

from __future__ import annotations

import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from adapters.sql import SqlStore
from adapters.system import SystemClock
from bench.figures import percentile
from gateway.domain.machine import CallbackState
from tests.support.postgres import running_server

__all__ = ["compare", "page_times"]

_START = datetime(2029, 1, 1, tzinfo=UTC)
_SECONDS = 30  # between two requests
_PEOPLE = 200_000
_CONTACTS = """
INSERT INTO contact (id, name, zone, country)
SELECT 'contact-' || n, '', 'UTC', 'FI' FROM {numbers}
"""
_NUMBERS_OF = """
INSERT INTO contact_number (contact_id, position, e164)
SELECT 'contact-' || n, 0, '+3584' || (10000000 + n / 2) FROM {numbers}
"""
_CALLBACKS = """
INSERT INTO callback (id, contact_id, queue, requested_at, requested_day, deadline, state,
    state_reason, due_at,
    plan, reason, preferred, worth, cohort, source, attempts, used, cancel_requested,
    answered_late, version)
SELECT 'cb-' || (10000000 + n), 'contact-' || (1 + n * 7919 % :people),
    CASE WHEN n % 2 = 0 THEN 'big' WHEN n % 100000 = 1 THEN 'rare' ELSE 'q' || (n % 9) END,
    at + (CASE WHEN :ordered = 1 THEN n ELSE n * 7919 % :rows END) * 30000000,
    (at + (CASE WHEN :ordered = 1 THEN n ELSE n * 7919 % :rows END) * 30000000) / 86400000000,
    at + 99000000000000,
    CASE WHEN n % 200000 = 7 THEN 'DIALING' WHEN n % 5 = 0 THEN 'SCHEDULED'
         WHEN n % 50 = 1 THEN 'EXPIRED' ELSE 'DONE' END,
    '', at, NULL, 'a reason of usual length', '[]', 1.0, 'control', 'bench', 0, 0, false, false, 1
FROM {numbers}, (SELECT CAST(:at AS BIGINT) AS at) AS given
"""
_COUNT = {
    "sqlite": "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < :rows) "
    "SELECT n FROM c)",
    "postgresql": "generate_series(CAST(1 AS BIGINT), CAST(:rows AS BIGINT)) AS c(n)",
}


def _fillings(rows: int, *, ordered: bool) -> list[tuple[str, dict[str, Any]]]:
    at = int(_START.timestamp()) * 1_000_000
    own = {"people": _PEOPLE, "rows": rows, "ordered": int(ordered), "at": at}
    return [
        (_CONTACTS, {"rows": _PEOPLE}),
        (_NUMBERS_OF, {"rows": _PEOPLE}),
        (_CALLBACKS, own),
    ]


async def _fill(url: str, rows: int, *, ordered: bool) -> None:
    if url.startswith("postgresql"):
        engine = create_async_engine(url)
        async with engine.begin() as connection:
            for statement, values in _fillings(rows, ordered=ordered):
                made = statement.format(numbers=_COUNT["postgresql"])
                for name in ("people", "ordered"):
                    made = made.replace(f":{name}", str(values.get(name)))
                await connection.execute(text(made.replace("% :rows", f"% {rows}")), values)
        alone = engine.execution_options(isolation_level="AUTOCOMMIT")
        async with alone.connect() as connection:
            await connection.execute(text("VACUUM ANALYZE"))
        await engine.dispose()
        return
    plain = create_engine(url)
    with plain.begin() as here:
        for statement, values in _fillings(rows, ordered=ordered):
            here.execute(text(statement.format(numbers=_COUNT["sqlite"])), values)
    plain.dispose()


def _asked(rows: int, draw: random.Random) -> dict[str, dict[str, Any]]:
    def moment() -> datetime:
        return _START + timedelta(seconds=_SECONDS * draw.randrange(rows))

    early = _START + timedelta(seconds=_SECONDS * rows // 10)
    day = moment()
    done, dialing = CallbackState.DONE, CallbackState.DIALING
    who = 1 + draw.randrange(_PEOPLE)
    number = f"+3584{10_000_000 + who // 2}"
    return {
        "nothing": {},
        "state, common": {"states": [done]},
        "state, rare": {"states": [dialing]},
        "open": {"states": [CallbackState.SCHEDULED, dialing]},
        "queue, big": {"queue": "big"},
        "queue, rare": {"queue": "rare"},
        "queue and state": {"queue": "big", "states": [CallbackState.EXPIRED]},
        "contact": {"contact_id": f"contact-{who}"},
        "number": {"number": number},
        "number, queue, state": {"number": number, "queue": "big", "states": [done]},
        "since": {"since": moment()},
        "until": {"until": moment()},
        "until, long ago": {"until": early},
        "a day": {"since": day, "until": day + timedelta(days=1)},
        "a month": {"since": day, "until": day + timedelta(days=30)},
        "a month long ago": {"since": _START, "until": _START + timedelta(days=30)},
        "a month, queue": {"queue": "q4", "since": day, "until": day + timedelta(days=30)},
        "long ago, queue, state": {"queue": "big", "states": [done], "until": early},
        "long ago, rare": {"queue": "rare", "until": early},
    }


async def page_times(url: str, rows: int, samples: int, *, ordered: bool) -> dict[str, list[float]]:
    """Return, by what was asked for, how long each page took, in seconds. The url is empty."""
    store = SqlStore(url, clock=SystemClock())
    await store.open()
    await store.close()
    await _fill(url, rows, ordered=ordered)
    await store.open()
    draw = random.Random(7)
    times: dict[str, list[float]] = {}
    try:
        for _ in range(samples):
            for name, asked in _asked(rows, draw).items():
                after = draw.choice(["", f"cb-{10_000_000 + draw.randrange(rows)}"])
                started = time.perf_counter()
                await store.callbacks(**asked, after=after)
                times.setdefault(name, []).append(time.perf_counter() - started)
    finally:
        await store.close()
    return times


async def compare(rows: int, samples: int = 40) -> list[dict[str, Any]]:
    """Return p50 and p95 of a page by engine, order of the rows and what was asked for."""
    told: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="kairos-bench-") as folder, running_server() as server:
        for ordered in (True, False):
            urls = {
                "SQLite": f"sqlite:///{Path(folder) / str(ordered) / 'kairos.db'}",
                "PostgreSQL": server.url(server.create_database()),
            }
            for engine, url in urls.items():
                for name, times in (await page_times(url, rows, samples, ordered=ordered)).items():
                    told.append(
                        {
                            "engine": engine,
                            "rows": "in order" if ordered else "mixed",
                            "asked_for": name,
                            "p50_ms": round(1000 * percentile(times, 0.5), 1),
                            "p95_ms": round(1000 * percentile(times, 0.95), 1),
                        }
                    )
    return told
