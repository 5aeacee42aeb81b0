"""From rows of a table to callback requests, and from answers back to rows.

The same for every way in: through the running service, directly, and in the process that reads
large tables for an import.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from gateway.app.intake import CallbackRequest
from gateway.cli.csvfile import Row, Source
from gateway.cli.rows import request_of
from gateway.domain.change import Added
from gateway.domain.errors import BadInput

__all__ = ["Job", "Verdict", "in_order", "requests_of"]

_SHOWN: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A table to be read: from after line ``after`` on, so many rows at a time.

    ``salt`` makes its rows new ones although this very file was imported before. ``share``: of
    every so many batches (the second) only one (the first, from 0).
    """

    source: Source
    after: int = 0
    salt: str = ""
    batch: int = 500
    share: tuple[int, int] = (0, 1)

    def batches(self) -> Iterator[tuple[list[Row], int]]:
        """Yield rows, and how many bytes of the file are read by then."""
        mine, of = self.share
        n = 0
        batch: list[Row] = []
        done = 0
        for row, done in self.source.rows():
            if row.line <= self.after:
                continue
            batch.append(row)
            if len(batch) == self.batch:
                if n % of == mine:
                    yield batch, done
                n, batch = n + 1, []
        if batch and n % of == mine:
            yield batch, done

    def key(self, row: Row) -> str:
        """Name a row by what it says: the same row twice in a file is one request."""
        said = repr(sorted(row.fields.items())).encode()
        key = f"file:{self.source.digest[:_SHOWN]}:{sha256(said).hexdigest()[:_SHOWN]}"
        return f"{key}:{self.salt}" if self.salt else key


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the row that begins at ``line``. ``row`` is there where it was rejected."""

    line: int
    answer: Added | BadInput
    row: Row | None = None


def requests_of(
    job: Job, rows: Sequence[Row], now: datetime
) -> tuple[list[tuple[Row, CallbackRequest]], list[Verdict]]:
    """Read rows; returns those that can be asked for, and the verdicts on the others."""
    wanted: list[tuple[Row, CallbackRequest]] = []
    wrong: list[Verdict] = []
    for row in rows:
        try:
            if row.problem is not None:
                raise row.problem
            request = request_of(row.fields, now=now, source="file", default_key=job.key(row))
            wanted.append((row, request))
        except BadInput as told:
            wrong.append(Verdict(row.line, told, row))
    return wanted, wrong


def in_order(
    rows: Sequence[Row], answers: Sequence[Added | BadInput], wrong: Sequence[Verdict]
) -> list[Verdict]:
    """Put the answers to rows and the verdicts on others into the order of the table."""
    found = [
        Verdict(row.line, answer, row if isinstance(answer, BadInput) else None)
        for row, answer in zip(rows, answers, strict=True)
    ]
    return sorted([*found, *wrong], key=lambda one: one.line) if wrong else found
