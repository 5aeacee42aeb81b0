"""The real command as a user types it, in a folder of its own."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

KAIROS = str(Path(sys.executable).with_name("kairos"))
_WITHIN = 50.0


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 -- whatever was printed
        """Its output as data."""
        return json.loads(self.out)


def settings(**changes: Any) -> dict[str, Any]:
    """Return a configuration whose switch is not there."""
    lab = {
        "type": "lab",
        "port": 9,
        "secret": "practice",
        "channel": "PJSIP/{number}@lab",
        "limits": {"calls_per_second": 50, "concurrent_calls": 50, "burst": 5},
        "routes": {"talk": {"context": "kairos-talk", "exten": "stay", "needs_agent": False}},
        "ring_timeout": 5,
        "ack_timeout": 2,
    }
    return {
        "profile": "practice",
        "data_dir": "data",
        "default_country": "GB",
        "numbers": {"countries": ["GB", "FR"]},
        "carriers": {"lab": {**lab, **changes.pop("lab", {})}},
        "queues": {"support": {"carriers": ["lab"], "route": "talk", "retry_rules": "practice"}},
        "dispatch": {"resolve_after": 10, "settle_seconds": 1, "drain_seconds": 2},
        **changes,
    }


class Place:
    """A folder with a configuration in it."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.configure(**changes)

    def configure(self, **changes: Any) -> None:
        """Write the configuration anew."""
        (self.folder / "kairos.yaml").write_text(yaml.safe_dump(settings(**changes)))

    def write(self, text: str, name: str = "calls.csv") -> Path:
        """Write a table to be imported."""
        path = self.folder / name
        path.write_text(text)
        return path

    def run(
        self,
        *command: str,
        environment: Mapping[str, str] | None = None,
        file_limit: int | None = None,
    ) -> Said:
        """Run a command to its end; ``file_limit``: no file can grow beyond so many bytes."""

        def limit() -> None:
            if file_limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))

        done = subprocess.run(
            (KAIROS, *command),
            cwd=self.folder,
            env={**os.environ, "COLUMNS": "140", **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_WITHIN,
            preexec_fn=limit,
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return Said(done.returncode, done.stdout, done.stderr)

    @contextlib.contextmanager
    def start(self, *command: str) -> Iterator[Running]:
        """Start a command and go on; it is gone afterwards."""
        output = self.folder / "output.log"
        with output.open("wb") as log:
            process = subprocess.Popen(
                (KAIROS, *command),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            yield Running(process, output)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(_WITHIN)


@dataclass(frozen=True, slots=True)
class Running:
    """A command that runs."""

    process: subprocess.Popen[bytes]
    output: Path

    def until_says(self, text: str) -> None:
        """Wait until it printed this."""
        until = time.monotonic() + _WITHIN
        while text not in self.said:
            assert self.process.poll() is None, f"it ended: {self.said}"
            assert time.monotonic() < until, f"never said {text!r}: {self.said}"
            time.sleep(0.05)

    @property
    def said(self) -> str:
        """Everything it printed."""
        return self.output.read_text(errors="replace")

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, and return its exit code."""
        self.process.send_signal(number)
        code = self.process.wait(_WITHIN)
        assert "Traceback" not in self.said, self.said
        return code
