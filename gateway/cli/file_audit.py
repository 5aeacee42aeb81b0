"""What a table of callbacks is worth: how many of its rows could be called, and why not the others.

Nothing is kept, and nobody is named: what is found is told by line numbers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from gateway.cli.data_root import Examiner
from gateway.cli.preparing import Job, requests_of
from gateway.domain.change import NewCallback
from gateway.domain.errors import BadInput

__all__ = ["ABOUT", "FileAudit", "Finding", "kind_of"]

_LINES: Final = 5


class Finding(StrEnum):
    """What can be wrong with a row."""

    INVALID_NUMBER = "invalid_number"
    NOT_ALLOWED = "not_allowed"
    MISSING_ZONE = "missing_zone"
    IMPOSSIBLE_TIME = "impossible_time"
    NEVER_CALLED = "never_called"
    OTHER = "other"
    DUPLICATE = "duplicate"
    DUPLICATE_OTHER_SPELLING = "duplicate_other_spelling"


ABOUT: Final = {
    Finding.INVALID_NUMBER: "number missing, unreadable or not existing",
    Finding.NOT_ALLOWED: "number of a country or kind that is not called",
    Finding.MISSING_ZONE: "time zone not known",
    Finding.IMPOSSIBLE_TIME: "a time that cannot be, or is over",
    Finding.NEVER_CALLED: "no allowed time before the deadline",
    Finding.OTHER: "something else that cannot be used",
    Finding.DUPLICATE: "same number as in an earlier row",
    Finding.DUPLICATE_OTHER_SPELLING: "same number, written in another way",
}


def kind_of(problem: BadInput) -> Finding:
    """Say what kind of mistake this is."""
    if problem.field == "number":
        refused = ("never called", "may not be called", "may be called here", "no country")
        if any(words in problem.problem for words in refused):
            return Finding.NOT_ALLOWED
        return Finding.INVALID_NUMBER
    if problem.field == "zone":
        return Finding.MISSING_ZONE
    if problem.field in {"deadline", "requested_at", "preferred"}:
        return Finding.IMPOSSIBLE_TIME
    return Finding.OTHER


@dataclass(slots=True)
class _Found:
    rows: int = 0
    lines: list[int] = field(default_factory=list)
    example: str = ""

    def add(self, line: int, example: str) -> None:
        self.rows += 1
        self.example = self.example or example
        if len(self.lines) < _LINES:
            self.lines.append(line)


@dataclass(slots=True)
class FileAudit:
    """The tally of one table. Duplicates also count among the usable rows.

    Each number is remembered by two integers, about 150 bytes a row.
    """

    rows: int = 0
    usable: int = 0
    found: dict[Finding, _Found] = field(default_factory=lambda: {one: _Found() for one in Finding})
    _seen: dict[int, int] = field(default_factory=dict)

    async def look(self, examiner: Examiner, job: Job) -> AsyncIterator[int]:
        """Look at every row; yields how many bytes are read."""
        for rows, done in job.batches():
            wanted, wrong = requests_of(job, rows, datetime.now(UTC))
            made = await examiner.prepare([request for _, request in wanted])
            for verdict in wrong:
                if isinstance(verdict.answer, BadInput):
                    self._bad(verdict.line, verdict.answer)
            for (row, request), one in zip(wanted, made, strict=True):
                if isinstance(one, BadInput):
                    self._bad(row.line, one)
                else:
                    self._good(row.line, one, request.numbers)
            self.rows += len(rows)
            yield done

    def _bad(self, line: int, problem: BadInput) -> None:
        self.found[kind_of(problem)].add(line, str(problem))

    def _good(self, line: int, entry: NewCallback, written: Sequence[str]) -> None:
        if entry.callback.closed_at is not None:
            self.found[Finding.NEVER_CALLED].add(line, entry.callback.state_reason)
            return
        self.usable += 1
        number, spelling = int(entry.contact.numbers[0].e164), hash(written[0])
        if number not in self._seen:
            self._seen[number] = spelling
            return
        same = self._seen[number] == spelling
        self.found[Finding.DUPLICATE if same else Finding.DUPLICATE_OTHER_SPELLING].add(line, "")

    def share(self, rows: int) -> float:
        """Return what share of all rows this is, 0 to 1."""
        return rows / self.rows if self.rows else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the machine's form."""
        return {
            "rows": self.rows,
            "usable": self.usable,
            "usable_share": round(self.share(self.usable), 6),
            "findings": {
                kind.value: {
                    "rows": one.rows,
                    "share": round(self.share(one.rows), 6),
                    "lines": one.lines,
                    "example": one.example,
                }
                for kind, one in self.found.items()
            },
        }
