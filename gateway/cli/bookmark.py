"""Where an import was, so that the same command goes on there after Ctrl-C, a crash or a power cut.

It is written after each batch that is durable. What was kept and not yet noted is met again and
merged, for every row has its own key: a bookmark saves time, it is not what keeps rows single.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from gateway.cli.csvfile import Source

__all__ = ["Bookmark", "Bookmarks", "forget_all"]

_FOLDER: Final = "imports"
_SHOWN: Final = 32


@dataclass(slots=True, kw_only=True)
class Bookmark:
    """The last line that is done, and the tally up to there. Holds nothing of what rows say.

    ``rejects`` and ``report`` are sizes of the side files in bytes.
    """

    line: int = 0
    added: int = 0
    merged: int = 0
    rejected: int = 0
    rejects: int = 0
    report: int = 0
    salt: str = ""


def forget_all(data_dir: Path) -> None:
    """Let every import begin anew: the rows that were done may not be there any more."""
    shutil.rmtree(data_dir / _FOLDER, ignore_errors=True)


class Bookmarks:
    """The bookmark of one table, read with these columns, in a data directory."""

    def __init__(self, data_dir: Path, source: Source, *, again: bool) -> None:
        kind = "again" if again else "once"
        self._path = data_dir / _FOLDER / f"{source.digest[:_SHOWN]}.{kind}.json"
        self._columns = list(source.columns)

    def read(self) -> Bookmark | None:
        """Return where this import was, None if it is a new one or cannot be told."""
        try:
            data: dict[str, Any] = json.loads(self._path.read_text("utf-8"))
            if data.pop("columns") != self._columns:
                return None
            return Bookmark(**data)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def write(self, bookmark: Bookmark) -> None:
        """Note where the import is. Raises OSError."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps({**asdict(bookmark), "columns": self._columns}), "utf-8")
        os.replace(beside, self._path)  # noqa: PTH105 -- said as what it is: atomic

    def remove(self) -> None:
        """Forget it: the table is done."""
        self._path.unlink(missing_ok=True)
