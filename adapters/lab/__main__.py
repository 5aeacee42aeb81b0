"""The lab from the command line: bring it up, only fetch it, or record it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TextIO

from adapters.lab.asterisk import AMD, BRIDGE, CONNECT, HOLD, QUEUE, TALK, AsteriskLab
from adapters.lab.errors import LabUnavailable
from adapters.lab.fetch import obtain
from adapters.lab.numbers import AGENTS, RANGES, SUFFIXES, suffix_world
from adapters.lab.practice import PracticeWorld
from adapters.lab.record import record
from adapters.lab.scenarios import SCENARIOS
from adapters.lab.world import TableWorld, World

_DESCRIPTION: Final = """\
A real Asterisk on loopback with simulated people at the other end.

  python -m adapters.lab                  bring the lab up, Ctrl-C ends it
  python -m adapters.lab fetch            only get Asterisk (once, about 90 MB)
  python -m adapters.lab record           record the AMI scenarios for the tests

Nothing is installed and no root is needed: Asterisk comes from PATH or, unpacked
into the user's cache folder, from the machine's own Debian package mirror."""
_PLACES: Final = (
    (f"{CONNECT},agent1", "the answered customer is put through to that agent"),
    (f"{AMD},agent1", "the same after answering machine detection; machines are hung up on"),
    (f"{QUEUE},support", "the answered customer goes to a queue (support, slow, away)"),
    (f"{HOLD},wait", "the answered agent waits on music"),
    (f"{BRIDGE},join", "the answered customer joins the channel in KAIROS_AGENT"),
    (f"{TALK},stay", "nobody to talk to, the line stays open"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status (0 good, 1 no lab, 2 wrong use)."""
    options = _parser().parse_args(argv)
    try:
        match options.command:
            case "fetch":
                _say(f"Asterisk {obtain(_say).version} is ready.")
            case "record":
                asyncio.run(_record(options))
            case _:
                asyncio.run(_up(options, _world(options.world)))
    except LabUnavailable as error:
        _say(f"The lab cannot run: {error.reason}.\n{error.remedy}.", sys.stderr)
        return 1
    except (OSError, ValueError) as error:
        _say(f"The lab cannot run: {error}", sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m adapters.lab",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--world",
        default="table",
        metavar="WORLD",
        help="who answers: 'table' (by the number's last three digits), 'practice' or "
        "'practice:SEED' (several hundred people with habits), or a TOML file",
    )
    parser.add_argument(
        "--far-end",
        choices=("people", "sipp"),
        default="people",
        help="'sipp' answers by the table only, for load (default: people)",
    )
    parser.add_argument("--run-dir", type=Path, help="work here and keep it (default: temporary)")
    commands = parser.add_subparsers(dest="command", title="commands", metavar="")
    commands.add_parser("up", help="bring the lab up in the foreground (the default)")
    commands.add_parser("fetch", help="only get Asterisk")
    recorder = commands.add_parser("record", help="record what Asterisk says, scenario by scenario")
    recorder.add_argument("--into", type=Path, default=Path("tests/replay/recordings"))
    recorder.add_argument("--runs", type=int, default=8, help="how often each is played")
    recorder.add_argument(
        "scenario", nargs="*", metavar="SCENARIO", help=f"of: {', '.join(SCENARIOS)} (default: all)"
    )
    return parser


def _world(name: str) -> World:
    kind, _, seed = name.partition(":")
    match kind:
        case "table":
            return suffix_world()
        case "practice":
            return PracticeWorld(seed=int(seed or 1))
        case _:
            return TableWorld.load(Path(name))


async def _record(options: argparse.Namespace) -> None:
    if unknown := set(options.scenario) - SCENARIOS.keys():
        raise ValueError(f"no such scenario: {', '.join(sorted(unknown))}")
    await record(options.into, only=options.scenario, runs=options.runs, say=_say)


async def _up(options: argparse.Namespace, world: World) -> None:
    obtain(_say)
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with AsteriskLab(world, far_end=options.far_end, run_dir=options.run_dir) as lab:
        _say(_sheet(lab, world))
        with contextlib.suppress(asyncio.CancelledError):
            await ended.wait()
        _say("\nThe lab is going down.")


