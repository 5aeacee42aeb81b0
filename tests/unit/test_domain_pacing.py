"""Pacing: a carrier gets its calls per second, a burst, and no more; logs get masked numbers."""

from __future__ import annotations

import pytest

from gateway.domain.model import mask
from gateway.domain.pacing import Bucket, Limits, take, wait_for_token

TWO_A_SECOND = Limits(calls_per_second=2.0, concurrent_calls=10, burst=3)
FULL = Bucket(level=3.0, at=100.0)


def test_a_full_bucket_lets_a_burst_pass_at_once() -> None:
    bucket = FULL
    for _ in range(3):
        assert wait_for_token(bucket, TWO_A_SECOND, 100.0) == 0.0
        bucket = take(bucket, TWO_A_SECOND, 100.0)
    assert wait_for_token(bucket, TWO_A_SECOND, 100.0) == pytest.approx(0.5)


def test_tokens_come_back_with_time() -> None:
    empty = Bucket(level=0.0, at=100.0)
    assert wait_for_token(empty, TWO_A_SECOND, 100.25) == pytest.approx(0.25)
    assert wait_for_token(empty, TWO_A_SECOND, 100.5) == 0.0


def test_a_bucket_never_holds_more_than_a_burst() -> None:
    assert take(FULL, TWO_A_SECOND, 10_000.0).level == 2.0


def test_a_token_can_be_promised_and_is_waited_for_by_the_next() -> None:
    promised = take(Bucket(level=0.0, at=100.0), TWO_A_SECOND, 100.0)
    assert promised.level == -1.0
    assert wait_for_token(promised, TWO_A_SECOND, 100.0) == pytest.approx(1.0)


def test_a_clock_that_stands_or_goes_back_makes_no_tokens() -> None:
    empty = Bucket(level=0.0, at=100.0)
    assert wait_for_token(empty, TWO_A_SECOND, 40.0) == pytest.approx(0.5)
    assert take(empty, TWO_A_SECOND, 40.0) == Bucket(level=-1.0, at=100.0)


@pytest.mark.parametrize(
    ("rate", "at", "level"),
    [(0.7, 212203.803, -1.0), (10.0, 744172.71, 0.0), (3.0, 264069.3, 0.0)],
)
def test_whoever_waited_as_told_is_not_told_to_wait_for_a_blink_again(
    rate: float, at: float, level: float
) -> None:
    limits, bucket = Limits(calls_per_second=rate, concurrent_calls=1), Bucket(level, at)
    told = wait_for_token(bucket, limits, at)
    assert wait_for_token(bucket, limits, at + told) == 0.0


@pytest.mark.parametrize(
    ("number", "shown"),
    [("+358401234567", "…67"), ("+4930", "…30"), ("1234", "…"), ("12", "…"), ("", "…")],
)
def test_a_masked_number_shows_its_last_two_digits_at_most(number: str, shown: str) -> None:
    assert mask(number) == shown
