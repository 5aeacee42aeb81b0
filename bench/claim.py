"""How little claiming slows down with the number of callbacks that wait for the future.

Two databases of each engine, one with a thousand future callbacks and one with many more, are
claimed from in turn, ten due callbacks at a time, through the store as the gateway uses it:
locked, judged, reserved, on disk. Their rows are made by the database itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from adapters.sql import SqlStore
from adapters.system import SystemClock
from bench.figures import percentile
from gateway.domain.caps import contact_key, number_key
from gateway.domain.change import Candidate, Change, Demand, NewCallback
from gateway.domain.machine import CallbackState, LegState
from gateway.domain.model import Attempt, Callback, Contact, Guard, Leg, Number, Plan, Role, Step
from tests.support.postgres import find_bindir, running_server

__all__ = ["claim_times", "compare"]

_NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
_AT_ONCE = 10
_FEW = 1_000
_DEMAND = Demand(queue="bench", carrier="pbx", limit=_AT_ONCE)

_FUTURE = """
INSERT INTO callback (id, contact_id, queue, requested_at, deadline, state, state_reason, due_at,
    plan, reason, preferred, worth, cohort, source, attempts, used, cancel_requested,
    answered_late, version)
SELECT 'future-' || n, 'due-0', 'bench', at, at + 2592000000000, 'SCHEDULED', '',
    at + 60000000 + n * 1000000, plan, '', '[]', 1.0, 'control', 'bench', 0, 0, false, false, 1
