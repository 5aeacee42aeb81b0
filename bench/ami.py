"""AMI events per CPU-second: this adapter against stock panoramisk, on one replayed stream.

``python -m bench.ami`` prints the table. A server in a process of its own replays what a live
Asterisk was recorded to say; each client is a process of its own too, and its CPU time (user and
system) over the stream is what counts. Rounds are interleaved; the figures are medians.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from adapters.asterisk import AsteriskSettings, Secret
from adapters.asterisk.link import Link
from adapters.asterisk.translate import VARIABLES, WANTED, Translator
from adapters.asterisk.wire import Packet
from gateway.domain.pacing import Limits

RECORDINGS = Path(__file__).parents[1] / "tests" / "replay" / "recordings" / "full"
MESSAGES = 60_000
LAST = b"Event: FullyBooted\r\nStatus: done\r\n\r\n"


def stream(count: int) -> bytes:
    """Repeat the recorded events of an unfiltered session until there are ``count``."""
    rows = [
        json.loads(line)
        for path in sorted(RECORDINGS.glob("*.jsonl"))
        for line in path.read_text("utf-8").splitlines()[1:]
    ]
    events = [
        "\r\n".join(row["lines"]).encode() + b"\r\n\r\n"
        for row in rows
        if row["dir"] == "in"
        and row["lines"][0].startswith("Event: ")
        # The library takes a Shutdown for the end of the connection, and what looks like an
        # answer for one: neither has a place in this stream.
        and row["lines"][0] not in {"Event: Shutdown", "Event: FullyBooted"}
    ]
    return b"".join(itertools.islice(itertools.cycle(events), count)) + LAST


def serve(count: int) -> None:
    """Replay the stream to whoever logs in; prints the port."""
    data = stream(count)

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Asterisk Call Manager/9.0.0\r\n")
        login = (await reader.readuntil(b"\r\n\r\n")).decode()
        action_id = login.partition("ActionID: ")[2].partition("\r\n")[0]
        writer.write(f"Response: Success\r\nActionID: {action_id}\r\n\r\n".encode())
        writer.write(data)
        await writer.drain()
        with contextlib.suppress(ConnectionResetError):  # our own link ends so, on purpose
            await reader.read()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(session, "127.0.0.1", 0, limit=1 << 20)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    asyncio.run(main())


class _Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Count:
    """Counts events and knows when the last one came."""

    def __init__(self) -> None:
        self.events = 0
        self.ours = 0
        self.done = asyncio.Event()


def _link(
    port: int,
    wanted: frozenset[bytes],
    variables: tuple[bytes, ...],
    take: Callable[[Packet], None],
) -> Link:
    async def nothing() -> None:
        return

    return Link(
        AsteriskSettings(
            name="bench",
            host="127.0.0.1",
            port=port,
            username="kairos",
            secret=Secret("bench"),
            channel_template="PJSIP/{number}@trunk",
            routes={},
            limits=Limits(calls_per_second=1, concurrent_calls=1),
        ),
        clock=_Clock(),
        delays=lambda: [1.0],
        wanted=wanted,
        variables=variables,
        on_packet=take,
        prepare=nothing,
        on_up=lambda: None,
        on_down=lambda _: None,
        ready=nothing,
    )


async def _ours(
    port: int,
    take: Callable[[_Count, Packet], None],
    wanted: frozenset[bytes],
    variables: tuple[bytes, ...] = (),
) -> int:
    count = _Count()

    def on_packet(packet: Packet) -> None:
        if packet.is_event:
            take(count, packet)
            if packet.name == b"FullyBooted":
                count.done.set()

    link = _link(port, wanted, variables, on_packet)
    task = asyncio.create_task(link.run())
    await count.done.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return count.events


@cache
def _every_name() -> frozenset[bytes]:
    lines = stream(20_000).split(b"\r\n")
    return frozenset(line[7:] for line in lines if line.startswith(b"Event: "))


async def all_events(port: int) -> int:
    """Every event to our handler, which reads its name and Uniqueid, as stock does below."""

    def take(count: _Count, packet: Packet) -> None:
        if packet.name and packet.get(b"Uniqueid") is not None:
            count.events += 1

    return await _ours(port, take, _every_name())


async def all_headers(port: int) -> int:
    """Every event to our handler, which turns all its headers into a dict."""

    def take(count: _Count, packet: Packet) -> None:
        if dict(packet.pairs()):
            count.events += 1

    return await _ours(port, take, _every_name())


async def wanted_only(port: int) -> int:
    """What the gateway does: wanted names only, translated into news."""
    translator = Translator("kairos")
    now = datetime.now(UTC)

    def take(count: _Count, packet: Packet) -> None:
        count.events += 1
        count.ours += len(translator.handle(packet, now, 0.0))

    return await _ours(port, take, WANTED, VARIABLES)


async def stock(port: int) -> int:
    """Stock panoramisk with one callback for everything, which reads name and Uniqueid."""
    from panoramisk import Manager  # noqa: PLC0415 - only this client has it loaded by itself

    count = _Count()

    def take(_: Any, message: Any) -> None:  # noqa: ANN401 - untyped library
        if message.event and message.uniqueid is not None:
            count.events += 1
        if message.event == "FullyBooted":
            count.done.set()

    manager = Manager(
        host="127.0.0.1",
        port=port,
        username="kairos",
        secret="bench",  # noqa: S106 - of the server above
        loop=asyncio.get_running_loop(),
    )
    manager.register_event("*", take)
    manager.connect()
    await count.done.wait()
    manager.close()
    return count.events


CLIENTS: dict[str, Callable[[int], Awaitable[int]]] = {
    "stock": stock,
    "all_events": all_events,
    "all_headers": all_headers,
    "wanted_only": wanted_only,
}


def client(name: str, port: int) -> None:
    """Run one client; prints its CPU seconds and how many events reached the handler."""

    async def main() -> tuple[float, int]:
        before = time.process_time()
        seen = await CLIENTS[name](port)
        return time.process_time() - before, seen

    _every_name()  # read before the measurement begins
    print(json.dumps(asyncio.run(main())), flush=True)


def _rounds(rounds: int, count: int) -> Iterator[tuple[str, float, int]]:
    me = [sys.executable, "-m", "bench.ami"]
    server = subprocess.Popen([*me, "serve", str(count)], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        port = server.stdout.readline().strip()
        for _ in range(rounds):
            for name in CLIENTS:
                done = subprocess.run(
                    [*me, "client", name, port], stdout=subprocess.PIPE, check=True, timeout=300
                )
                cpu, seen = json.loads(done.stdout.splitlines()[-1])
                yield name, cpu, seen
    finally:
        server.kill()
        server.wait()


def run(messages: int = MESSAGES, rounds: int = 5) -> dict[str, Any]:
    """Measure; ``ratio`` is our events per CPU-second to stock's, every event delivered by both."""
    size = len(stream(messages)) / messages
    cpu: dict[str, list[float]] = {name: [] for name in CLIENTS}
    seen: dict[str, int] = {}
    for name, seconds, events in _rounds(rounds, messages):
        cpu[name].append(seconds)
        seen[name] = events
    for name in ("stock", "all_events", "all_headers"):
        assert seen[name] >= messages, f"{name} saw {seen[name]} of {messages}"
    rate = {name: (messages + 1) / statistics.median(values) for name, values in cpu.items()}
    rows = [
        {
            "client": name,
            "delivered": seen[name],
            "us_cpu_per_event": round(1e6 / rate[name], 2),
            "events_per_cpu_s": round(rate[name]),
            "times_stock": round(rate[name] / rate["stock"], 1),
        }
        for name in CLIENTS
    ]
    ratio = round(rate["all_events"] / rate["stock"], 1)
    return {"messages": messages, "bytes_each": round(size), "rows": rows, "ratio": ratio}


async def compare(*, messages: int = MESSAGES, rounds: int = 5) -> dict[str, Any]:
    """Do :func:`run` without holding up the loop."""
    return await asyncio.to_thread(run, messages, rounds)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", number]:
            serve(int(number))
        case ["client", which, where]:
            client(which, int(where))
        case _:
            print(json.dumps(run(), indent=2))
