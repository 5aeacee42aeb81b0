"""The process that reads a large table for an import: rows in, prepared callbacks out.

Reading and planning a row costs about as much as keeping it, so the two are done side by side. It
writes to its standard output as fast as it is read there, and ends with the process it works for.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import struct
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final

from adapters.sql.bulk import plain_of
from config.settings import Settings
from gateway.app.intake import Intake
from gateway.bootstrap.packing import pack, unpack
from gateway.cli.preparing import Job, requests_of
from gateway.domain.errors import BadInput
from gateway.lifecycle import ExitCode, Failure

__all__ = ["Prepared", "reader_process"]

Prepared = tuple[list[tuple[int, Any, Any]], int]
"""Rows and bytes read by then. A row is its line with what it was made into (Plain) and its fields,
or with what is wrong (BadInput) and the whole Row."""

_SIZE: Final = struct.Struct(">I")
_AHEAD: Final = 1 << 20
_ENDS_WITHIN: Final = 5.0
_ANSWERS_WITHIN: Final = 120.0
_GARBAGE: Final = (50_000, 5, 2)


@asynccontextmanager
async def reader_process(settings: Settings, job: Job) -> AsyncIterator[AsyncIterator[Prepared]]:
    """Start one and yield what it prepares; it is ended at the end of the block.

    Raises Failure, also while it is read, where the process ends before the table does.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", __name__),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(one for one in sys.path if one)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_AHEAD,
    )
    assert process.stdin is not None  # noqa: S101 -- asked for
    assert process.stdout is not None  # noqa: S101 -- asked for
    try:
        data = pack((settings, job))
        process.stdin.write(_SIZE.pack(len(data)) + data)
        yield _frames(process.stdout)
    finally:
        process.stdin.close()
        if process.returncode is None:
            process.kill()  # it keeps nothing
        async with asyncio.timeout(_ENDS_WITHIN):
            await process.wait()


async def _frames(stream: asyncio.StreamReader) -> AsyncIterator[Prepared]:
    try:
        while True:
            async with asyncio.timeout(_ANSWERS_WITHIN):
                (size,) = _SIZE.unpack(await stream.readexactly(_SIZE.size))
                if not size:
                    return
                data = await stream.readexactly(size)
            yield unpack(data)
    except (asyncio.IncompleteReadError, TimeoutError):
        raise Failure(
            "The process that reads the table has ended before its time.",
            "Import again: it goes on where it was.",
            ExitCode.UNEXPECTED,
        ) from None


class _Nowhere:
    """Stands where the store would: nothing is kept here."""


async def _prepare(intake: Intake, job: Job, out: BinaryIO) -> None:
    for rows, done in job.batches():
        wanted, wrong = requests_of(job, rows, datetime.now(UTC))
        made = await intake.prepare([request for _, request in wanted])
        found: list[tuple[int, Any, Any]] = [
            (row.line, one, row)
            if isinstance(one, BadInput)
            else (row.line, plain_of(one), row.fields)
            for (row, _), one in zip(wanted, made, strict=True)
        ]
        found += [(one.line, one.answer, one.row) for one in wrong]
        found.sort(key=lambda one: one[0])
        _write(out, pack((found, done)))
    _write(out, b"")


def _write(out: BinaryIO, data: bytes) -> None:
    out.write(_SIZE.pack(len(data)))
    out.write(data)
    out.flush()


def _read(source: BinaryIO) -> tuple[Settings, Job]:
    (size,) = _SIZE.unpack(source.read(_SIZE.size))
    told: tuple[Settings, Job] = unpack(source.read(size))
    return told


@contextmanager
def _own_output() -> Iterator[BinaryIO]:
    """Keep standard output for the frames, whatever else prints."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as out:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        yield out


def main(_arguments: Sequence[str] = ()) -> None:
    """Do the work this process is for."""
    from gateway.bootstrap.parts import build_intake  # noqa: PLC0415 -- only in that process
    from gateway.bootstrap.rules import build_rules_of  # noqa: PLC0415

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one it works for
    nowhere: Any = _Nowhere()
    with _own_output() as out:
        try:
            settings, job = _read(sys.stdin.buffer)
            intake = build_intake(settings, build_rules_of(settings), nowhere)
            gc.collect()
            gc.freeze()
            gc.set_threshold(*_GARBAGE)
            asyncio.run(_prepare(intake, job, out))
        except (BrokenPipeError, struct.error):
            os._exit(1)  # nobody reads any more, and nothing is kept here


if __name__ == "__main__":
    main()
