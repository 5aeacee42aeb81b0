"""Trying again, in one place: how long to wait between tries, and when to give up.

For reconnecting and for reads only. An order to place a call is never wrapped in this: after a
doubt about one, the resolver decides. Durations are in seconds.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential

__all__ = ["Backoff", "RetryHook", "SleepingClock", "retrying"]

_T = TypeVar("_T")


class SleepingClock(Protocol):
    """The part of the ``Clock`` port that is needed to wait."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait this long."""
        ...


# Told of each failure that is followed by another try: number of the try, the error, the wait.
RetryHook = Callable[[int, BaseException, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait before each further try: exponential, capped, with jitter.

    ``jitter`` is the share of a wait (0..1) that is drawn at random, so that many clients of one
    server do not return in one instant. ``tries`` bounds the waits (None: for ever). A Backoff is
    called for a fresh row of waits: once for each outage.
    """

    first: float = 0.5
    factor: float = 2.0
    cap: float = 30.0
    jitter: float = 0.5
    tries: int | None = None
    draw: Callable[[], float] = random.SystemRandom().random

    def __call__(self) -> Iterator[float]:
        """Yield the wait before each further try."""
        n = 0
        while self.tries is None or n < self.tries:
            n += 1
            yield self.wait(n)

    def wait(self, n: int) -> float:
        """Return the wait after the ``n``-th (from 1) failure."""
        rule = wait_exponential(multiplier=self.first, exp_base=self.factor, max=self.cap)
        state = RetryCallState(AsyncRetrying(), None, (), {})
        state.attempt_number = n
        full = rule(state)
        return full * (1.0 - self.jitter * self.draw())

    def without_waiting(self) -> Backoff:
        """Return the same policy with waits of nothing, for tests."""
        return replace(self, first=0.0, cap=0.0)


async def retrying(
    call: Callable[[], Awaitable[_T]],
    *,
    on: type[Exception] | tuple[type[Exception], ...],
    clock: SleepingClock,
    backoff: Backoff | None = None,
    attempts: int = 5,
    within: float = 60.0,
    hook: RetryHook | None = None,
) -> _T:
    """Await ``call`` until it succeeds, at most ``attempts`` times and ``within`` seconds in all.

    Only errors of the kinds ``on`` are tried again; the last one is raised as it is when the
    bounds are reached, and any other at once. No wait is begun that would pass ``within``; a call
    under way is not cut short.
    """
    policy = backoff or Backoff()
    began = clock.monotonic()

    def give_up(state: RetryCallState) -> bool:
        spent = clock.monotonic() - began
        return state.attempt_number >= attempts or spent + state.upcoming_sleep > within

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if hook is not None and error is not None:
            hook(state.attempt_number, error, state.upcoming_sleep)

    retry = AsyncRetrying(
        sleep=clock.sleep,
        stop=give_up,
        wait=lambda state: policy.wait(state.attempt_number),
        retry=retry_if_exception_type(on),
        before_sleep=tell,
        reraise=True,
    )
    return await retry(call)
