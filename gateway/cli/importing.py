"""Bringing a file of callbacks in: row by row, each mistake told, the good ones kept."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from gateway.app.intake import CallbackRequest
from gateway.cli.csvfile import Row, Source
from gateway.cli.rejects import Rejects
from gateway.cli.root import Taker
from gateway.cli.rows import request_of
from gateway.domain.errors import BadInput

__all__ = ["Import", "Mistake"]

_BATCH: Final = 500
_MISTAKES_KEPT: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A row that was not taken: its line, and what is wrong. ``value`` is masked."""

    line: int
    problem: BadInput

    def as_json(self) -> dict[str, Any]:
        """Return the machine's form."""
        told = self.problem
        return {
            "row": self.line,
            "field": told.field,
            "value": told.value,
            "problem": told.problem,
            "remedy": told.remedy,
        }


@dataclass(slots=True, kw_only=True)
class Import:
    """One import of one file, and its tally as it goes.

    ``again``: take rows in even though this very file was imported before. The first hundred
    mistakes are kept here; all of them are in the side file.
    """

    source: Source
    again: bool = False
    added: int = 0
    merged: int = 0
    rejected: int = 0
    mistakes: list[Mistake] = field(default_factory=list)
    rejects: Rejects | None = None
    _salt: str = field(default_factory=lambda: secrets.token_hex(6))

    @property
    def rows(self) -> int:
        """How many rows were looked at."""
        return self.added + self.merged + self.rejected

    async def run(self, taker: Taker, progress: Callable[[int], None], *, keep: bool) -> None:
        """Take every row in; ``progress`` hears how many bytes are done.

        ``keep`` False (a dry run) writes no side file. Raises StoreUnavailable, and OSError when
        the side file cannot be written; what was taken in until then stays.
        """
        if keep:
            self.rejects = Rejects(self.source)
        try:
            for batch, done in self._batches():
                await self._take(taker, batch)
                progress(done)
        finally:
            if self.rejects is not None:
                self.rejects.close()

    def _batches(self) -> Iterator[tuple[list[Row], int]]:
        batch: list[Row] = []
        done = 0
        for row, done in self.source.rows():
            batch.append(row)
            if len(batch) == _BATCH:
                yield batch, done
                batch = []
        if batch:
            yield batch, done

    async def _take(self, taker: Taker, batch: list[Row]) -> None:
        now = datetime.now(UTC)
        wanted: list[tuple[Row, CallbackRequest]] = []
        wrong: list[tuple[Row, BadInput]] = []
        for row in batch:
            try:
                if row.problem is not None:
                    raise row.problem
                key = self._key(row)
                request = request_of(row.fields, now=now, source="file", default_key=key)
                wanted.append((row, request))
            except BadInput as told:
                wrong.append((row, told))
        answers = await taker.take([request for _, request in wanted]) if wanted else ()
        for (row, _), answer in zip(wanted, answers, strict=True):
            if isinstance(answer, BadInput):
                wrong.append((row, answer))
            elif answer.merged:
                self.merged += 1
            else:
                self.added += 1
        for row, problem in sorted(wrong, key=lambda one: one[0].line):
            self._reject(row, problem)
        if self.rejects is not None:
            self.rejects.flush()

    def _key(self, row: Row) -> str:
        """Name a row by what it says: the same row twice in a file is one request."""
        said = repr(sorted(row.fields.items())).encode()
        key = f"file:{self.source.digest[:32]}:{sha256(said).hexdigest()[:32]}"
        return f"{key}:{self._salt}" if self.again else key

    def _reject(self, row: Row, problem: BadInput) -> None:
        self.rejected += 1
        if len(self.mistakes) < _MISTAKES_KEPT:
            self.mistakes.append(Mistake(line=row.line, problem=problem))
        if self.rejects is not None:
            self.rejects.add(row, problem)
