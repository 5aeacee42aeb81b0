"""Pacing under any demand: never more than the burst and what time brings."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.model import mask
from gateway.domain.pacing import Bucket, Limits, take, wait_for_token

_limits = st.builds(
    Limits,
    calls_per_second=st.floats(0.05, 500.0),
    concurrent_calls=st.just(1),
    burst=st.integers(1, 50),
)
_idle = st.lists(st.floats(0.0, 20.0), min_size=1, max_size=60)


@given(_limits, _idle, st.floats(0.0, 1e7))
def test_never_more_calls_than_the_burst_and_the_rate_allow(
    limits: Limits, idle: list[float], start: float
) -> None:
    now, bucket = start, Bucket(level=float(limits.burst), at=start)
    for taken, pause in enumerate(idle):
        now += pause
        wait = wait_for_token(bucket, limits, now)
        now += wait
        bucket = take(bucket, limits, now)
        # What doubles cannot tell apart at this many seconds counts as no time.
        blur = (taken + 1) * (2e-6 + limits.calls_per_second * now * 1e-15)
        assert taken + 1 <= limits.burst + limits.calls_per_second * (now - start) + blur


@given(_limits, _idle, st.floats(0.0, 1e5))
def test_waiting_as_told_is_enough(limits: Limits, idle: list[float], start: float) -> None:
    now, bucket = start, Bucket(level=float(limits.burst), at=start)
    for pause in idle:
        now += pause
        now += wait_for_token(bucket, limits, now)
        assert wait_for_token(bucket, limits, now) == 0.0
        bucket = take(bucket, limits, now)


@given(st.text(alphabet="+0123456789", max_size=20))
def test_a_mask_never_shows_more_than_two_digits(number: str) -> None:
    assert sum(one != "…" for one in mask(number)) <= 2
