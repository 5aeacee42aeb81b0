"""How Kairos tells what it does: structured logs without personal data.

One line for each thing that happened: JSON, or coloured text on a terminal. The standard library's
logging goes the same way. No code of ours logs a number or a secret on purpose; :func:`redact` is
the safety net below that, for text that comes from elsewhere.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Mapping, MutableMapping
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final, Literal, TextIO

import structlog

__all__ = ["configure", "log_to_file", "redact", "redact_text"]

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
    "aiosqlite",
    "alembic",
    "asyncio",
    "panoramisk",
    "sqlalchemy",
)
_FORMAT: Final = "%Y-%m-%d %H:%M:%S"


def redact_text(text: str) -> str:
    """Mask everything in a text that looks like a telephone number or a password in an address."""
    text = _URL_PASSWORD.sub(rf"\1:{_GONE}@", text)
    return _PHONE.sub(lambda found: f"…{found.group()[-2:]}", text)


def redact(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Mask numbers and secrets in a log event, whatever key they came under."""
    for key, value in event.items():
        if key not in {"timestamp", "level", "logger"}:
            event[key] = _clean(key, value, _DEEP)
    return event


def _clean(key: str, value: object, deep: int) -> object:
    name = key.lower()
    if any(word in name for word in _SECRET_KEYS) or (name in _PERSONAL_KEYS and value):
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
    handler: logging.Handler,
    level: str,
    style: Literal["json", "console"],
    *,
    colors: bool,
    listener: Listener | None,
) -> None:
    utc = style == "json"
    stamp = structlog.processors.TimeStamper(fmt="iso" if utc else _FORMAT, utc=utc)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        stamp,
    ]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact,
                _renderer(style, colors=colors),
            ],
        )
    )
    _replace_handlers([handler] if listener is None else [handler, _Teller(listener)], level)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _renderer(style: Literal["json", "console"], *, colors: bool) -> structlog.typing.Processor:
    if style == "json":
        return structlog.processors.JSONRenderer(default=str, ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=colors, sort_keys=False)


def _replace_handlers(handlers: list[logging.Handler], level: str) -> None:
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    for new in handlers:
        root.addHandler(new)
    root.setLevel(level.upper())
    # Libraries tell their own story in great detail; what matters of it, we say ourselves.
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


class _Teller(logging.Handler):
    """Shows every event, masked, to somebody who watches."""

    def __init__(self, listener: Listener) -> None:
        super().__init__()
        self._listener = listener

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on an event of ours; other libraries' lines are not events."""
        if isinstance(record.msg, dict):
            self._listener(redact(None, "", dict(record.msg)))


def _may_colour(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
