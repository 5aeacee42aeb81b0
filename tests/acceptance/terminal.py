"""Somebody who types at a terminal, and a PBX that is somebody else's."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import pexpect

KAIROS: Final = str(Path(sys.executable).with_name("kairos"))
_WITHIN: Final = 20
_COLOURS: Final = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """One command at a terminal of its own."""

    def __init__(self, folder: Path, *command: str, **environment: str) -> None:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("KAIROS_")}
        self._child = pexpect.spawn(
            KAIROS,
            list(command),
            cwd=str(folder),
            env={**inherited, "LANG": "C.UTF-8", "NO_COLOR": "1", "TERM": "xterm", **environment},
            timeout=_WITHIN,
            encoding="utf-8",
            dimensions=(50, 140),
        )
        self._seen = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._child.close(force=True)

    def sees(self, text: str) -> None:
        """Wait until this stands there."""
        self._child.expect_exact(text)
        self._seen += f"{self._child.before}{self._child.after}"

    def types(self, text: str = "") -> None:
        """Type a line."""
        self._child.sendline(text)

    def answers(self, question: str, text: str = "") -> None:
        """Wait for a question and answer it; nothing is Enter."""
        self.sees(question)
        self.types(text)

    def interrupts(self) -> None:
        """Press Ctrl-C."""
        self._child.sendintr()

    def ends(self) -> int:
        """Wait for the end; returns the exit code."""
        self._child.expect(pexpect.EOF)
        self._seen += str(self._child.before)
        self._child.close()
        assert "Traceback" not in self._seen, self._seen
        return int(self._child.exitstatus if self._child.exitstatus is not None else -1)

    @property
    def seen(self) -> str:
        """Everything that stood there, without colours, one space for many."""
        return " ".join(_COLOURS.sub("", self._seen).split())


@contextlib.contextmanager
def foreign_pbx(folder: Path, secret: str) -> Iterator[dict[str, Any]]:
    """Run a simulated PBX as a process of its own; yields its address."""
    kept = folder / "pbx-secret"
    kept.write_text(secret)
    process = subprocess.Popen(
        (sys.executable, "-m", "adapters.lab.simpbx", "--secret-file", str(kept)),
        cwd=Path(__file__).resolve().parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(_WITHIN)
        if process.stdout is not None:
            process.stdout.close()
