"""Kairos as its users have it: a configuration in a folder, commands, and a serving process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from adapters.lab.process import Child

_KAIROS: Final = str(Path(sys.executable).with_name("kairos"))
_COMMAND_SECONDS: Final = 60.0
_LEAVE_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended, and what it printed."""

    code: int
    printed: str


class KairosProcess:
    """``kairos`` on the configuration ``settings``, everything in ``folder``."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.config = folder / "kairos.yaml"
        self.config.write_text(yaml.safe_dump(dict(settings), sort_keys=False))
        self._output = folder / "serve.log"
        self._output.touch()
        self._child = Child(
            "kairos serve", (_KAIROS, "serve", "--config", str(self.config)), self._output
        )

    async def serve(self) -> None:
        """Start serving; it is ready on return. Raises LabUnavailable if it does not start."""

        async def ready() -> bool:
            return self.logged("gateway.ready") != []

        await self._child.start(ready)

    async def stop(self) -> None:
        """Stop as a service manager does, and wait. Raises TimeoutError."""
        self._child.signal(signal.SIGTERM)
        await self._child.wait(_LEAVE_SECONDS)

    async def kill(self) -> None:
        """End it for certain; nothing if it does not run."""
        await self._child.kill()

    async def run(self, *command: str) -> Said:
        """Run a command to its end. Raises TimeoutError."""
        process = await asyncio.create_subprocess_exec(
            *(_KAIROS, *command, "--config", str(self.config)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(_COMMAND_SECONDS):
                printed, _ = await process.communicate()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return Said(process.returncode or 0, printed.decode())

    def logged(self, event: str = "", level: str = "") -> list[dict[str, Any]]:
        """Return what the service logged: these events, of this level; empty means any."""
        whole, _, _ = self._output.read_text(errors="replace").rpartition("\n")
        lines = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
        return [
            line
            for line in lines
            if event in {"", line.get("event")} and level in {"", line.get("level")}
        ]

    def last_words(self, lines: int = 15) -> str:
        """Return the last lines the service printed, for whoever looks into a failure."""
        return "\n".join(self._output.read_text(errors="replace").splitlines()[-lines:])
