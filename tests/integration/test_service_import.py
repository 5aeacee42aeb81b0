"""A file of callbacks as a user brings it in: with bad rows, twice, and while a service runs."""

import contextlib
import csv
import json
import socket
import sqlite3
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.service_command import Place

GOOD = """Phone;Name;Queue;Reason;Deadline;Preferred;Worth
+442079460123 | +441134960100;Ann Ahola;support;invoice;2d;mon-fri 09:00-12:00;12,50
020 7946 0124;Bo;;;4h;;
"""
BAD = """Phone,Name,Deadline,Preferred,Queue
+442079460125,Cy,2d,,
12,Dora Private,,,
+358401234567,Eve,,,
+442079460126,Fay,yesterday,,
+442079460127,Gus,,soonish,
+442079460128,Hal,,,sales
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_file_comes_in_once_and_its_bad_rows_come_back(place: Place) -> None:
    good = place.write(GOOD)
    first = place.run("import", str(good))
    assert first.code == 0, first
    assert "calls.csv: 2 rows, 2 added (written directly)" in first.out
    second = place.run("import", str(good), "--json")
    assert (second.json["added"], second.json["merged"]) == (0, 2)
    assert second.json["rejected_file"] is None

    bad = place.write(BAD, "bad.csv")
    dry = place.run("import", str(bad), "--dry-run", "--json")
    assert dry.code == 6
    assert dry.json["how"] == "checked only"
    assert not (place.folder / "bad.rejected.csv").exists()

    said = place.run("import", str(bad))
    assert said.code == 6
    assert "6 rows, 1 added, 5 rejected" in said.out
    assert "Row 3: number" in said.err
    assert "Row 5: deadline (yesterday): is no date and time; write it like" in said.err
    assert "Row 7: queue (sales): no such queue; known are: support" in said.err
    assert "Dora" not in said.err + said.out
    assert "0401234567" not in said.err.replace(" ", "")
    rejected = place.folder / "bad.rejected.csv"
    assert stat.S_IMODE(rejected.stat().st_mode) == 0o600
    assert len(rejected.read_text().splitlines()) == 6


def test_nobody_is_called_twice_for_a_row_that_is_there_twice(place: Place) -> None:
    row = "+442079460123,invoice\n"
    calls = place.write(f"number,reason\n{row}{row}+442079460123,delivery\n{row}")
    assert "4 rows, 1 added, 3 known already" in place.run("import", str(calls)).out
    again = place.run("import", str(calls), "--again", "--json").json
    assert (again["added"], again["merged"]) == (0, 4)


def test_a_report_says_what_became_of_every_row(place: Place) -> None:
    calls = place.write("number\n+442079460123\n12\n+442079460123\n")
    report = place.folder / "report.csv"
    said = place.run("import", str(calls), "--report", str(report))
    assert said.code == 6
    with report.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(one["line"], one["result"]) for one in rows] == [
        ("2", "created"),
        ("3", "rejected"),
        ("4", "merged"),
    ]
    assert rows[0]["callback_id"] == rows[2]["callback_id"] != ""
    assert "not a telephone number" in rows[1]["problem"] or "no such" in rows[1]["problem"]
    assert stat.S_IMODE(report.stat().st_mode) == 0o600


def test_columns_are_mapped_and_the_mapping_is_used_again(place: Place) -> None:
    calls = place.write("Fon;Wann;Farbe\n+442079460123;mon-fri 09:00-12:00;red\n")
    mapping = place.folder / "crm.yaml"
    told = ("--map", "Fon=number", "--map", "Wann=preferred", "--map", "Farbe=ignore")
    first = place.run("import", str(calls), *told, "--save-mapping", str(mapping), "--json")
    assert first.json["columns"] == {"Fon": "number", "Wann": "preferred", "Farbe": None}
    assert first.json["unknown_columns"] == []
    again = place.run("import", str(calls), "--mapping", str(mapping), "--json")
    assert again.json["merged"] == 1
    wrong = place.run("import", str(calls), "--map", "Fax=number")
    assert wrong.code == 2
    assert "There is no column 'Fax'" in wrong.err


def test_a_large_file_cut_short_goes_on_where_it_was(place: Place) -> None:
    many = "".join(f"+3319900{n // 10:04d},{'x' * 60},call {n}\n" for n in range(9000))
    calls = place.write(f"number,name,reason\n{many}")
    bookmarks = place.data / "imports"
    with place.start("import", str(calls), "--report", "report.csv") as running:
        until = time.monotonic() + 30
        while not (bookmarks.is_dir() and list(bookmarks.glob("*.json"))):
            assert time.monotonic() < until
            assert running.process.poll() is None, running.said
        running.process.kill()
        running.process.wait(30)
    rest = place.run("import", str(calls), "--report", "report.csv", "--json").json
    assert rest["resumed_after_line"] >= 2000
    assert rest["rows"] == 9000
    with (place.folder / "report.csv").open(newline="") as file:
        lines = [int(one["line"]) for one in csv.DictReader(file)]
    assert lines == list(range(2, 9002))
    assert not list(bookmarks.iterdir())
    with contextlib.closing(sqlite3.connect(place.data / "kairos.db")) as rows:
        assert rows.execute("SELECT count(*) FROM callback").fetchone() == (900,)


def test_a_table_is_looked_at_without_keeping_anything(place: Place) -> None:
    calls = place.write(
        "number,deadline,zone\n+442079460123,,\n020 7946 0123,,\n+442079460123,,\n12,,\n"
        "+358401234567,,\n+442079460124,yesterday,\n+442079460125,,Mars/Base\n"
    )
    said = place.run("audit-file", str(calls), "--json")
    assert said.code == 6
    found = {name: one["rows"] for name, one in said.json["findings"].items()}
    assert found == {
        "invalid_number": 1,
        "not_allowed": 1,
        "missing_zone": 1,
        "impossible_time": 1,
        "never_called": 0,
        "other": 0,
        "duplicate": 1,
        "duplicate_other_spelling": 1,
    }
    assert (said.json["rows"], said.json["usable"]) == (7, 3)
    assert not place.data.exists()
    assert "0123" not in place.run("import", str(calls), "--audit").out


def test_a_row_that_cannot_be_read_costs_only_itself(place: Place) -> None:
    calls = place.write('number,name\n+442079460123,"Ann\n+442079460124,Bo\n')
    said = place.run("import", str(calls))
    assert said.code == 6
    assert "2 rows, 1 added, 1 rejected" in said.out
    assert "Row 2: row: a quote is opened and never closed; close or remove it" in said.err
    again = place.run("import", "calls.rejected.csv", "--json").json
    assert (again["added"], again["rejected"]) == (0, 1)


def test_what_was_taken_in_can_be_listed_read_and_audited(place: Place) -> None:
    place.run("import", str(place.write(GOOD)))
    table = place.run("callbacks", "--state", "scheduled")
    assert table.out.count("SCHEDULED") == 2
    assert "\x1b" not in table.out
    page = place.run("callbacks", "--json", "--limit", "1").json
    callback = page["callbacks"][0]
    rest = place.run("callbacks", "--json", "--after", page["next"]).json["callbacks"]
    assert [callback["id"] > one["id"] for one in rest] == [True]
    wished = next(one for one in (callback, *rest) if one["preferred"])
    told = place.run("show", wished["id"])
    assert "Times are the contact's own, Europe/London" in told.out
    assert "mon,tue,wed,thu,fri 09:00-12:00" in told.out
    assert "Ann" not in told.out
    assert "+44207946" not in told.out
    shown = place.run("show", wished["id"], "--json", "--reveal").json
    assert shown["contact"]["name"] == "Ann Ahola"
    assert shown["contact"]["numbers"][0]["number"] == "+442079460123"
    assert shown["worth"] == 12.5
    with contextlib.closing(sqlite3.connect(place.data / "kairos.db")) as rows:
        rows.execute("UPDATE callback SET state = 'DIALING', due_at = NULL")
        rows.commit()
    audited = place.run("audit", "--json")
    assert audited.code == 1
    assert audited.json["ok"] is False
    assert len(audited.json["violations"]) >= 2


def test_a_running_service_takes_the_rows_and_tells_its_health(place: Place) -> None:
    with place.start("serve") as service:
        service.until_says("gateway.ready")
        said = place.run("import", str(place.write(BAD)), "--json")
        assert said.json["how"] == "through the running service"
        assert (said.json["added"], said.json["rejected"]) == (1, 5)
        many = "".join(f"+3319900{n:04d},x\n" for n in range(1200))
        large = place.run("import", str(place.write(f"number,reason\n{many}", "l.csv")), "--json")
        assert large.json["added"] == 1200
        path = place.data / "control.sock"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        status, health = ask(path, "GET", "/v1/health")
        assert status == 200
        assert [one["up"] for one in health["carriers"]] == [False]
        assert sum(health["callbacks"].values()) == 1201
        assert ask(path, "POST", "/v1/import", b"{")[0] == 400
        assert ask(path, "POST", "/v1/import", b"[]")[0] == 422
        too_many = json.dumps({"callbacks": [{}] * 501}).encode()
        assert ask(path, "POST", "/v1/import", too_many)[0] == 422
        assert ask(path, "POST", "/v1/import", b" " * 5_000_000)[0] == 413
        assert ask(path, "GET", "/nothing")[0] == 404
        assert service.end() == 0
    assert "20794601" not in service.said


def ask(path: Path, method: str, target: str, body: bytes = b"") -> tuple[int, dict[str, Any]]:
    """Send one request by hand, as curl does, and return status and answer."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(10)
        wire.connect(str(path))
        head = f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        head += "Content-Type: application/json\r\n"
        wire.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode())
        answer = b""
        with contextlib.suppress(OSError):  # it may be refused before it was read
            wire.sendall(body)
        with contextlib.suppress(OSError):
            while chunk := wire.recv(65536):
                answer += chunk
    first, _, rest = answer.partition(b"\r\n\r\n")
    found: dict[str, Any] = json.loads(rest or b"{}")
    return int(first.split()[1]), found
