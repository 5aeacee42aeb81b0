"""Bringing a file of callbacks in: row by row, each mistake told, the good ones kept."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from gateway.cli.bookmark import Bookmark, Bookmarks
from gateway.cli.csvfile import Row, Source
from gateway.cli.preparing import Job, Verdict, in_order, requests_of
from gateway.cli.rejects import Rejects
from gateway.cli.root import Taker
from gateway.cli.sidefile import SideFile
from gateway.domain.errors import BadInput

__all__ = ["Import", "Mistake", "Side", "through"]

_MISTAKES_KEPT: Final = 100
_REPORT: Final = ("line", "result", "callback_id", "problem")


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
class Side:
    """What an import writes beside keeping rows."""

    rejects: Rejects
    report: SideFile | None
    bookmarks: Bookmarks

    def note(self, bookmark: Bookmark) -> None:
        """Have everything so far on disk, then say where we are. Raises OSError."""
        self.rejects.flush()
        bookmark.rejects = self.rejects.size
        if self.report is not None:
            self.report.flush()
            bookmark.report = self.report.size
        self.bookmarks.write(bookmark)

    def close(self) -> None:
        """Let go of the files."""
        self.rejects.close()
        if self.report is not None:
            self.report.close()


@dataclass(slots=True, kw_only=True)
class Import:
    """One import of one file, and its tally as it goes.

    ``again``: take rows in even though this very file was imported before. ``resumed``: the line
    after which it went on. The first hundred mistakes are kept here; all are in the side file.
    """

    source: Source
    again: bool = False
    at: Bookmark = field(default_factory=Bookmark)
    resumed: int = 0
    mistakes: list[Mistake] = field(default_factory=list)
    side: Side | None = None

    @property
    def rows(self) -> int:
        """How many rows were looked at."""
        return self.at.added + self.at.merged + self.at.rejected

    def keep_in(self, data_dir: Path, report: Path | None) -> None:
        """Go on where an earlier run ended, and write side files. Raises OSError."""
        bookmarks = Bookmarks(data_dir, self.source, again=self.again)
        self.at = bookmarks.read() or Bookmark()
        self.resumed = self.at.line
        if self.again and not self.at.salt:
            self.at.salt = secrets.token_hex(6)
        told = SideFile(report, _REPORT, size=self.at.report) if report else None
        rejects = Rejects(self.source, size=self.at.rejects)
        self.side = Side(rejects=rejects, report=told, bookmarks=bookmarks)

    def job(self, batch: int) -> Job:
        """Return what is still to be read."""
        return Job(source=self.source, after=self.at.line, salt=self.at.salt, batch=batch)

    async def run(
        self,
        verdicts: AsyncIterator[tuple[Sequence[Verdict], int]],
        progress: Callable[[int], None],
    ) -> None:
        """Follow every row; ``progress`` hears how many bytes are done.

        Raises StoreUnavailable, and OSError when a side file cannot be written; what was taken in
        until then stays.
        """
        try:
            async for found, done in verdicts:
                for verdict in found:
                    self._count(verdict)
                if found:
                    self.at.line = found[-1].line
                if self.side is not None:
                    self.side.note(self.at)
                progress(done)
        finally:
            if self.side is not None:
                self.side.close()
        if self.side is not None:
            self.side.bookmarks.remove()

    def _count(self, verdict: Verdict) -> None:
        answer = verdict.answer
        if isinstance(answer, BadInput):
            self._reject(verdict.line, verdict.row, answer)
            told: tuple[object, ...] = ("rejected", "", str(answer))
        elif answer.merged:
            self.at.merged += 1
            told = ("merged", answer.callback_id, "")
        else:
            self.at.added += 1
            told = ("created", answer.callback_id, "")
        if self.side is not None and self.side.report is not None:
            self.side.report.add((verdict.line, *told))

    def _reject(self, line: int, row: Row | None, problem: BadInput) -> None:
        self.at.rejected += 1
        if len(self.mistakes) < _MISTAKES_KEPT:
            self.mistakes.append(Mistake(line=line, problem=problem))
        if self.side is not None and row is not None:
            self.side.rejects.reject(row, problem)


async def through(taker: Taker, job: Job) -> AsyncIterator[tuple[Sequence[Verdict], int]]:
    """Hand a table to a taker, batch by batch; see :class:`gateway.cli.root.Loader`."""
    for rows, done in job.batches():
        wanted, wrong = requests_of(job, rows, datetime.now(UTC))
        answers = await taker.take([request for _, request in wanted]) if wanted else ()
        yield in_order([row for row, _ in wanted], answers, wrong), done
