"""What the journal tells in figures: attempts by result, how late they began, how many answered."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.domain.disposition import Disposition
from gateway.domain.records import JournalEntry
from gateway.ports import Store

__all__ = ["JournalFigures"]

_PAGE: Final = 500
_MOST_PAGES: Final = 40
_RATIO_OVER: Final = timedelta(minutes=15)
_MOST_KEPT: Final = 20_000
_NOT_PLACED: Final = "not_placed"
_SECONDS: Final = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200)
_ANSWERED: Final = (
    Disposition.ANSWERED_HUMAN.value,
    Disposition.ANSWERED_MACHINE.value,
    Disposition.ABANDONED.value,
)
_KNOWN: Final = frozenset((*(one.value for one in Disposition), _NOT_PLACED))


class JournalFigures:
    """Counts what came into the journal since this process began, whichever process wrote it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._place: int | None = None
        self._recent: deque[tuple[datetime, bool]] = deque(maxlen=_MOST_KEPT)
        self._attempts = Counter(
            "kairos_attempts", "Attempts that ended, by result.", ["disposition"], registry=registry
        )
        self._late = Histogram(
            "kairos_dispatch_lateness_seconds",
            "How long after its due time a call was begun.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._talk = Counter(
            "kairos_talk_seconds", "Seconds that contacts talked.", registry=registry
        )
        self._ratio = Gauge(
            "kairos_answer_seizure_ratio",
            "Share of the attempts of the last 15 minutes that were picked up; NaN for none.",
            registry=registry,
        )
        for name in sorted(_KNOWN):
            self._attempts.labels(name)

    async def read(self, store: Store, now: datetime) -> None:
        """Read on in the journal, a bounded piece at a time. Raises StoreUnavailable."""
        if self._place is None:
            self._place = await store.journal_end()
        for _ in range(_MOST_PAGES):
            entries = await store.journal(after=self._place, limit=_PAGE)
            for entry in entries:
                self._count(entry)
                self._place = entry.id
            if len(entries) < _PAGE:
                break
        while self._recent and now - self._recent[0][0] > _RATIO_OVER:
            self._recent.popleft()
        answered = sum(picked_up for _, picked_up in self._recent)
        self._ratio.set(answered / len(self._recent) if self._recent else float("nan"))

    def _count(self, entry: JournalEntry) -> None:
        data = entry.step.data
        if entry.step.kind == "attempt_over":
            name = str(data.get("disposition") or _NOT_PLACED)
            self._attempts.labels(name if name in _KNOWN else "other").inc()
            talked = data.get("talk_seconds")
            if isinstance(talked, int | float) and talked > 0:
                self._talk.inc(talked)
            if name != _NOT_PLACED:
                self._recent.append((entry.step.at, name in _ANSWERED))
        late = data.get("late_seconds")
        if entry.step.kind == "reserved" and isinstance(late, int | float):
            self._late.observe(max(0.0, late))
