"""Reading the files that spreadsheets write: any usual encoding, separator and column heading.

Nothing here knows what a row means; a row is a mapping from canonical column names to text.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.problems import did_you_mean
from gateway.domain.errors import BadInput
from gateway.lifecycle import Failure

__all__ = ["COLUMNS", "ERROR_COLUMN", "Row", "Source", "normal_name", "open_source"]

_ALIASES: Final = {
    "number": (
        "number numbers phone phones phone_number telephone telephone_number tel mobile cell "
        "msisdn e164 puhelin puhelinnumero numero telefon telefonnummer rufnummer handy"
    ),
    "name": "name contact contact_name full_name customer nimi asiakas kunde kundenname",
    "queue": "queue team jono warteschlange",
    "reason": "reason subject topic note notes comment syy aihe grund betreff",
    "deadline": "deadline due due_by call_before before until maaraaika frist",
    "requested_at": "requested_at requested request_time created created_at",
    "zone": "zone time_zone timezone tz aikavyohyke zeitzone",
    "country": "country country_code iso_country maa land",
    "subdivision": "subdivision state region province bundesland maakunta",
    "preferred": "preferred preferred_windows preferred_window preferred_times window windows "
    "best_time times suits toive wunschzeit",
    "worth": "worth value amount arvo wert",
    "language": "language lang kieli sprache",
    "industry": "industry branch toimiala branche",
    "segment": "segment",
    "idempotency_key": "idempotency_key key external_id reference ref id request_id",
}
COLUMNS: Final = tuple(_ALIASES)
"""The columns an import understands, by their canonical names."""

_CANONICAL: Final = {
    alias: column for column, aliases in _ALIASES.items() for alias in aliases.split()
}
ERROR_COLUMN: Final = "error"
"""What a side file adds: read over when it is imported again."""
_LETTERS: Final = str.maketrans("äöåü", "aoau")
_SEPARATORS: Final = ",;\t|"
_SAID_SEPARATOR: Final = re.compile(r'"?sep=([,;\t|])"?')
_LIKE_DATA: Final = re.compile(r"\d{4}|@")
_CHUNK: Final = 1 << 20
_LARGEST_FIELD: Final = 20_000
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: its number as an editor counts (the heading is 1), its cells, or what is wrong.

    ``cells`` as they stood, in the file's order; ``fields`` by canonical column name. ``raw`` is
    the whole line where it could not be taken apart.
    """

    line: int
    cells: tuple[str, ...]
    fields: dict[str, str]
    raw: str = ""
    problem: BadInput | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file that was looked through once: how it is written, and what names its content.

    ``heading`` is the line that names the columns, the first one is 1.
    """

    path: Path
    size: int
    encoding: str
    separator: str
    digest: str
    heading: int
    header: tuple[str, ...]
    columns: tuple[str, ...]
    unknown: tuple[str, ...]

    def rows(self) -> Iterator[tuple[Row, int]]:
        """Yield every row that is not empty, and how many bytes of the file are read by then."""
        csv.field_size_limit(_LARGEST_FIELD)
        with self.path.open("rb") as raw:
            text = io.TextIOWrapper(raw, encoding=self.encoding, errors="replace", newline="")
            lines = _Lines(text)
            for _ in range(self.heading):
                next(lines)
            reader = csv.reader(lines, delimiter=self.separator, strict=True)
            while True:
                line = lines.begin()
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    whole = lines.only_first()
                    problem = _csv_problem(error, whole)
                    yield (
                        Row(line=line, cells=(), fields={}, raw=whole, problem=problem),
                        raw.tell(),
                    )
                    reader = csv.reader(lines, delimiter=self.separator, strict=True)
                    continue
                if any(cell.strip() for cell in cells):
                    yield self._row(line, cells), raw.tell()

    def _row(self, line: int, cells: Sequence[str]) -> Row:
        extra = [cell for cell in cells[len(self.columns) :] if cell.strip()]
        problem = None
        if extra:
            text = f"{len(cells)} cells, but the heading has {len(self.columns)}"
            remedy = f"put quotes around a cell that holds {_spoken(self.separator)}"
            problem = BadInput("row", text, remedy=remedy)
        fields = {
            column: cell.strip()
            for column, cell in zip(self.columns, cells, strict=False)
            if column and cell.strip()
        }
        return Row(line=line, cells=tuple(cells), fields=fields, problem=problem)


def open_source(path: Path) -> Source:
    """Look through a file once. Raises Failure with a plain sentence if it is no table."""
    try:
        encoding, digest, size = _survey(path)
        with path.open(encoding=encoding, errors="replace", newline="") as text:
            first = text.readline(_LARGEST_FIELD)
            said = _SAID_SEPARATOR.fullmatch(first.strip())
            if said:
                first = text.readline(_LARGEST_FIELD)
            separator = said[1] if said else max(_SEPARATORS, key=_outside_quotes(first).count)
            header = next(csv.reader([first], delimiter=separator), [])
    except OSError as error:
        why = error.strerror or "unknown reason"
        raise Failure(
            f"{path}: cannot be read ({why}).", "Check the path and the rights."
        ) from None
    columns = _checked_columns(path, header)
    unknown = tuple(
        f"{name.strip()} ({did_you_mean(normal_name(name), COLUMNS)})"
        for name, column in zip(header, columns, strict=True)
        if not column and name.strip() and normal_name(name) != ERROR_COLUMN
    )
    return Source(
        path=path,
        size=size,
        encoding=encoding,
        separator=separator,
        digest=digest,
        heading=2 if said else 1,
        header=tuple(header),
        columns=columns,
        unknown=unknown,
    )


def _checked_columns(path: Path, header: Sequence[str]) -> tuple[str, ...]:
    """Return what each column is, "" where nobody knows. Raises Failure without a number."""
    columns = tuple(_column(name) for name in header)
    if "number" not in columns:
        raise Failure(
            f"{path}: no column with telephone numbers; its first line {_said_of(header)}.",
            "The first line must name the columns, one of them 'number' (or 'phone').",
        )
    twice = sorted({one for one in columns if one and columns.count(one) > 1})
    if twice:
        raise Failure(
            f"{path}: two columns are read as {twice[0]!r}.",
            "Rename or remove one of them; several numbers go into one cell, separated by '|'.",
        )
    return columns


def _said_of(header: Sequence[str]) -> str:
    """Tell what stands where the heading should be; a row of data may be personal."""
    if any(_LIKE_DATA.search(cell) for cell in header):
        return "looks like a row of data"
    shown = ", ".join(name.strip()[:30] or "(empty)" for name in header[:12])
    return f"holds: {shown or 'nothing'}"


def _survey(path: Path) -> tuple[str, str, int]:
    """Read the whole file in pieces: its encoding, a digest of its content, its size."""
    digest, size = hashlib.sha256(), 0
    utf8 = codecs.getincrementaldecoder("utf-8")()
    encoding, valid = "utf-8", True
    if not path.is_file():
        what = "is no file" if path.exists() else "no such file"
        raise Failure(f"{path}: {what}.", "Give the path of a CSV file.")
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            if size == 0:
                encoding = next((name for bom, name in _BOMS if chunk.startswith(bom)), "utf-8")
            digest.update(chunk)
            size += len(chunk)
            if encoding == "utf-8" and valid:
                _no_binary(path, chunk)
                valid = _decodes(utf8, chunk)
    if size == 0:
        raise Failure(f"{path}: is empty.", "The first line must name the columns.")
    return encoding if valid else "cp1252", digest.hexdigest(), size


def _no_binary(path: Path, chunk: bytes) -> None:
    if chunk.startswith(b"PK\x03\x04") or b"\0" in chunk[:4096]:
        raise Failure(f"{path}: is no text file.", "In the spreadsheet: save as CSV (UTF-8).")


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes) -> bool:
    try:
        decoder.decode(chunk)
    except UnicodeDecodeError:
        return False
    return True


def _outside_quotes(line: str) -> str:
    return re.sub(r'"[^"]*"', "", line)


def normal_name(name: str) -> str:
    """Return a heading the way it is compared: small letters, words joined by underscores."""
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower().translate(_LETTERS)).strip("_")


def _column(name: str) -> str:
    return _CANONICAL.get(normal_name(name), "")


def _spoken(separator: str) -> str:
    return {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}[separator]


def _csv_problem(error: csv.Error, line: str) -> BadInput:
    text = str(error)
    if len(line) > _LARGEST_FIELD:
        problem = f"a cell is longer than {_LARGEST_FIELD} characters"
        return BadInput("row", problem, remedy="shorten it")
    if "field larger" in text or "unexpected end" in text:
        return BadInput("row", "a quote is opened and never closed", remedy="close or remove it")
    return BadInput("row", f"is not written as a table row ({text})", remedy="mend its quotes")


class _Lines(Iterator[str]):
    """The lines of a file, of which those that one broken row swallowed can be read again."""

    def __init__(self, text: Iterator[str]) -> None:
        self._text = text
        self._again: deque[str] = deque()
        self._taken: list[str] = []
        self._count = 0

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._text)
        self._count += 1
        self._taken.append(line)
        return line

    def begin(self) -> int:
        """Begin a row; return the number of its first line."""
        self._taken.clear()
        return self._count + 1

    def only_first(self) -> str:
        """Return the row's first line; the others come again."""
        first, *others = self._taken
        self._again.extendleft(reversed(others))
        self._count -= len(others)
        return first.rstrip("\r\n")
