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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.problems import did_you_mean
from gateway.cli.columns import COLUMNS, ERROR_COLUMN, Columns, match, normal_name
from gateway.domain.errors import BadInput
from gateway.lifecycle import Failure

__all__ = ["Row", "Source", "open_source"]

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
    told: frozenset[int] = frozenset()
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
        fields: dict[str, str] = {}
        for column, cell in zip(self.columns, cells, strict=False):
            if column and (text := cell.strip()):
                fields[column] = f"{fields[column]}|{text}" if column in fields else text
        return Row(line=line, cells=tuple(cells), fields=fields, problem=problem)


_NOTHING: Final[Mapping[str, str]] = {}


def open_source(path: Path, told: Mapping[str, str] = _NOTHING) -> Source:
    """Look through a file once. Raises Failure with a plain sentence if it is no table.

    ``told``: what columns are, by their headings; the others are guessed.
    """
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
    columns = _checked_columns(path, header, told)
    unknown = tuple(
        f"{name.strip()} ({did_you_mean(normal_name(name), COLUMNS)})"
        for place, (name, column) in enumerate(zip(header, columns.names, strict=True))
        if not column
        and name.strip()
        and normal_name(name) != ERROR_COLUMN
        and place not in columns.told
    )
    return Source(
        path=path,
        size=size,
        encoding=encoding,
        separator=separator,
        digest=digest,
        heading=2 if said else 1,
        header=tuple(header),
        columns=columns.names,
        told=columns.told,
        unknown=unknown,
    )


def _checked_columns(path: Path, header: Sequence[str], told: Mapping[str, str]) -> Columns:
    """Return what each column is. Raises Failure without a number, or with two of a kind."""
    found = match(header, told)
    if "number" not in found.names:
        raise Failure(
            f"{path}: no column with telephone numbers; its first line {_said_of(header)}.",
            "The first line must name the columns, one of them 'number' (or 'phone'), "
            'or say which it is: --map "Heading=number".',
        )
    guessed = [one for place, one in enumerate(found.names) if one and place not in found.told]
    told_names = [one for place, one in enumerate(found.names) if one and place in found.told]
    twice = sorted({one for one in guessed if guessed.count(one) > 1})
    twice += sorted({one for one in told_names if told_names.count(one) > 1 and one != "number"})
    if twice:
        both = [header[at].strip()[:30] for at, one in enumerate(found.names) if one == twice[0]]
        raise Failure(
            f"{path}: two columns are read as {twice[0]!r}: {' and '.join(map(repr, both))}.",
            "Say which one it is, or leave the other out: "
            f'--map "{both[0]}={twice[0]}", --map "{both[-1]}=ignore". '
            "Several may be mapped to number, the preferred first.",
        )
    return found


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
