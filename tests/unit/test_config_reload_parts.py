"""What a reload changes in a running service: how much is logged, how much a key may ask."""

from __future__ import annotations

import io
import json

import pytest
import structlog

from adapters.memory import ManualClock
from gateway.observability import configure, set_level
from gateway.web.api.limits import RateLimits


def test_more_or_less_is_told_from_now_on() -> None:
    stream = io.StringIO()
    configure(level="info", style="json", stream=stream)
    log = structlog.get_logger()
    log.debug("one")
    set_level("debug")
    log.debug("two")
    set_level("error")
    log.warning("three")
    log.error("four")
    told = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert told == ["two", "four"]


def test_a_new_limit_holds_from_the_next_request() -> None:
    limits = RateLimits(per_second=1, burst=1, clock=ManualClock())
    assert limits.ask("key").wait == 0
    assert limits.ask("key").wait > 0
    limits.change(per_second=1, burst=3)
    assert [limits.ask("key").wait > 0 for _ in range(4)] == [False, False, False, True]


def test_the_same_limit_again_forgives_nobody() -> None:
    limits = RateLimits(per_second=1, burst=1, clock=ManualClock())
    limits.ask("key")
    limits.change(per_second=1, burst=1)
    assert limits.ask("key").wait > 0


@pytest.mark.parametrize("burst", [1, 7])
def test_the_headers_tell_the_limit_in_force(burst: int) -> None:
    limits = RateLimits(per_second=1, burst=50, clock=ManualClock())
    limits.change(per_second=1, burst=burst)
    assert limits.ask("key").headers["RateLimit-Policy"] == f'"key";q={burst};w={burst}'
