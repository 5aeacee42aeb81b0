"""What every command has at hand: the composition root, the configuration, a way to end."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import traceback
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from config.lastgood import find as last_good
from config.problems import ConfigError
from config.settings import Settings
from gateway.cli.console import complain, note
from gateway.cli.root import Root
from gateway.lifecycle import ExitCode, Failure, complaint, write_traceback
from gateway.observability import configure, redact_text

__all__ = ["CONFIG_NAME", "PRACTICE_FOLDER", "Shell", "as_typed"]

T = TypeVar("T")
PRACTICE_FOLDER = Path("kairos-practice")
"""Where ``kairos practice`` keeps everything, unless told otherwise."""
CONFIG_NAME = "kairos.yaml"


@dataclass(slots=True)
class Shell:
    """One run of one command. ``debug``: show tracebacks."""

    build_root: Callable[[], Root]
    debug: bool = False
    data_dir: Path | None = None

    @property
    def root(self) -> Root:
        """The composition root, loaded when it is needed."""
        return self.build_root()

    def settings(self, given: Path | None, *, practice_too: bool = True) -> Settings:
        """Read the configuration that was named, or the one that lies here.

        ``practice_too``: that of a practice folder here will do. Raises ConfigError, Failure.
        """
        settings = self.root.settings(self.find(given, practice_too=practice_too))
        self.data_dir = settings.data_dir
        return settings

    def settings_anyhow(self, given: Path | None) -> Settings:
        """Read the configuration, or what last worked where it cannot be used now.

        For what must never wait for a mistake to be mended: the panic button, and looking.
        """
        try:
            return self.settings(given)
        except ConfigError:
            kept = last_good(self.find(given))
            if kept is None:
                raise
            settings = self.settings(kept)
            note(
                "The configuration cannot be used now (kairos config check tells why); going by "
                f"what last worked: {kept}",
                "yellow",
            )
            return settings

    def find(self, given: Path | None, *, practice_too: bool = True) -> Path:
        """Return the configuration that was named, or the one that lies here. Raises Failure."""
        return given or _find(practice_too=practice_too)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run asynchronous work to its end. Errors are told by :meth:`fail`, not by the log."""
        configure(level="debug" if self.debug else "critical", style="console")
        return asyncio.run(work)

    def fail(self, error: BaseException) -> int:
        """Say what went wrong and return the exit code."""
        told = complaint(error)
        details = ""
        if self.debug:
            sys.stderr.write(redact_text("".join(traceback.format_exception(error))))
        elif not told.expected:
            kept = write_traceback(error, self.data_dir)
            details = f"Details for a bug report are in {kept}" if kept else ""
        complain(told, details=details)
        return int(told.code)


def as_typed() -> str:
    """Return what to type for ``kairos`` here, where it need not be on the search path."""
    program = Path(sys.argv[0])
    if program.name != "kairos" or shutil.which("kairos") == str(program.absolute()):
        return "kairos"
    with suppress(ValueError):
        return str(program.absolute().relative_to(Path.cwd()))
    return str(program.absolute())


def _find(*, practice_too: bool) -> Path:
    if named := os.environ.get("KAIROS_CONFIG"):
        return Path(named)
    here = Path(CONFIG_NAME)
    if here.is_file():
        return here
    practice = PRACTICE_FOLDER / CONFIG_NAME
    if practice_too and practice.is_file():
        note(f"(reading the practice data in {PRACTICE_FOLDER}; say --config FILE for another)")
        return practice
    raise Failure(
        "There is no configuration.",
        "kairos init makes one. If there is one elsewhere: --config FILE, or KAIROS_CONFIG. "
        "To try Kairos without any: kairos practice",
        ExitCode.USAGE,
    )
