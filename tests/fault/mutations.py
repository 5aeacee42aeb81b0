"""Which guards matter: turns them off one at a time and asks the auditor.

    python -m tests.fault.mutations [--kills 10] [NAME ...]

The first line is the gateway as it is, under the same faults, and must be green.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.fault.courses import gateway_killed, link_cut, pbx_killed
from tests.fault.mutants import MUTATIONS, Mutation, program
from tests.fault.runner import Course, Verdict
from tests.fault.switches import simulated

_UNTOUCHED: Final = "untouched"
_PEOPLE_A_FAULT: Final = 14


async def challenge(folder: Path, name: str, course_name: str, faults: int, seed: int) -> Verdict:
    """Run a mutant, or the gateway itself, through faults and audit it as it then stands.

    It is not given the time to finish: some mutants never would.
    """
    course = Course(
        people=40 + _PEOPLE_A_FAULT * faults, seed=seed, life=(0.3, 1.5), finish_within=0.0
    )
    takers = {"gateway killed": gateway_killed, "link cut": link_cut, "PBX killed": pbx_killed}
    return await takers[course_name](folder, simulated, course, faults, program(name))


def broken(verdict: Verdict) -> str:
    """List what the auditor found, by rule."""
    rules = Counter(f"{one['verdict']}: {one['rule']}" for one in verdict.report["findings"])
    return ", ".join(f"{rule} x{count}" for rule, count in sorted(rules.items())) or "nothing"


async def _all(wanted: Sequence[Mutation], faults: int, seed: int) -> int:
    """Challenge everyone in turn; the number of mutants that nobody noticed."""
    survivors = 0
    courses = sorted({one.course for one in wanted})
    rows = [(_UNTOUCHED, one) for one in courses] + [(one.name, one.course) for one in wanted]
    for name, course in rows:
        with tempfile.TemporaryDirectory(prefix="kairos-mutant-") as folder:
            verdict = await challenge(Path(folder), name, course, faults, seed)
        survivors += name != _UNTOUCHED and verdict.code == 0
        sent, doubt = verdict.report["legs_sent"], verdict.report["unresolved_share"]
        told = f"{course} {faults}x, {sent} legs, unresolved {doubt:.1%}"
        print(f"{name:<28}{told:<50}{broken(verdict)}", flush=True)
    return survivors


def main(arguments: Sequence[str]) -> int:
    """Run the command; its exit code is the number of mutants that nobody noticed."""
    parser = argparse.ArgumentParser(
        description="Turn guards off one at a time and ask the auditor.",
        epilog="\n".join(f"{one.name}: {one.about}" for one in MUTATIONS),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kills", type=int, default=10, help="faults for each (default: 10)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these mutants")
    options = parser.parse_args(list(arguments))
    wanted = [one for one in MUTATIONS if not options.names or one.name in options.names]
    return asyncio.run(_all(wanted, options.kills, options.seed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
