"""How much anybody may ask: a token bucket for each key, and one for wrong keys from an address."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from gateway.domain.pacing import Bucket, Limits, take, wait_for_token
from gateway.ports import Clock

__all__ = ["Allowance", "RateLimits"]

_MOST_BUCKETS: Final = 10_000
_WRONG_KEYS: Final = Limits(calls_per_second=10 / 60, concurrent_calls=1, burst=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What a key may still ask: ``wait`` seconds until the next request, 0.0 if this one may."""

    wait: float
    headers: dict[str, str]


class _Buckets:
    """Token buckets by name; those that were not used for longest are let go (they are full)."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self.limits = limits
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def look(self, name: str) -> tuple[Bucket, float]:
        """Return a bucket and the seconds until it has a whole token."""
        now = self._clock.monotonic()
        bucket = self._buckets.get(name) or Bucket(float(self.limits.burst), now)
        return bucket, wait_for_token(bucket, self.limits, now)

    def take(self, name: str) -> Bucket:
        """Take a token, which must be there."""
        bucket, _ = self.look(name)
        after = take(bucket, self.limits, self._clock.monotonic())
        self._buckets[name] = after
        self._buckets.move_to_end(name)
        while len(self._buckets) > _MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return after


class RateLimits:
    """Counts requests by key, and wrong keys by address."""

    def __init__(self, *, per_second: float, burst: int, clock: Clock) -> None:
        self._clock = clock
        self._keys = _Buckets(_limits(per_second, burst), clock)
        self._wrong = _Buckets(_WRONG_KEYS, clock)

    def change(self, *, per_second: float, burst: int) -> None:
        """Allow so much from now on; where that is new, every key begins with a full burst."""
        wanted = _limits(per_second, burst)
        if wanted != self._keys.limits:
            self._keys = _Buckets(wanted, self._clock)

    def ask(self, key_id: str) -> Allowance:
        """Count one request of a key, if it may."""
        bucket, wait = self._keys.look(key_id)
        if wait <= 0:
            bucket = self._keys.take(key_id)
        limits = self._keys.limits
        left = 0 if wait > 0 else max(0, math.floor(bucket.level))
        full = (limits.burst - bucket.level) / limits.calls_per_second
        until = math.ceil(wait if wait > 0 else full)
        window = max(1, math.ceil(limits.burst / limits.calls_per_second))
        policy = f'"key";q={limits.burst};w={window}'
        headers = {"RateLimit-Policy": policy, "RateLimit": f'"key";r={left};t={until}'}
        if wait > 0:
            headers["Retry-After"] = str(max(1, math.ceil(wait)))
        return Allowance(wait=wait, headers=headers)

    def wrong_key(self, address: str) -> None:
        """Count a wrong key from this address."""
        if self.too_many_wrong(address) <= 0:
            self._wrong.take(address)

    def too_many_wrong(self, address: str) -> float:
        """Return the seconds until another key from this address is looked at; 0.0: now."""
        return self._wrong.look(address)[1]


def _limits(per_second: float, burst: int) -> Limits:
    return Limits(calls_per_second=per_second, concurrent_calls=1, burst=burst)
