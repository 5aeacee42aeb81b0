"""One fault run: a PBX, a gateway process, people to call, faults, and the auditor's verdict."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from adapters.lab.world import TableWorld
from tests.fault.books import Books, last_sent, read_books
from tests.fault.gateway_process import QUEUES, GatewayProcess
from tests.fault.population import Population, invent, write_import
from tests.fault.proxy import Proxy
from tests.fault.switches import Switch

MakeSwitch = Callable[[Path, TableWorld, int], AbstractAsyncContextManager[Switch]]

KILL: Final = "kill -9 of the gateway"
KILL_AT_START: Final = "kill -9 while it starts"

_ROOT: Final = Path(__file__).resolve().parents[2]
_DIALS_WITHIN: Final = 30.0
_STARTS_FOR: Final = (0.5, 2.0)
_AIMS_FOR: Final = 0.5
_AUDIT_SECONDS: Final = 60.0
_NOTHING_OPEN: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How big a run is: people, calls a second, calls at once, seconds a gateway lives.

    ``finish_within``: seconds for everything to end; 0: it is not waited for. ``ask_twice``: some
    people have two callbacks, the second of which waits half a minute.
    """

    people: int
    rate: float = 25.0
    at_once: int = 100
    seed: int = 1
    life: tuple[float, float] = (0.1, 2.0)
    finish_within: float = 60.0
    ask_twice: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the auditor said: its exit code, its table, and its report as data.

    ``objection``: what ``kairos audit`` found against its own books, asked when all is finished.
    """

    code: int
    table: str
    report: dict[str, Any]
    objection: str


class Witness:
    """Counts the channels of ours that the PBX made, off its event log."""

    def __init__(self, cel: Path) -> None:
        self._cel = cel
        self._read = 0
        self._count = 0

    def count(self) -> int:
        """Return how many there were so far."""
        if self._cel.stat().st_size > self._read:
            with self._cel.open("rb") as file:
                file.seek(self._read)
                new, end, _ = file.read().rpartition(b"\n")
            self._read += len(new + end)
            self._count += sum(
                row.startswith(b'"CHAN_START"') and b'"kairos' in row for row in new.splitlines()
            )
        return self._count


class FaultRun:
    """The pieces of a run that is under way, and what can be done to them."""

    def __init__(
        self, folder: Path, course: Course, switch: Switch, proxy: Proxy, gateway: GatewayProcess
    ) -> None:
        self.course, self.switch, self.proxy, self.gateway = course, switch, proxy, gateway
        self.rng = random.Random(course.seed)
        self._folder = folder
        self._witness = Witness(switch.cel)
        self._kills = folder / "kills.jsonl"
        self._accepted = folder / "accepted.txt"
        for path in (self._kills, self._accepted):
            path.touch()

    async def take_in(self, population: Population, share: slice = slice(None)) -> bool:
        """Import a share of the people; what is accepted is noted for the auditor."""
        people = population.people[share]
        file = self._folder / f"import-{share.start or 0}.csv"
        write_import(people, file)
        taken = await self.gateway.take_in(file)
        if taken:
            with self._accepted.open("a") as accepted:
                accepted.writelines(f"{one.key}\n" for one in people)
        return taken

    async def start(self) -> None:
        """Start the gateway and wait until it dials. Raises TimeoutError."""
        began = time.time()
        await self.gateway.start()
        # Not the PBX: it may still carry out what the gateway before this one ordered.
        await self.until(lambda: last_sent(self.gateway.database) > began, _DIALS_WITHIN)

    async def dials_again(self) -> None:
        """Wait until the running gateway dials again. Raises TimeoutError."""
        now = time.time()
        await self.until(lambda: last_sent(self.gateway.database) > now, _DIALS_WITHIN)

    async def live(self) -> None:
        """Let the gateway dial for a while, more often briefly than for long.

        Every second time until just after one more order came to the PBX.
        """
        shortest, longest = self.course.life
        await asyncio.sleep(shortest + (longest - shortest) * self.rng.random() ** 3)
        if self.rng.random() < 0.5:
            before = self._witness.count()
            try:
                await self.until(lambda: self._witness.count() > before, _AIMS_FOR, 0.002)
            except TimeoutError:
                return

    async def kill_gateway(self) -> None:
        """End the gateway with SIGKILL."""
        at = time.time()
        await self.gateway.kill()
        self._note(at, KILL)

    async def kill_at_start(self) -> None:
        """Start the gateway and kill it before it may dial: it opens, resumes, logs in."""
        await self.gateway.start()
        await asyncio.sleep(self.rng.uniform(*_STARTS_FOR))
        at = time.time()
        await self.gateway.kill()
        self._note(at, KILL_AT_START)

    async def stop_gateway(self) -> None:
        """End the gateway with SIGTERM: it drains first."""
        self._note(time.time(), "SIGTERM to the gateway")
        await self.gateway.stop()

    async def restart_pbx(self, down: float) -> None:
        """Kill the PBX, leave it dead for some seconds, and start it again."""
        self._note(time.time(), "kill -9 of the PBX")
        await self.switch.kill()
        await asyncio.sleep(down)
        await self.switch.start()

    async def cut_link(self, silent: float = 0.0) -> None:
        """Break the AMI connection, after so many seconds in which nothing passes."""
        self._note(time.time(), "cut of the AMI link")
        if silent:
            self.proxy.hold()
            await asyncio.sleep(silent)
        self.proxy.cut()

    async def finish(self) -> None:
        """Let everything come to its end, then stop the gateway in good order."""
        if not self.gateway.runs:
            await self.gateway.start()
        closed = 0

        def over() -> bool:
            nonlocal closed
            if not self.gateway.runs:
                raise AssertionError(f"the gateway ended:\n{self.gateway.last_words()}")
            books = self.books()
            closed = sum(one.is_closed for one in books.callbacks.values())
            return closed == len(books.callbacks)

        try:
            await self.until(over, self.course.finish_within, _NOTHING_OPEN)
        except TimeoutError:
            print(f"only {closed} callbacks were closed in time", file=sys.stderr)
        await self.gateway.stop()

    def books(self) -> Books:
        """Read the database as it is now."""
        return read_books(self.gateway.database)

    def open_legs(self) -> dict[str, str]:
        """Return the state of every leg that is open now."""
        return {one.id: one.state for one in self.books().legs.values() if one.is_open}

    def _note(self, at: float, what: str) -> None:
        with self._kills.open("a") as kills:
            kills.write(json.dumps({"at": at, "what": what, "legs": self.open_legs()}) + "\n")

    async def until(self, holds: Callable[[], bool], within: float, every: float = 0.01) -> None:
        """Look until it holds. Raises TimeoutError, with the gateway's last words."""
        ends = time.monotonic() + within
        while not holds():
            if time.monotonic() > ends:
                raise TimeoutError(f"not within {within:g} s:\n{self.gateway.last_words()}")
            await asyncio.sleep(every)

    async def audit(self, *, finished: bool = True) -> Verdict:
        """Let the auditor look, as a process that knows nothing of this one."""
        report = self._folder / "report.json"
        given = {
            "database": self.gateway.database,
            "wire-log": self.switch.wire_log,
            "cel": self.switch.cel,
            "accepted": self._accepted,
            "kills": self._kills,
            "json": report,
        }
        options = [part for name, path in given.items() for part in (f"--{name}", str(path))]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.fault.auditor", *options),
            *(("--finished",) if finished else ()),
            cwd=_ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(_AUDIT_SECONDS):
            printed, _ = await process.communicate()
        if process.returncode not in {0, 1}:
            raise AssertionError("the auditor could not do its work; see its error above")
        agrees = not finished or await self.gateway.audits_itself()
        objection = "" if agrees else self.gateway.last_words()
        whole = json.loads(report.read_text())
        return Verdict(process.returncode, printed.decode(), whole, objection)


@asynccontextmanager
async def fault_run(
    folder: Path,
    course: Course,
    make_switch: MakeSwitch,
    *,
    program: Sequence[str] = (),
    share: int | None = None,
    proxied: bool = False,
) -> AsyncIterator[tuple[FaultRun, Population]]:
    """Have a run set up inside, people taken in and no gateway started; all ends with it.

    ``share``: so many people are taken in to begin with, by default everybody.
    ``proxied``: the gateway reaches the PBX over a stretch of cable that can be cut.
    """
    population = invent(course.people, QUEUES, course.seed, ask_twice=course.ask_twice)
    async with (
        make_switch(folder, population.world, course.seed) as switch,
        Proxy(switch.port) as proxy,
    ):
        gateway = GatewayProcess(
            folder,
            port=proxy.port if proxied else switch.port,
            secret=switch.secret,
            cel=switch.cel,
            rate=course.rate,
            at_once=course.at_once,
            program=program,
        )
        run = FaultRun(folder, course, switch, proxy, gateway)
        try:
            if not await run.take_in(population, slice(0, share)):
                raise AssertionError(f"the import failed:\n{gateway.last_words()}")
            yield run, population
        finally:
            await gateway.kill()
