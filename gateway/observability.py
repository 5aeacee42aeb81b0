"""How Kairos tells what it does: structured logs without personal data.

One line for each thing that happened: JSON, or coloured text on a terminal. The standard library's
logging goes the same way. No code of ours logs a number or a secret on purpose; :func:`redact` is
the safety net below that, for text that comes from elsewhere.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import nullcontext
from functools import lru_cache
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final, Literal, TextIO

import structlog

__all__ = ["configure", "log_to_file", "redact", "redact_text", "set_level"]

EventDict = MutableMapping[str, Any]
Listener = Callable[[Mapping[str, Any]], None]

_FILE_BYTES: Final = 20_000_000
_FILES_KEPT: Final = 3
_DEEP: Final = 6
_GONE: Final = "***"
_SECRET_KEYS: Final = ("secret", "password", "passwd", "token", "authorization", "credential")
_PERSONAL_KEYS: Final = frozenset(
    {"number", "numbers", "phone", "target", "e164", "callee", "caller_id", "contact_name"}
)
# With a plus it is a number however it is grouped; without one, a long run of digits is taken for
# one, and so are groups that begin with a trunk zero. Dates, times, ids and addresses have other
# neighbours or other beginnings, and stay.
_PHONE: Final = re.compile(
    r"\+\d(?:[ ().-]{0,2}\d){5,16}"
    r"|(?<![\w.:/-])\d{7,15}(?![\w.:/-])"
    r"|(?<![\w.:/-])0\d{1,4}(?:[ -]\d{2,5}){1,4}(?![\w.:/-])"
)
_URL_PASSWORD: Final = re.compile(r"(?<=://)([^/\s:@]*):([^/\s]+)@")
_LIBRARIES: Final = (
    "aiohttp.access",
    "alembic",
    "asyncio",
    "panoramisk",
    "sqlalchemy",
)
_STAMPS: Final = frozenset({"timestamp", "level", "logger"})
# Made by Kairos or its administrator, never by people who call: not looked through in our events.
_OURS: Final = _STAMPS | {
    *("event", "callback_id", "attempt_id", "leg_id", "carrier", "attempt"),
    *("state", "role", "disposition"),
}
_FORMAT: Final = "%Y-%m-%d %H:%M:%S"


def redact_text(text: str) -> str:
    """Mask everything in a text that looks like a telephone number or a password in an address."""
    text = _URL_PASSWORD.sub(rf"\1:{_GONE}@", text)
    return _PHONE.sub(lambda found: f"…{found.group()[-2:]}", text)


def redact(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Mask numbers and secrets in a log event, whatever key they came under."""
    for key, value in event.items():
        if key not in _STAMPS:
            event[key] = _clean(key, value, _DEEP)
    return event


