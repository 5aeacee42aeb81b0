"""``kairos practice``: Kairos against a switch on this machine and people who do not exist."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from rich.live import Live
from rich.text import Text

from gateway.cli.console import note, out
from gateway.cli.live import Board
from gateway.cli.practice_folder import LOG_NAME, Folder
from gateway.cli.practice_people import requests_for
from gateway.cli.root import PracticePbx, Service
from gateway.cli.shell import PRACTICE_FOLDER, Shell, as_typed
from gateway.cli.summary import Tally, summary
from gateway.lifecycle import stop_signals
from gateway.observability import log_to_file

__all__ = ["Options", "Pbx", "practice"]

_BATCH = 100
_LOOK_EVERY = 0.2
_COUNT_EVERY = 1.0
_LINE_EVERY = 5.0
_FRAMES = 5


class Pbx(StrEnum):
    """Which switch to practise with."""

    REAL = "real"
    SIMULATED = "simulated"
    AUTO = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for."""

    folder: Path
    pbx: Pbx
    callbacks: int
    seed: int
    speed: float
    keep_serving: bool


def practice(shell: Shell, options: Options) -> None:
    """Prepare the folder, then call everybody and show how it goes."""
    with Folder.prepare(options.folder, options.callbacks, options.seed) as folder:
        shell.data_dir = folder.path
        board = Board()
        log_to_file(folder.path / LOG_NAME, listener=board.hear)
        asyncio.run(_Practice(shell, options, folder, board).run())


class _Practice:
    """One practice run."""

    def __init__(self, shell: Shell, options: Options, folder: Folder, board: Board) -> None:
        self._shell = shell
        self._options = options
        self._folder = folder
        self._board = board
        self._stop = asyncio.Event()
        self._serving = False
        self._live: Live | None = None

    async def run(self) -> None:
        """Start the switch, start the gateway, call everybody, tell how it went."""
        options, folder = self._options, self._folder
        with stop_signals(self._stop, self._say, lambda: self._serving):
            async with self._shell.root.practice_pbx(
                options.pbx.value,
                folder.path,
                seed=folder.seed,
                size=folder.callbacks,
                speed=options.speed,
                say=self._say,
            ) as pbx:
                await self._with(pbx)

    async def _with(self, pbx: PracticePbx) -> None:
        self._say(f"Practising with {pbx.about}.")
        hurry = pbx.kind == "real"
        self._folder.write_config(pbx.carrier, self._options.speed, hurry=hurry)
        settings = self._folder.checked(self._shell.root.settings(self._folder.config))
        async with self._shell.root.service(settings) as service:
            await self._fill(service)
            self._serving = True
            await self._call_everybody(service)
            tally = await Tally.of(service.reader)
            broken = len(await service.reader.audit(datetime.now(UTC)))
        self._conclude(tally, broken)

    async def _fill(self, service: Service) -> None:
        """Take everybody in; who is known already from an earlier start is merged."""
        root, folder = self._shell.root, self._folder
        people = root.practice_people(seed=folder.seed, size=folder.callbacks)
        requests = requests_for(people, folder.seed)
        known = sum((await service.reader.counts()).values())
        what = f"Going on with the {known}" if known else f"Taking in {len(requests)}"
        self._say(f"{what} callbacks (everything is kept in {_shown(folder.path)}).")
        for start in range(0, len(requests), _BATCH):
            await service.intake.take(requests[start : start + _BATCH])

    async def _call_everybody(self, service: Service) -> None:
        self._board.began = time.monotonic()
        with self._display():
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(self._watch(service), name="watch")
                await service.run(self._stop, lambda: None)
                watching.cancel()

    @contextmanager
    def _display(self) -> Iterator[None]:
        console = out()
        if not console.is_terminal or console.is_dumb_terminal:
            yield
            return
        with Live(self._board, console=console, refresh_per_second=_FRAMES) as self._live:
            yield
        self._live = None

    async def _watch(self, service: Service) -> None:
        """Keep the board up to date, and stop the gateway when everything is closed."""
        counted = told = 0.0
        while True:
            now = time.monotonic()
            self._board.look(list(service.gateway.registry), now)
            if now - counted >= _COUNT_EVERY:
                counted = now
                self._board.states = await service.reader.counts()
                if self._board.closed == self._board.total and not self._stop.is_set():
                    self._all_closed()
            if self._live is None and now - told >= _LINE_EVERY:
                told = now
                self._say(self._board.line())
            await asyncio.sleep(_LOOK_EVERY)

    def _all_closed(self) -> None:
        if not self._options.keep_serving:
            self._stop.set()
        elif not self._board.notice:
            self._board.notice = "All are closed. Serving on; Ctrl-C ends."
            self._say("All are closed. Serving on.")

    def _say(self, text: str) -> None:
        if self._live is None:
            note(text)
        else:
            self._board.notice = text

    def _conclude(self, tally: Tally, broken: int) -> None:
        console, kairos = out(), as_typed()
        console.print(summary(tally))
        if broken:
            console.print(Text(f"{broken} promises were broken: {kairos} audit", style="bold red"))
        else:
            held = f"Nobody was lost, nobody was called twice: audited over {tally.total}."
            console.print(Text(held, style="green"))
        where = "" if _is_default(self._folder) else f" --config {_shown(self._folder.config)}"
        if tally.open:
            command = " ".join([kairos, "practice", *_same(self._folder)])
            still = "1 is" if tally.open == 1 else f"{tally.open} are"
            console.print(f"\n{still} still open. To go on: {command}", soft_wrap=True)
        if tally.example:
            console.print(f"\nLook at one:  {kairos} show {tally.example}{where}", soft_wrap=True)
            console.print(f"See them all: {kairos} callbacks{where}", soft_wrap=True)
        sys.stdout.flush()


def _is_default(folder: Folder) -> bool:
    return folder.path == PRACTICE_FOLDER.absolute()


def _same(folder: Folder) -> list[str]:
    return [] if _is_default(folder) else [f"--data-dir {_shown(folder.path)}"]


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