FROM {numbers}, (SELECT CAST(:now AS BIGINT) AS at, CAST(:plan AS TEXT) AS plan) AS given
"""
_NUMBERS = {
    "sqlite": "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < :rows) "
    "SELECT n FROM c)",
    "postgresql": "generate_series(CAST(1 AS BIGINT), CAST(:rows AS BIGINT)) AS c(n)",
}


def _due(n: int) -> NewCallback:
    number = f"+35840{n:07}"
    plan = Plan(due_at=_NOW, number=number, decider="bench", reasons=(), made_at=_NOW)
    return NewCallback(
        contact=Contact(id=f"due-{n}", numbers=(Number(e164=number),), zone="UTC", country="FI"),
        callback=Callback(
            id=f"due-{n}",
            contact_id=f"due-{n}",
            queue="bench",
            requested_at=_NOW,
            deadline=_NOW + timedelta(days=1),
            state=CallbackState.SCHEDULED,
            due_at=_NOW - timedelta(seconds=1),
            plan=plan,
        ),
    )


def _reserve(candidate: Candidate) -> Change:
    """Reserve an attempt, with all the rows a real reservation has."""
    callback, number = candidate.callback, candidate.contact.numbers[0].e164
    attempt = Attempt(
        id=f"attempt-{callback.id}",
        callback_id=callback.id,
        contact_id=candidate.contact.id,
        n=1,
        number=number,
        reserved_at=_NOW,
    )
    leg = Leg(
        id=f"{callback.id}-".ljust(32, "0"),
        attempt_id=attempt.id,
        callback_id=callback.id,
        n=1,
        role=Role.CUSTOMER,
        carrier=candidate.carrier,
        target=number,
        state=LegState.RESERVED,
        node="bench",
        reserved_at=_NOW,
        resolve_by=_NOW + timedelta(minutes=2),
    )
    keys = (contact_key(candidate.contact.id), number_key(number))
    return Change(
        at=_NOW,
        callback=callback.moved(CallbackState.DIALING, due_at=None, attempts=1),
        attempt=attempt,
        legs=(leg,),
        guards=tuple(
            Guard(key=key, recent=(_NOW,), n_day=1, cap_day=3, n_week=1, cap_week=7) for key in keys
        ),
        steps=(Step(callback_id=callback.id, at=_NOW, kind="reserved", text="", leg_id=leg.id),),
    )


async def _insert_future(url: str, rows: int) -> None:
    """Let the database make the rows, then bring its statistics up to date."""
    postgres = url.startswith("postgresql")
    plan = '{"due_at":0,"number":"+358","decider":"bench","reasons":[],"made_at":0}'
    plan = plan.replace("}", ',"probability":null,"value":null}')
    insert = text(_FUTURE.format(numbers=_NUMBERS["postgresql" if postgres else "sqlite"]))
    values = {"now": int(_NOW.timestamp()) * 1_000_000, "rows": rows, "plan": plan}
    if postgres:
        engine = create_async_engine(url)
        async with engine.begin() as connection:
            await connection.execute(insert, values)
        alone = engine.execution_options(isolation_level="AUTOCOMMIT")
        async with alone.connect() as connection:
            await connection.execute(text("VACUUM ANALYZE"))
            await connection.execute(text("CHECKPOINT"))
        await engine.dispose()
    else:
        plain = create_engine(url)
        with plain.begin() as here:
            here.execute(insert, values)
        with plain.connect() as here:
            here.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        plain.dispose()


@contextlib.asynccontextmanager
async def _filled(url: str, future_rows: int, due_rows: int) -> AsyncIterator[SqlStore]:
    store = SqlStore(url, clock=SystemClock())
    await store.open()
    await store.add([_due(n) for n in range(due_rows)])
    await store.close()
    await _insert_future(url, future_rows)
    store = SqlStore(url, clock=SystemClock())
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def _claim(store: SqlStore) -> float:
    started = time.perf_counter()
    flights = await store.claim(_NOW, [_DEMAND], _reserve)
    taken = time.perf_counter() - started
    assert len(flights) == _AT_ONCE
    return taken


async def claim_times(url: str, future_rows: int, samples: int = 50) -> list[float]:
    """Return how long, in seconds, each claim of ten due callbacks took beside future ones.

    The database at ``url`` must be empty.
    """
    async with _filled(url, future_rows, samples * _AT_ONCE) as store:
        return [await _claim(store) for _ in range(samples)]


async def _in_turn(few_url: str, many_url: str, most: int, samples: int) -> list[list[float]]:
    """Claim from both databases in turn, so that whatever else the machine does hits both."""
    due = (samples + 1) * _AT_ONCE
    async with _filled(few_url, _FEW, due) as few, _filled(many_url, most, due) as many:
        await _claim(few)
        await _claim(many)
        pairs = [(await _claim(few), await _claim(many)) for _ in range(samples)]
    return [list(times) for times in zip(*pairs, strict=True)]


@contextlib.contextmanager
def _databases() -> Iterator[dict[str, tuple[str, str]]]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kairos-bench-")))
        found = {
            "SQLite": (
                f"sqlite:///{folder / 'few' / 'kairos.db'}",
                f"sqlite:///{folder / 'many' / 'kairos.db'}",
            )
        }
        if find_bindir() is not None:
            server = stack.enter_context(running_server())
            names = [server.create_database() for _ in range(2)]
            found["PostgreSQL"] = (server.url(names[0]), server.url(names[1]))
        yield found


async def compare(most: int = 1_000_000, samples: int = 100) -> dict[str, Any]:
    """Compare claims beside a thousand future callbacks with claims beside ``most``."""
    rows: list[Mapping[str, Any]] = []
    ratios: dict[str, float] = {}
    with _databases() as databases:
        for engine, (few_url, many_url) in databases.items():
            few, many = await _in_turn(few_url, many_url, most, samples)
            ratios[engine] = round(percentile(many, 0.5) / percentile(few, 0.5), 2)
            for future_rows, times in ((_FEW, few), (most, many)):
                rows.append(
                    {
                        "engine": engine,
                        "future_rows": future_rows,
                        "claims": len(times),
                        "p50_ms": round(percentile(times, 0.5) * 1000, 2),
                        "p99_ms": round(percentile(times, 0.99) * 1000, 2),
                        "ratio": ratios[engine] if future_rows == most else 1.0,
                    }
                )
    return {"rows": rows, "ratios": ratios}


if __name__ == "__main__":
    for line in asyncio.run(compare())["rows"]:
        print(line)