def _redact_ours(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Do the same to an event of ours, of which some keys are never written by people."""
    for key, value in event.items():
        if key not in _OURS:
            event[key] = _clean(key, value, _DEEP)
    return event


@lru_cache(maxsize=1024)
def _is_secret(key: str) -> bool:
    name = key.lower()
    return any(word in name for word in _SECRET_KEYS)


def _clean(key: str, value: object, deep: int) -> object:
    if _is_secret(key) or (value and key.lower() in _PERSONAL_KEYS):
        return _GONE
    if value is None or isinstance(value, bool | int | float):
        return value
    if deep and isinstance(value, Mapping):
        return {str(k): _clean(str(k), v, deep - 1) for k, v in value.items()}
    if deep and isinstance(value, list | tuple | set | frozenset):
        return [_clean(key, one, deep - 1) for one in value]
    return redact_text(str(value))


def configure(
    *,
    level: str = "info",
    style: Literal["json", "console"] | None = None,
    stream: TextIO | None = None,
    listener: Listener | None = None,
) -> None:
    """Set up logging for the whole process; may be called again, and then replaces what was.

    ``style`` None: coloured text where ``stream`` (default: standard error) is a terminal, else
    JSON. ``listener`` is shown every event after it was masked.
    """
    stream = stream if stream is not None else sys.stderr
    if style is None:
        style = "console" if stream.isatty() else "json"
    handler = logging.StreamHandler(stream)
    _install(handler, level, style, colors=_may_colour(stream), listener=listener)


def log_to_file(path: Path, *, level: str = "info", listener: Listener | None = None) -> None:
    """Send every log line, as JSON, to a file that only its owner can read.

    The file is turned over at 20 MB, and three old ones are kept.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
    handler = _PrivateFile(path, maxBytes=_FILE_BYTES, backupCount=_FILES_KEPT, encoding="utf-8")
    _install(handler, level, "json", colors=False, listener=listener)


class _PrivateFile(RotatingFileHandler):
    """A log file with the rights 0600, also after it was turned over.

    A full disk is no reason to stop calling: lines that cannot be written are dropped.
    """

    def _open(self) -> TextIOWrapper:
        stream = super()._open()
        os.fchmod(stream.fileno(), 0o600)
        return stream

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802 -- the library's name
        """Tell whether the file is long enough, without writing the line twice to find out."""
        return self.stream is not None and self.stream.tell() >= self.maxBytes

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 -- the library's name
        """Drop the line."""


def _install(
    handler: logging.StreamHandler[Any],
    level: str,
    style: Literal["json", "console"],
    *,
    colors: bool,
    listener: Listener | None,
) -> None:
    first = _first(utc=style == "json")
    renderer = _renderer(style, colors=colors)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*first, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact,
                renderer,
            ],
        )
    )
    _replace_handlers(handler, level)
    told = [] if listener is None else [_Teller(listener)]
    # Our own lines, several a call, go straight to the stream: the standard library's way there
    # costs three times as much.
    structlog.configure(
        processors=[
            *first,
            structlog.processors.format_exc_info,
            _redact_ours,
            *told,
            renderer,
        ],
        logger_factory=lambda *_: _Lines(handler),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )


def _first(*, utc: bool) -> list[structlog.typing.Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso" if utc else _FORMAT, utc=utc),
    ]


class _Lines:
    """Writes rendered lines to a handler's stream."""

    def __init__(self, handler: logging.StreamHandler[Any]) -> None:
        self._handler = handler

    def msg(self, line: str) -> None:
        """Write one line; what cannot be written is dropped, calling goes on."""
        handler = self._handler
        with handler.lock or nullcontext():
            try:
                if isinstance(handler, RotatingFileHandler) and handler.shouldRollover(_NO_RECORD):
                    handler.doRollover()
                handler.stream.write(line + handler.terminator)
                handler.stream.flush()
            except (OSError, ValueError):
                return

    debug = info = warning = error = critical = exception = msg


_NO_RECORD: Final = logging.makeLogRecord({})


_encode = json.JSONEncoder(default=str, ensure_ascii=False).encode


def _render_json(_logger: object, _method: str, event: EventDict) -> str:
    return _encode(event)


def _renderer(style: Literal["json", "console"], *, colors: bool) -> structlog.typing.Processor:
    if style == "json":
        return _render_json
    return structlog.dev.ConsoleRenderer(colors=colors, sort_keys=False)


def _replace_handlers(new: logging.Handler, level: str) -> None:
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(new)
    _quiet(level)


def set_level(level: str) -> None:
    """Tell more or less from now on; where the lines go stays as it is."""
    _quiet(level)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(level))


def _quiet(level: str) -> None:
    root = logging.getLogger()
    root.setLevel(level.upper())
    # Libraries tell their own story in great detail; what matters of it, we say ourselves.
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


class _Teller:
    """Shows every event, masked, to somebody who watches."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def __call__(self, _logger: object, _method: str, event: EventDict) -> EventDict:
        """Pass on an event of ours on its way to be written."""
        self._listener(dict(event))
        return event


def _may_colour(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
