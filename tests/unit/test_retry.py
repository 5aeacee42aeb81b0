"""Waits between tries, and when to give up."""

from __future__ import annotations

from itertools import islice

import pytest

from adapters.memory import ManualClock
from fallback.retry import Backoff, retrying


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


class Flaky:
    """Fails with these errors in turn, then succeeds; each try takes ``seconds``."""

    def __init__(self, clock: Clock, *errors: Exception, seconds: float = 0.0) -> None:
        self._clock, self._errors, self._seconds = clock, list(errors), seconds
        self.tries = 0

    async def __call__(self) -> str:
        self.tries += 1
        self._clock.seconds += self._seconds
        if self._errors:
            raise self._errors.pop(0)
        return "done"


STEADY = Backoff(first=1.0, cap=8.0, jitter=0.0)


def test_waits_grow_to_a_cap_for_ever() -> None:
    assert list(islice(STEADY(), 7)) == [1, 2, 4, 8, 8, 8, 8]
    assert STEADY.wait(100_000) == 8


def test_each_outage_has_its_own_waits() -> None:
    first, second = STEADY(), STEADY()
    assert [next(first), next(first), next(second)] == [1, 2, 1]


def test_waits_can_be_bounded() -> None:
    assert list(Backoff(first=1.0, jitter=0.0, tries=3)()) == [1, 2, 4]


def test_jitter_takes_a_share_away() -> None:
    draws = iter([0.0, 0.5, 0.999])
    shaky = Backoff(first=10.0, factor=1.0, jitter=0.5, draw=lambda: next(draws))
    assert list(islice(shaky(), 3)) == [10.0, 7.5, pytest.approx(5.005)]


def test_waits_differ_and_stay_within_their_bounds() -> None:
    waits = list(islice(Backoff(first=1.0, factor=1.0, jitter=0.5)(), 50))
    assert all(0.5 <= wait <= 1.0 for wait in waits)
    assert len(set(waits)) > 1


def test_waiting_can_be_switched_off() -> None:
    assert list(islice(Backoff().without_waiting()(), 3)) == [0, 0, 0]


async def test_tries_again_until_it_works() -> None:
    clock = Clock()
    told: list[tuple[int, str, float]] = []
    call = Flaky(clock, OSError("first"), OSError("second"))
    done = await retrying(
        call,
        on=OSError,
        clock=clock,
        backoff=STEADY,
        hook=lambda n, error, wait: told.append((n, str(error), wait)),
    )
    assert done == "done"
    assert clock.slept == [1, 2]
    assert told == [(1, "first", 1), (2, "second", 2)]


async def test_gives_up_after_so_many_tries() -> None:
    clock = Clock()
    call = Flaky(clock, *(OSError(str(n)) for n in range(9)))
    with pytest.raises(OSError, match="2"):
        await retrying(call, on=OSError, clock=clock, backoff=STEADY, attempts=3)
    assert call.tries == 3
    assert clock.slept == [1, 2]


async def test_gives_up_when_the_time_is_used_up() -> None:
    clock = Clock()
    call = Flaky(clock, *(OSError(str(n)) for n in range(99)), seconds=3.0)
    with pytest.raises(OSError):  # noqa: PT011 -- whichever was the last
        await retrying(call, on=OSError, clock=clock, backoff=STEADY, attempts=99, within=20.0)
    assert clock.seconds - 100.0 <= 20.0 + 3.0
    assert call.tries == 4


async def test_other_errors_are_not_tried_again() -> None:
    clock = Clock()
    call = Flaky(clock, KeyError("no"))
    with pytest.raises(KeyError):
        await retrying(call, on=(OSError, TimeoutError), clock=clock)
    assert call.tries == 1
    assert clock.slept == []


async def test_takes_the_clock_of_the_core() -> None:
    clock = ManualClock()
    assert await retrying(Flaky(Clock()), on=OSError, clock=clock) == "done"
