"""Run the simulated PBX as a process of its own: ``python -m adapters.lab.simpbx --help``."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Final

from adapters.lab.faults import Fault, FaultRates, Faults
from adapters.lab.numbers import suffix_world
from adapters.lab.practice import PracticeWorld
from adapters.lab.simpbx.pbx import SimulatedPbx
from adapters.lab.world import TableWorld, World

_VARIABLE: Final = "KAIROS_SIMPBX_SECRET"

_EPILOG: Final = f"""\
worlds:
  table             the published table: the last three digits say what happens
  practice          a few hundred people with habits, drawn from the seed
  FILE.toml         your own table, see adapters/lab/world.py

faults (chance per order or per event, e.g. --faults ack_lost=0.01,event_twice=0.05):
  {", ".join(Fault)}

When ready it prints one line of JSON: host, port, username, pid and the two
files. The secret is read from --secret-file or the variable {_VARIABLE}; with
neither, one is made and put into that line. SIGTERM stops it in good order
(calls end, clients hear Shutdown); SIGKILL is a power cut: start it again with
the same --port, --cel and --wire-log and it comes up without memory and with
another start time. SIGHUP restarts it in place, without memory.

example:
  python -m adapters.lab.simpbx --port 5038 --world practice --seed 7 \\
      --cel /tmp/cel.csv --wire-log /tmp/wire.jsonl --speed 10
"""


def main(argv: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; returns the exit status."""
    options = _parser().parse_args(argv)
    try:
        pbx = _build(options)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"simpbx: {error}\n")
        return 2
    try:
        asyncio.run(_serve(pbx, show_secret=not _given_secret(options)))
    except OSError as error:
        sys.stderr.write(f"simpbx: cannot listen on {pbx.host}:{pbx.port}: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m adapters.lab.simpbx",
        description="A simulated PBX that speaks AMI as Asterisk 22 was seen to.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=0, help="AMI port; 0: any free one (default)")
    add("--user", default="kairos", help="the gateway's user name (default: %(default)s)")
    add("--secret-file", type=Path, help="file whose first line is the user's secret")
    add("--world", default="table", help="table, practice or a TOML file (default: %(default)s)")
    add("--size", type=int, default=400, help="people in the practice world (default: 400)")
    add("--seed", type=int, default=1, help="draws the people and all chances (default: 1)")
    add("--cel", type=Path, help="CEL file to append to (default: in a new temporary folder)")
    add("--wire-log", type=Path, help="the far end's log to append to (default: likewise)")
    add("--speed", type=float, default=1.0, help="simulated seconds per second (default: 1)")
    add("--disorder", type=float, default=1.0, help="scales how answers overtake news; 0: never")
    add("--trunk", action="append", help="SIP trunk that exists (default: lab); may repeat")
    add("--faults", default="", help="chances, see below; default: none")
    add("--no-reasons", action="store_true", help="the far end hangs up without saying why")
    return parser


def _given_secret(options: argparse.Namespace) -> str:
    if options.secret_file is not None:
        first, _, _ = options.secret_file.read_text(encoding="utf-8").partition("\n")
        return str(first.strip())
    return os.environ.get(_VARIABLE, "")


def _build(options: argparse.Namespace) -> SimulatedPbx:
    if options.speed <= 0:
        raise ValueError(f"--speed must be above 0, not {options.speed}")
    folder = None
    if options.cel is None or options.wire_log is None:
        folder = Path(tempfile.mkdtemp(prefix="kairos-simpbx-"))
    return SimulatedPbx(
        _world(options),
        host=options.host,
        port=options.port,
        username=options.user,
        secret=_given_secret(options),
        endpoints=frozenset(options.trunk or ["lab"]),
        cel_file=options.cel or (folder and folder / "cel.csv"),
        wire_log=options.wire_log or (folder and folder / "wire.jsonl"),
        seed=options.seed,
        speed=options.speed,
        disorder=options.disorder,
        faults=Faults(FaultRates.parse(options.faults), seed=options.seed),
        gives_reasons=not options.no_reasons,
    )


def _world(options: argparse.Namespace) -> World:
    if options.world == "table":
        return suffix_world()
    if options.world == "practice":
        return PracticeWorld(seed=options.seed, size=options.size)
    return TableWorld.load(Path(options.world))


async def _serve(pbx: SimulatedPbx, *, show_secret: bool) -> None:
    loop = asyncio.get_running_loop()
    wanted: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(one, wanted.put_nowait, one)
    async with pbx:
        ready = {
            "host": pbx.host,
            "port": pbx.port,
            "username": pbx.username,
            "pid": os.getpid(),
            "cel": str(pbx.cel_file),
            "wire_log": str(pbx.wire_log),
        }
        if show_secret:
            ready["secret"] = pbx.secret
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        while await wanted.get() is signal.SIGHUP:
            await pbx.restart()
        await pbx.stop()


if __name__ == "__main__":
    sys.exit(main())
