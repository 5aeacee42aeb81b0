"""The service as its clients meet it: how much it takes in, how soon it is there, who gets through.

The real command serves from SQLite with full durability, its API on this machine, its telephone
system out of reach so that nothing is dialed. Beside it a bare handler of the same web library
does the same insert into the same tables, without a key, a check, a number plan or a plan.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

from bench.figures import percentile

__all__ = ["intake", "slow_headers", "start_up"]

_CONFIG = """
profile: normal
data_dir: data
default_country: GB
carriers:
  office:
    type: asterisk
    host: 127.0.0.1
    port: 9
    username: kairos
    secret: "0123456789abcdef0123456789abcdef"
    channel: PJSIP/{number}@trunk
    limits: {calls_per_second: 1, concurrent_calls: 1, burst: 1}
    routes:
      support: {context: kairos-support, exten: queue}
queues:
  support: {carriers: [office], route: support, deadline: 5d}
api:
  port: 0
  max_connections: 2000
  max_connections_per_address: 2000
  rate_limit: {requests_per_second: 100000, burst: 1000000}
logging: {level: info, format: json}
"""
_KAIROS = str(Path(sys.executable).with_name("kairos"))
_LISTENS = re.compile(r"http://127\.0\.0\.1:(\d+)")
_KEY = re.compile(r"kai_[A-Za-z0-9]+_[A-Za-z0-9_-]+")
_HERE = Path(__file__).resolve().parent.parent
_CLIENTS = 32
_PATIENCE = 30.0
_SLOW = 500


@asynccontextmanager
async def _process(folder: Path, *command: str) -> AsyncIterator[tuple[int, str]]:
    """Run a server; yields its port and everything it printed until it listened."""
    log = Path(tempfile.gettempdir()) / f"kairos-bench-{time.monotonic_ns()}.log"
    with log.open("wb") as file:
        child = await asyncio.create_subprocess_exec(
            *command, stdout=file, stderr=file, stdin=asyncio.subprocess.DEVNULL, cwd=folder
        )
    try:
        async with asyncio.timeout(_PATIENCE):
            while not (found := _LISTENS.search(log.read_text())):
                if child.returncode is not None:
                    raise RuntimeError(f"it ended early:\n{log.read_text()}")
                await asyncio.sleep(0.01)
        yield int(found.group(1)), log.read_text()
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(child.wait(), _PATIENCE)
            except TimeoutError:
                child.kill()
                await child.wait()
        log.unlink()


@asynccontextmanager
async def _gateway(folder: Path) -> AsyncIterator[tuple[int, str]]:
    """Run the gateway in an empty folder; yields its port and an admin key."""
    config = folder / "kairos.yaml"
    config.write_text(_CONFIG, encoding="utf-8")
    config.chmod(0o600)
    child = await asyncio.create_subprocess_exec(
        *(_KAIROS, "keys", "create", "bench", "--scope", "write"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    printed, _ = await child.communicate()
    found = _KEY.search(printed.decode())
    assert found, printed
    async with _process(folder, _KAIROS, "serve", "--config", str(config)) as (port, _):
        yield port, found.group()


def _bodies() -> Iterator[bytes]:
    for n in count():
        number = f"+4479{n % 100_000_000:08d}"
        yield json.dumps({"number": number, "name": f"Client {n}", "reason": "a bill"}).encode()


def _request(path: str, key: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    lengths = [one for one in head.lower().split(b"\r\n") if one.startswith(b"content-length:")]
    return status, await reader.readexactly(int(lengths[0].partition(b":")[2]))


async def _load(port: int, path: str, key: str, seconds: float) -> dict[str, Any]:
    """Ask as fast as answers come, over 32 connections; returns rate and latency (ms)."""
    bodies, took, wrong = _bodies(), list[float](), 0
    ends = time.perf_counter() + seconds

    async def client() -> None:
        nonlocal wrong
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (began := time.perf_counter()) < ends:
            writer.write(_request(path, key, next(bodies)))
            status, _ = await asyncio.wait_for(_answer(reader), _PATIENCE)
            took.append(1000 * (time.perf_counter() - began))
            wrong += status != 201  # noqa: PLR2004 -- created
        writer.close()

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(_CLIENTS):
            group.create_task(client())
    assert wrong == 0, f"{wrong} of {len(took)} were refused"
    rate = len(took) / (time.perf_counter() - began)
    return {
        "requests": len(took),
        "per_s": round(rate),
        "p50_ms": round(percentile(took, 0.5), 1),
        "p99_ms": round(percentile(took, 0.99), 1),
    }


async def intake(seconds: float = 10.0, rounds: int = 3) -> dict[str, Any]:
    """Compare POST /v1/callbacks with the bare handler, taking turns; the ratio of medians."""
    rows: list[dict[str, Any]] = []
    rates: dict[str, list[float]] = {"gateway": [], "bare handler": []}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="kairos-bench-") as name:
            async with _gateway(Path(name)) as (port, key):
                told = await _load(port, "/v1/callbacks", key, seconds)
            rows.append({"server": "gateway", **told})
        with tempfile.TemporaryDirectory(prefix="kairos-bench-") as name:
            command = (sys.executable, "-m", "bench.bare_intake", name)
            async with _process(_HERE, *command) as (port, _):
                told = await _load(port, "/", "none", seconds)
            rows.append({"server": "bare handler", **told})
        for row in rows[-2:]:
            rates[row["server"]].append(row["per_s"])
    ratio = percentile(rates["gateway"], 0.5) / percentile(rates["bare handler"], 0.5)
    return {"rows": rows, "ratio": round(ratio, 3)}


async def start_up(rounds: int = 5) -> dict[str, Any]:
    """Measure the time from the command to the first good answer (s), on a database that exists."""
    times: list[float] = []
    with tempfile.TemporaryDirectory(prefix="kairos-bench-") as name:
        async with _gateway(Path(name)):
            pass
        for _ in range(rounds):
            began = time.perf_counter()
            command = (_KAIROS, "serve", "--config", str(Path(name) / "kairos.yaml"))
            async with _process(Path(name), *command) as (port, _):
                await _good(port)
                times.append(time.perf_counter() - began)
    return {
        "starts": rounds,
        "median_s": round(percentile(times, 0.5), 2),
        "worst_s": round(max(times), 2),
    }


async def _good(port: int) -> float:
    """Ask whether it lives, on a connection of its own; returns the time it took (ms)."""
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    status, _ = await asyncio.wait_for(_answer(reader), _PATIENCE)
    writer.close()
    assert status == 200, status  # noqa: PLR2004 -- well
    return 1000 * (time.perf_counter() - began)


async def slow_headers(seconds: float = 15.0) -> dict[str, Any]:
    """Let 500 clients send one header line a second and never end; good ones ask meanwhile."""
    with tempfile.TemporaryDirectory(prefix="kairos-bench-") as name:
        async with _gateway(Path(name)) as (port, _):
            slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(_SLOW)]
            took: list[float] = []
            ends = time.perf_counter() + seconds
            while time.perf_counter() < ends:
                for n, (_, writer) in enumerate(slow):
                    _drip(writer, n)
                for _ in range(10):
                    took.append(await _good(port))
                    await asyncio.sleep(0.1)
            closed = sum(writer.is_closing() for _, writer in slow)
            for _, writer in slow:
                writer.close()
    return {
        "slow_clients": _SLOW,
        "good_requests": len(took),
        "served": len(took),
        "p50_ms": round(percentile(took, 0.5), 1),
        "worst_ms": round(max(took), 1),
        "slow_ones_cut_off": closed,
        "after_s": seconds,
    }


def _drip(writer: asyncio.StreamWriter, n: int) -> None:
    if not writer.is_closing():
        writer.write(f"GET / HTTP/1.1\r\nX-{n}: 1\r\n".encode() if n % 7 == 0 else b"X-a: b\r\n")


if __name__ == "__main__":
    for part in (intake, start_up, slow_headers):
        print(json.dumps(asyncio.run(part()), indent=1))
