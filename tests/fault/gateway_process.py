"""The gateway as its users have it: a process of its own, a configuration, and its commands."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from adapters.lab.process import Child
from tests.fault.population import AGENTS

MIN_GAP: Final = 3.0
"""Seconds between two calls to one person, as the law of these runs has it."""
SETTLE: Final = 1.0
QUEUES: Final = ("talk", "agents", "talk", "connect")
"""Which queue the n-th request goes to; half of them need nobody, a quarter calls agents first."""

_COMMAND_SECONDS: Final = 60.0
_LEAVE_SECONDS: Final = 30.0
_AGAIN: Final = {"delays": [MIN_GAP], "at_least": MIN_GAP}
_RESULTS: Final = (
    *("answered_machine", "abandoned", "agent_no_answer", "busy", "no_answer", "rejected"),
    *("invalid_number", "congestion", "failed", "canceled", "unresolved"),
)
_RULES: Final = {
    "sets": {
        "quick": {
            "max_attempts": 4,
            "min_gap": MIN_GAP,
            "jitter": 0,
            "after": {
                **dict.fromkeys(_RESULTS, _AGAIN),
                "not_sent": {"delays": [0.0, 0.2], "at_least": 0.0},
            },
        }
    }
}
_LAW: Final = {
    "countries": {
        "GB": {
            "hours": "always",
            "holidays": "as_usual",
            "caps": {"per_day": 1000, "per_week": 5000, "min_gap": MIN_GAP},
            "source": "invented for runs in which nobody is called",
        }
    }
}


class GatewayProcess:
    """``kairos`` over one data directory in ``folder``, dialing through the PBX at ``port``.

    ``program``: what to run instead of the installed command, with the same arguments.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        secret: str,
        cel: Path,
        rate: float,
        at_once: int,
        program: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.database = folder / "data" / "kairos.db"
        self.output = folder / "gateway.log"
        self.output.touch()
        self._config = folder / "kairos.yaml"
        self._program = tuple(program) or (str(Path(sys.executable).with_name("kairos")),)
        for name, content in (("rules", _RULES), ("law", _LAW)):
            _write(folder / f"{name}.yaml", content)
        _write(self._config, _settings(port, secret, cel, rate, at_once))
        self._child = Child(
            "the gateway", (*self._program, "serve", "--config", str(self._config)), self.output
        )

    @property
    def runs(self) -> bool:
        """Whether the process is there."""
        return self._child.pid is not None

    async def start(self) -> None:
        """Start it; it is not ready yet on return. Raises LabUnavailable if it cannot start."""

        async def started() -> bool:
            return True

        await self._child.start(started)

    async def kill(self) -> None:
        """End it as ``kill -9`` does."""
        await self._child.kill()

    async def stop(self) -> None:
        """Ask it to stop, as ``kill`` does, and wait until it has. Raises TimeoutError."""
        self._child.signal(signal.SIGTERM)
        await self._child.wait(_LEAVE_SECONDS)

    async def take_in(self, file: Path) -> bool:
        """Import a file; True if all of it was taken in."""
        return await self._command("import", str(file)) == 0

    async def audits_itself(self) -> bool:
        """Ask it whether it keeps its promises, as its own books have it."""
        return await self._command("audit") == 0

    async def _command(self, *arguments: str) -> int | None:
        with self.output.open("ab") as output:
            command = (*self._program, *arguments, "--config", str(self._config))
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output
            )
        try:
            async with asyncio.timeout(_COMMAND_SECONDS):
                return await process.wait()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    def last_words(self, lines: int = 15) -> str:
        """Return the last lines it printed, for whoever looks into a failure."""
        return "\n".join(self.output.read_text(errors="replace").splitlines()[-lines:])


def _write(path: Path, content: Any) -> None:  # noqa: ANN401 - whatever YAML can hold
    path.write_text(yaml.safe_dump(json.loads(json.dumps(content)), sort_keys=False))


def _settings(port: int, secret: str, cel: Path, rate: float, at_once: int) -> dict[str, Any]:
    queue = {"carriers": ["pbx"], "retry_rules": "quick", "deadline": "1h"}
    return {
        "data_dir": "data",
        "default_country": "GB",
        "default_queue": QUEUES[0],
        "countries_file": "law.yaml",
        "retry_rules_file": "rules.yaml",
        "carriers": {
            "pbx": {
                "type": "asterisk",
                "port": port,
                "secret": secret,
                "channel": "PJSIP/{number}@lab",
                "caller_id": "+442079460000",
                "limits": {"calls_per_second": rate, "concurrent_calls": at_once, "burst": 5},
                "routes": {
                    "talk": {"context": "kairos-talk", "exten": "stay", "needs_agent": False},
                    "connect": {"context": "kairos-connect", "exten": AGENTS[0]},
                    "hold": {"context": "kairos-hold", "exten": "wait", "needs_agent": False},
                    "bridge": {"context": "kairos-bridge", "exten": "join"},
                },
                "ring_timeout": 1.2,
                "ack_timeout": 2.0,
                "ping_interval": 2.0,
                "cel_file": str(cel),
            }
        },
        "queues": {
            "talk": {**queue, "route": "talk"},
            "connect": {**queue, "route": "connect"},
            "agents": {
                **queue,
                "mode": "agent_first",
                "agents": [f"PJSIP/{one}@lab" for one in AGENTS[1:]],
                "hold_route": "hold",
                "bridge_route": "bridge",
            },
        },
        "dispatch": {"resolve_after": 5.0, "settle_seconds": SETTLE, "drain_seconds": 5.0},
        "logging": {"level": "info", "format": "json"},
    }