def _sheet(lab: AsteriskLab, world: World) -> str:
    """Return all one has to know to use the lab."""
    ways = [
        ("AMI", f"{lab.ami_host}:{lab.ami_port}, user {lab.user}"),
        ("secret", f"in {lab.secret_file}"),
        ("configuration", str(lab.run_dir / "near" / "etc")),
        ("logs", str(lab.log_dir)),
        ("CEL", str(lab.cel_file)),
        ("calls at the far end", str(lab.wire_log)),
        ("dial", "customers PJSIP/<number>@lab, agents PJSIP/<agent>"),
    ]
    agents = _columns([(lines, what) for lines, what, _ in AGENTS])
    return (
        f"Asterisk {lab.installation.version.partition('+')[0]} is up.\n\n{_columns(ways)}\n\n"
        f"Where answered calls go (context,extension):\n{_columns(_PLACES)}\n\n"
        f"Agents:\n{agents}\n\n{_who(world)}\n\n"
        f"Kairos on it, in another terminal of this folder:\n{_kairos(lab, world)}\n\n"
        f"Or as if it were a PBX of your own, in an empty folder:\n{_as_own(lab)}\n\n"
        "Ctrl-C ends the lab."
    )


def _as_own(lab: AsteriskLab) -> str:
    """Return what to type to connect to it like to any PBX; numbers are those of the far end."""
    place, exten = "kairos-queue", "support"
    return (
        f"  {Path(sys.executable).with_name('kairos')} init --country GB \\\n"
        f"    --host {lab.ami_host} --port {lab.ami_port} --user {lab.user} \\\n"
        f"    --secret-file {lab.secret_file} \\\n"
        f"    --channel 'PJSIP/{{number}}@lab' --context {place} --exten {exten}"
    )


def _kairos(lab: AsteriskLab, world: World) -> str:
    """Return what to type to have some of these people called."""
    numbers = (
        [one.number for one in world.people[:5]]
        if isinstance(world, PracticeWorld)
        else [f"{RANGES[0].prefix}{last:0{RANGES[0].digits}d}" for last in (1, 451, 501, 851)]
    )
    calls = lab.run_dir / "calls.csv"
    kairos = Path(sys.executable).with_name("kairos")
    lines = (
        "export KAIROS_CONFIG=config/practice.yaml",
        f"export KAIROS_DATA_DIR={lab.run_dir / 'kairos'}",
        f"export KAIROS_CARRIERS__LAB__PORT={lab.ami_port}",
        f"export KAIROS_CARRIERS__LAB__SECRET=$(cat {lab.secret_file})",
        f"printf '%s\\n' number {' '.join(numbers)} > {calls}",
        f"{kairos} import {calls} && {kairos} serve",
    )
    return "\n".join(f"  {line}" for line in lines)


def _who(world: World) -> str:
    if isinstance(world, PracticeWorld):
        some = [(one.number, f"{one.habit}, {one.zone}") for one in world.people[:5]]
        return f"{len(world.people)} people with habits, such as:\n{_columns(some)}"
    if world != suffix_world():
        return "Numbers: as your file says."
    ranges = _columns([(f"{r.prefix}{'x' * r.digits}", r.place) for r in RANGES])
    rows = [(f"{s.first:03d}-{s.last:03d} {s.name}", s.expect) for s in SUFFIXES]
    return (
        f"Numbers by their last three digits, in each of these ranges:\n{ranges}\n\n"
        f"{_columns(rows)}"
    )


def _columns(rows: Sequence[tuple[str, str]]) -> str:
    width = max(len(left) for left, _ in rows)
    return "\n".join(f"  {left:<{width}}  {right}" for left, right in rows)


def _say(text: str, stream: TextIO | None = None) -> None:
    stream = stream or sys.stdout
    stream.write(text + "\n")
    stream.flush()


if __name__ == "__main__":
    sys.exit(main())
