"""The life of a process: how it is asked to stop, how it ends, what it says when it cannot go on.

Exit codes are a promise to scripts; they are listed by ``kairos --help`` and in the documentation.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import tempfile
import termios
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from config.problems import ConfigError
from gateway.domain.errors import (
    BadInput,
    Conflict,
    DialError,
    KairosError,
    LoginRefused,
    NotFound,
    NotNow,
    StoreError,
    StoreLocked,
    StoreUnavailable,
)
from gateway.observability import redact_text

__all__ = ["Complaint", "ExitCode", "Failure", "complaint", "stop_signals", "write_traceback"]


class ExitCode(IntEnum):
    """How a command ended."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    DATABASE = 3
    LOGIN_REFUSED = 4
    BUSY = 5
    REJECTED = 6
    NO_PBX = 7
    INTERRUPTED = 130


EXIT_CODES: dict[ExitCode, str] = {
    ExitCode.OK: "all is well",
    ExitCode.UNEXPECTED: "something unexpected happened, or an audit or check found something",
    ExitCode.USAGE: "wrong usage, configuration or input; or it cannot be done in its state",
    ExitCode.DATABASE: "the database cannot be reached or cannot write",
    ExitCode.LOGIN_REFUSED: "no telephone system accepts our login, or one is not as it must be",
    ExitCode.BUSY: "another Kairos uses the same data directory",
    ExitCode.REJECTED: "some rows of an import were not taken; the rest was",
    ExitCode.NO_PBX: "the practice switch cannot be had",
    ExitCode.INTERRUPTED: "ended at once by a second Ctrl-C, or an import by the first",
}
"""What each exit code means, for help and documentation."""


class Failure(KairosError):
    """A command cannot be carried out, for a reason the user can do something about."""

    def __init__(self, problem: str, remedy: str = "", code: ExitCode = ExitCode.USAGE) -> None:
        super().__init__(problem)
        self.remedy = remedy
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """What to tell the user: the problem, what to do about it, and how the process ends.

    ``expected`` False: a defect, whose traceback is worth keeping.
    """

    problem: str
    remedy: str
    code: ExitCode
    expected: bool = True


_TRY_AGAIN = "What was started is in the database: start again to go on."


def complaint(error: BaseException) -> Complaint:
    """Find plain words for an error, whatever it is and however deeply it is wrapped."""
    found = _first(error)
    told = _known(found)
    if told is not None:
        problem, remedy, code = told
        return Complaint(problem=redact_text(problem), remedy=remedy, code=code)
    problem = f"Something unexpected happened: {type(found).__name__}: {found}"
    return Complaint(
        problem=redact_text(problem), remedy=_TRY_AGAIN, code=ExitCode.UNEXPECTED, expected=False
    )


def _known(error: BaseException) -> tuple[str, str, ExitCode] | None:
    """Return problem, remedy and exit code of an error that was foreseen."""
    match error:
        case Failure():
            return str(error), error.remedy, error.code
        case ConfigError():
            lines = ["The configuration cannot be used:", *(f"  {one}" for one in error.problems)]
            return "\n".join(lines), error.remedy, ExitCode.USAGE
        case KairosError():
            remedy, code = next(told for kind, told in _REMEDIES.items() if isinstance(error, kind))
            hints = _HINTS.items() if isinstance(error, StoreUnavailable) else ()
            remedy = next((hint for words, hint in hints if words in str(error)), remedy)
            return str(error), remedy, code
        case OSError() if error.errno in _DISK:
            return f"{_DISK[error.errno]}{_place(error)}.", "", ExitCode.UNEXPECTED
        case KeyboardInterrupt() | asyncio.CancelledError():
            return "Ended at once.", _TRY_AGAIN, ExitCode.INTERRUPTED
    return None


