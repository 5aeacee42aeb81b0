"""How fast a carrier may be fed: a token bucket for calls per second and a cap on calls at once."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Bucket", "Limits", "take", "wait_for_token"]

# A token is whole up to this much, else whoever waited as told might be told to wait for a time
# too short for the clock to show, forever.
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a carrier takes: calls per second (> 0), calls at once, calls allowed in a burst."""

    calls_per_second: float
    concurrent_calls: int
    burst: int = 1


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket as a value: ``level`` tokens at monotonic second ``at``."""

    level: float
    at: float


def _filled(bucket: Bucket, limits: Limits, now: float) -> Bucket:
    gained = max(0.0, now - bucket.at) * limits.calls_per_second
    return Bucket(min(float(limits.burst), bucket.level + gained), max(now, bucket.at))


def take(bucket: Bucket, limits: Limits, now: float) -> Bucket:
    """Take one token at monotonic second ``now``; the level may become negative (a promise)."""
    full = _filled(bucket, limits, now)
    return Bucket(full.level - 1.0, full.at)


def wait_for_token(bucket: Bucket, limits: Limits, now: float) -> float:
    """Return the seconds until a whole token is there (0.0: now)."""
    missing = 1.0 - _filled(bucket, limits, now).level
    return missing / limits.calls_per_second if missing > _ROUNDING else 0.0
