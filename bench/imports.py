"""How quickly a large table comes in through the command, and how much memory that takes.

A table of invented numbers of four countries, some of them wrong, is imported by the real command
into an empty SQLite database on this disk, every batch durable before the next is told of. The
figures are those of the whole command, its start and its second process included.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

__all__ = ["import_speed"]

_CONFIG = """
profile: normal
data_dir: data
default_country: GB
numbers: {countries: [GB, DE, FI, FR]}
carriers:
  office:
    type: asterisk
    host: 127.0.0.1
    port: 9
    username: kairos
    secret: "0123456789abcdef0123456789abcdef"
    channel: PJSIP/{number}@trunk
    limits: {calls_per_second: 1, concurrent_calls: 1, burst: 1}
    routes:
      support: {context: kairos-support, exten: queue}
queues:
  support: {carriers: [office], route: support, deadline: 5d}
"""
_FORMS = ("+44 7400 {:06d}", "+49151{:08d}", "+35840{:07d}", "+336{:08d}")
_WRONG = 200  # one row in so many
_EVERY = 0.05


def _table(path: Path, rows: int) -> None:
    chance = random.Random(7)
    spans = [10 ** int(form.partition("{:0")[2].partition("d")[0]) for form in _FORMS]
    with path.open("w", encoding="utf-8") as file:
        file.write("Phone;Name;Queue;Reason;Preferred;Worth;Language\n")
        for n in range(rows):
            form = n % len(_FORMS)
            number = _FORMS[form].format(chance.randrange(spans[form]))
            wish = "mon-fri 09:00-12:00" if n % 3 == 0 else ""
            number = "12" if n % _WRONG == 7 else number  # noqa: PLR2004 -- anywhere
            file.write(f"{number};Jörg Nº {n};support;invoice {n % 999};{wish};{n % 90};de\n")


class _Watch(threading.Thread):
    """Adds up what a process and its children take, until they end."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self._process = process
        self.peaks: dict[int, int] = {}
        self.seen: list[int] = []

    def run(self) -> None:
        while self._process.is_running():
            try:
                every = [self._process, *self._process.children(recursive=True)]
                sizes = {one.pid: one.memory_info().rss for one in every}
            except psutil.Error:
                return
            for pid, size in sizes.items():
                self.peaks[pid] = max(size, self.peaks.get(pid, 0))
            self.seen.append(sum(sizes.values()))
            time.sleep(_EVERY)


def import_speed(rows: int) -> dict[str, Any]:
    """Import so many rows; returns rows per second, CPU time a row and memory."""
    with tempfile.TemporaryDirectory(prefix="kairos-bench-") as name:
        folder = Path(name)
        (folder / "kairos.yaml").write_text(_CONFIG, encoding="utf-8")
        _table(folder / "calls.csv", rows)
        before = os.times()
        started = time.perf_counter()
        command = [str(Path(sys.executable).with_name("kairos")), "import", "calls.csv", "--json"]
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE) as process:
            watch = _Watch(psutil.Process(process.pid))
            watch.start()
            output, _ = process.communicate()
        seconds = time.perf_counter() - started
        after = os.times()
        told = json.loads(output)
        assert told["rows"] == rows, told
        assert told["added"] > rows / 2, told
        size = sum(one.stat().st_size for one in (folder / "data").glob("kairos.db*"))
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    half = watch.seen[len(watch.seen) // 2 :]
    return {
        "rows": rows,
        "added": told["added"],
        "rejected": told["rejected"],
        "seconds": round(seconds, 1),
        "rows_per_s": round(rows / seconds),
        "cpu_us_a_row": round(cpu / rows * 1e6),
        "peak_rss_mb": round(max(watch.seen, default=0) / 1e6, 1),
        "growth_in_2nd_half_mb": round((max(half) - half[0]) / 1e6, 1) if half else 0.0,
        "database_mb": round(size / 1e6),
    }


if __name__ == "__main__":
    print(import_speed(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000))