# What the store says in these words needs another remedy than a database that is down.
_HINTS = {
    "start the gateway": "",
    "there is no database file": "It is made by the first kairos serve or kairos import.",
    "cannot be used": "Check that the path is right and that you may write there.",
    "is too old": "",
}
_REMEDIES: dict[type[KairosError], tuple[str, ExitCode]] = {
    BadInput: ("", ExitCode.USAGE),
    NotNow: ("", ExitCode.USAGE),
    NotFound: ("", ExitCode.USAGE),
    Conflict: ("Somebody else changed it meanwhile: look at it and try again.", ExitCode.USAGE),
    LoginRefused: (
        "Compare username and secret with manager.conf there, its permit, read and write lines.",
        ExitCode.LOGIN_REFUSED,
    ),
    StoreLocked: ("Stop the other Kairos, or use another data_dir.", ExitCode.BUSY),
    StoreError: (
        "Check that the database is up and that its disk has room, then start again.",
        ExitCode.DATABASE,
    ),
    DialError: (_TRY_AGAIN, ExitCode.UNEXPECTED),
    KairosError: ("", ExitCode.UNEXPECTED),
}
# SIGHUP: the terminal was closed. What runs below us must not outlive us then either. Where there
# still is one, or never was, it asks a service to read its configuration again.
_STOPPERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_DISK = {
    errno.ENOSPC: "The disk is full",
    errno.EDQUOT: "The disk quota is used up",
    errno.EROFS: "The file system is read-only",
    errno.EACCES: "Access was denied",
    errno.EPERM: "Access was denied",
    errno.EMFILE: "Too many files are open (raise the limit with ulimit -n)",
    errno.EADDRINUSE: "The address is in use",
}


def _place(error: OSError) -> str:
    return f": {error.filename}" if error.filename else ""


def _first(error: BaseException) -> BaseException:
    """Take the most telling error out of a group: one we have words for, if there is one."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    inner = [_first(one) for one in error.exceptions]
    known = [one for one in inner if isinstance(one, KairosError | ConfigError | OSError)]
    return (known or inner)[0]


def write_traceback(error: BaseException, folder: Path | None = None) -> Path | None:
    """Keep the traceback for a bug report, masked, in a file only its owner can read.

    In ``folder`` if that works, else among the temporary files; None if neither does.
    """
    text = redact_text("".join(traceback.format_exception(error)))
    for place in (folder, Path(tempfile.gettempdir())):
        if place is None or not place.is_dir():
            continue
        try:
            handle, name = tempfile.mkstemp(prefix="kairos-error-", suffix=".log", dir=place)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
        except OSError:
            continue
        return Path(name)
    return None


@contextmanager
def stop_signals(
    stop: asyncio.Event,
    say: Callable[[str], None],
    patient: Callable[[], bool] = lambda: True,
    *,
    on_hangup: Callable[[], None] | None = None,
) -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP set ``stop``; a second one ends the surrounding task at once.

    So does the first while ``patient`` is not: nothing is under way yet that should end first.
    With ``on_hangup``, SIGHUP calls that instead, unless our terminal was closed.
    Inside a running loop's main thread only. ``say`` tells the user what was understood.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    terminals = [number for number in range(3) if _is_terminal(number)]

    def heard() -> None:
        if patient() and not stop.is_set():
            stop.set()
            say("Stopping: open calls may end first. Once more to leave at once.")
        elif task is not None:
            say("Leaving at once.")
            task.cancel()

    def hung_up() -> None:
        if on_hangup is None or not all(_is_terminal(number) for number in terminals):
            heard()
        elif not stop.is_set():
            on_hangup()

    for number in _STOPPERS:
        loop.add_signal_handler(number, hung_up if number is signal.SIGHUP else heard)
    try:
        yield
    finally:
        for number in _STOPPERS:
            loop.remove_signal_handler(number)


def _is_terminal(number: int) -> bool:
    """Tell whether a standard stream is a terminal that is still there."""
    try:
        termios.tcgetattr(number)
    except (OSError, termios.error):
        return False
    return True
