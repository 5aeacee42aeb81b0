"""What signals ask of a service: stop in good order, leave at once, read the settings again."""

from __future__ import annotations

import asyncio
import os
import pty
import signal

import pytest

from gateway.lifecycle import stop_signals


class Run:
    """A service that hears signals."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.said: list[str] = []
        self.reloads = 0

    def reload(self) -> None:
        self.reloads += 1


async def send(number: signal.Signals) -> None:
    """Send a signal to ourselves and let the loop hear it."""
    os.kill(os.getpid(), number)
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_hangup_asks_for_the_settings_to_be_read_again() -> None:
    run = Run()
    with stop_signals(run.stop, run.said.append, on_hangup=run.reload):
        await send(signal.SIGHUP)
        await send(signal.SIGHUP)
    assert run.reloads == 2
    assert not run.stop.is_set()


async def test_a_service_that_stops_reads_nothing_again() -> None:
    run = Run()
    with stop_signals(run.stop, run.said.append, on_hangup=run.reload):
        await send(signal.SIGTERM)
        await send(signal.SIGHUP)
    assert run.stop.is_set()
    assert run.reloads == 0


async def test_a_hangup_stops_a_command_that_reads_nothing_again() -> None:
    run = Run()
    with stop_signals(run.stop, run.said.append):
        await send(signal.SIGHUP)
    assert run.stop.is_set()


async def test_a_closed_terminal_stops_in_good_order(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run()
    ours, theirs = pty.openpty()
    kept = os.dup(0)
    os.dup2(theirs, 0)
    try:
        with stop_signals(run.stop, run.said.append, on_hangup=run.reload):
            await send(signal.SIGHUP)
            assert run.reloads == 1
            os.close(ours)
            await send(signal.SIGHUP)
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        os.close(theirs)
    assert run.stop.is_set()
    assert run.reloads == 1
