"""The plainest AMI client that can place calls: what the gateway is measured against.

It writes Originate after Originate at a given rate and counts answers. No rows, no rules, no
tracking: the floor of what any dialer on the same Asterisk could cost.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["BareResult", "place_calls"]

_END = b"\r\n\r\n"
_TIMEOUT = 60.0


@dataclass(slots=True)
class BareResult:
    """When each call was written and when Asterisk said how it went (monotonic seconds)."""

    written: list[float] = field(default_factory=list)
    responses: list[float] = field(default_factory=list)
    answered: int = 0
    failed: int = 0
    cpu_seconds: float = 0.0


def _login(user: str, secret: str) -> bytes:
    return f"Action: Login\r\nUsername: {user}\r\nSecret: {secret}\r\n\r\n".encode()


def _originate(number: str) -> bytes:
    return (
        f"Action: Originate\r\nActionID: {uuid.uuid4().hex}\r\n"
        f"Channel: PJSIP/{number}@lab\r\nContext: kairos-talk\r\nExten: stay\r\nPriority: 1\r\n"
        f"Timeout: 30000\r\nAsync: true\r\nChannelId: bare{uuid.uuid4().hex[:28]}\r\n\r\n"
    ).encode()


async def _listen(reader: asyncio.StreamReader, wanted: int, result: BareResult) -> None:
    async with asyncio.timeout(_TIMEOUT):
        while len(result.responses) < wanted:
            message = await reader.readuntil(_END)
            if message.startswith(b"Event: OriginateResponse"):
                result.responses.append(time.monotonic())
                if b"Response: Success" in message:
                    result.answered += 1
                else:
                    result.failed += 1


async def place_calls(
    host: str, port: int, user: str, secret: str, numbers: Sequence[str], rate: float
) -> BareResult:
    """Place one call to each number, ``rate`` a second, and wait for every response.

    Raises TimeoutError if Asterisk does not answer them all in a minute.
    """
    result = BareResult()
    reader, writer = await asyncio.open_connection(host, port, limit=1 << 20)
    try:
        await reader.readline()
        writer.write(_login(user, secret))
        await reader.readuntil(_END)
        start, cpu = time.monotonic(), time.process_time()
        async with asyncio.TaskGroup() as group:
            group.create_task(_listen(reader, len(numbers), result))
            for n, number in enumerate(numbers):
                await asyncio.sleep(max(0.0, start + n / rate - time.monotonic()))
                writer.write(_originate(number))
                result.written.append(time.monotonic())
        result.cpu_seconds = time.process_time() - cpu
    finally:
        writer.close()
    return result
