"""What Prometheus reads at ``/metrics``: a registry of our own, names with units, few labels."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    generate_latest,
)

from gateway.app.service import Health
from gateway.domain.errors import StoreError
from gateway.domain.machine import CallbackState
from gateway.ports import Clock, Store
from gateway.web.api.connections import Connections
from gateway.web.api.figures import JournalFigures

__all__ = ["Metrics"]

_log = structlog.get_logger()
_LOOK_WITHIN: Final = 5.0
_BELIEVED_FOR: Final = 4.0
_MOST_DELIVERIES: Final = 1000
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Gathers figures when they are asked for, at most every four seconds.

    ``connections`` is filled in by whoever listens.
    """

    def __init__(
        self, *, store: Store, clock: Clock, health: Callable[[], Health], version: str = "0"
    ) -> None:
        self.connections: Connections | None = None
        self.queues: Callable[[], Sequence[str]] = tuple
        self._store = store
        self._clock = clock
        self._health = health
        self._gathered_at = float("-inf")
        self._lock = asyncio.Lock()
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._figures = JournalFigures(registry)
        build = Info("kairos_build", "Which Kairos this is.", registry=registry)
        build.info({"version": version})
        self._requests = Histogram(
            "kairos_http_request_duration_seconds",
            "How long requests to the API took, by operation and kind of answer.",
            ["operation", "status"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._make_gauges(registry)
        self._turned_away = Counter(
            "kairos_http_connections_closed",
            "Connections that were turned away (full) or dropped (slow, or to make room).",
            ["why"],
            registry=registry,
        )
        self._closed = {"full": 0, "slow": 0}

    def _make_gauges(self, registry: CollectorRegistry) -> None:
        self._callbacks = _gauge(registry, "kairos_callbacks", "Callbacks by state.", "state")
        self._open = _gauge(registry, "kairos_open_attempts", "Attempts under way.")
        self._carrier = _gauge(
            registry, "kairos_carrier_up", "1: the carrier can be used.", "carrier"
        )
        self._holds = _gauge(
            registry, "kairos_holds", "Holds that stand: 1 for all calls, 1 a queue.", "scope"
        )
        self._trouble = _gauge(
            registry, "kairos_database_trouble", "1: the database cannot be read or written."
        )
        self._overdue = _gauge(
            registry, "kairos_oldest_due_seconds", "How long the earliest callback is due already."
        )
        self._deliveries = _gauge(
            registry,
            "kairos_webhook_deliveries_due",
            f"Webhook messages due to be sent, {_MOST_DELIVERIES} for that many or more.",
        )
        self._connected = _gauge(registry, "kairos_http_connections", "Connections to the API.")

    def observe(self, operation: str, status: int, seconds: float) -> None:
        """Count an answer of the API."""
        self._requests.labels(operation, f"{status // 100}xx").observe(seconds)

    async def render(self) -> bytes:
        """Return everything in the text format of Prometheus."""
        async with self._lock:
            if self._clock.monotonic() - self._gathered_at >= _BELIEVED_FOR:
                await self._gather()
                self._gathered_at = self._clock.monotonic()
        return generate_latest(self._registry)

    async def _gather(self) -> None:
        health = self._health()
        self._open.set(health.open_attempts)
        self._carrier.clear()
        for carrier in health.carriers:
            self._carrier.labels(carrier.name).set(carrier.up)
        trouble = bool(health.database_trouble)
        try:
            async with asyncio.timeout(_LOOK_WITHIN):
                await self._from_store()
        except (StoreError, TimeoutError) as error:
            _log.debug("metrics.no_database", reason=str(error))
            trouble = True
        self._trouble.set(trouble)
        self._from_connections()

    async def _from_store(self) -> None:
        store, now = self._store, self._clock.now()
        counts = await store.counts()
        for state in CallbackState:
            self._callbacks.labels(state.value.lower()).set(counts.get(state.value, 0))
        holds = await store.holds()
        queues = sum(hold.target.startswith("queue:") for hold in holds)
        self._holds.labels("all").set(len(holds) - queues)
        self._holds.labels("queue").set(queues)
        due = await store.next_due(self.queues())
        self._overdue.set(max(0.0, (now - due).total_seconds()) if due else 0.0)
        self._deliveries.set(len(await store.due_deliveries(now, _MOST_DELIVERIES)))
        await self._figures.read(store, now)

    def _from_connections(self) -> None:
        if self.connections is None:
            return
        self._connected.set(len(self.connections))
        for why, now in (("full", self.connections.refused), ("slow", self.connections.dropped)):
            self._turned_away.labels(why).inc(now - self._closed[why])
            self._closed[why] = now


def _gauge(registry: CollectorRegistry, name: str, meaning: str, *labels: str) -> Gauge:
    return Gauge(name, meaning, labels, registry=registry)
