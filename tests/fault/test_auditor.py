"""The auditor's own test: every breach turns it red, and what is right leaves it green.

The database here is made of plain tables, so that the auditor is held to what it reads and to
nothing else.
"""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.fault.auditor import main
from tests.fault.books import read_books

START = 1_790_000_000.0
NUMBER = "+442079460123"
_TABLES = """
CREATE TABLE callback (id TEXT, idempotency_key TEXT, queue TEXT, state TEXT, due_at INT,
    closed_at INT);
CREATE TABLE attempt (id TEXT, callback_id TEXT, contact_id TEXT, n INT, number TEXT, min_gap REAL,
    placed_at INT, closed_at INT);
CREATE TABLE leg (id TEXT, attempt_id TEXT, callback_id TEXT, role TEXT, target TEXT, state TEXT,
    sending_at INT, disposition TEXT);
"""


class Scene:
    """One story, told on both sides; times are seconds since its start."""

    def __init__(self, folder: Path) -> None:
        self.database, self.wire = folder / "books.db", folder / "wire.jsonl"
        self.cel, self.accepted, self.kills = (
            folder / name for name in ("cel.csv", "accepted", "kills")
        )
        for path in (self.wire, self.cel, self.accepted, self.kills):
            path.touch()
        with closing(sqlite3.connect(self.database)) as rows:
            rows.executescript(_TABLES)

    def row(self, table: str, *values: object) -> None:
        with closing(sqlite3.connect(self.database)) as rows, rows:
            marks = ",".join("?" * len(values))
            rows.execute(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608 - our words

    def callback(self, state: str = "DONE", due: float | None = None, name: str = "c1") -> None:
        closed = None if state in {"SCHEDULED", "DIALING"} else _micros(90)
        self.row("callback", name, f"key-{name}", "q", state, _micros(due), closed)
        with self.accepted.open("a") as accepted:
            accepted.write(f"key-{name}\n")

    def attempt(
        self,
        n: int = 1,
        *,
        at: float = 1.0,
        state: str = "ENDED",
        said: str | None = "answered_human",
        legs: int = 1,
        number: str = NUMBER,
        callback: str = "c1",
    ) -> None:
        """Write an attempt with its customer legs, ``k-<callback>-<n>-<leg>``."""
        closed = None if state in {"RESERVED", "SENDING", "RINGING", "ANSWERED"} else at + 9
        name = f"{callback}-{n}"
        placed, over = _micros(at), _micros(closed)
        self.row("attempt", name, callback, f"p-{number}", n, number, 10.0, placed, over)
        for leg in range(legs):
            sent = None if state in {"RESERVED", "RELEASED"} else _micros(at)
            row = (name, callback, "customer", number, state, sent, said)
            self.row("leg", f"k-{name}-{leg}", *row)

    def call(
        self,
        channel: str = "k-c1-1-0",
        at: float = 1.0,
        *,
        answer: str = "human",
        seconds: float | None = 5.0,
        talks: bool = True,
        number: str = NUMBER,
    ) -> None:
        """Write a call that reached the far end, on the PBX's side only."""
        self.log("originate", at, channel, number=number)
        self.log("placed", at, channel, number=number, answer=answer)
        if answer == "human" and talks:
            self.row_of_cel("ANSWER", at + 0.2, channel)
            for who, when in (("agent", at + 0.3), (channel, at + 0.31)):
                self.row_of_cel("BRIDGE_ENTER", when, who, bridge_id=f"b-{channel}")
        if seconds is not None:
            answered, by = answer == "human", "far" if answer == "human" else "refused"
            self.log("ended", at + seconds, channel, number=number, answered=answered, by=by)

    def log(self, what: str, at: float, channel: str, **more: Any) -> None:
        when = datetime.fromtimestamp(START + at, UTC).isoformat()
        with self.wire.open("a") as wire:
            wire.write(json.dumps({"what": what, "at": when, "channel_id": channel, **more}) + "\n")

    def row_of_cel(self, kind: str, at: float, channel: str, **extra: Any) -> None:
        more = json.dumps(extra).replace('"', '""') if extra else ""
        fields = (kind, f"{START + at:.6f}", channel, channel, "PJSIP/x", "kairos-connect", "s", "")
        with self.cel.open("a") as cel:
            cel.write(",".join(f'"{one}"' for one in (*fields, more)) + "\n")

    def verdict(self) -> dict[str, Any]:
        """Run the auditor; its report, with the rules that were broken as ``rules``."""
        paths = ("database", "wire", "cel", "accepted", "kills")
        options = ("--database", "--wire-log", "--cel", "--accepted", "--kills")
        given = [
            part
            for option, name in zip(options, paths, strict=True)
            for part in (option, str(getattr(self, name)))
        ]
        written = self.database.with_suffix(".json")
        code = main([*given, "--finished", "--prefix", "k-", "--json", str(written)])
        report: dict[str, Any] = json.loads(written.read_text())
        report["rules"] = sorted(one["rule"] for one in report["findings"])
        assert code == bool(report["rules"])
        return report


def _micros(at: float | None) -> int | None:
    return None if at is None else int((START + at) * 1_000_000)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_a_callback_that_was_made_is_green(scene: Scene) -> None:
    scene.callback()
    scene.attempt(1, said="busy")
    scene.call(answer="busy", seconds=0.2)
    scene.attempt(2, at=30.0)
    scene.call("k-c1-2-0", 30.0)
    report = scene.verdict()
    assert report["rules"] == []
    assert (report["legs_sent"], report["calls_at_pbx"], report["judged"]) == (2, 2, 2)
    assert report["wrong"] == {}


def test_what_was_accepted_and_is_not_there_is_lost(scene: Scene) -> None:
    scene.accepted.write_text("key-gone\n")
    report = scene.verdict()
    assert (report["lost"], report["rules"]) == (1, ["accepted, not kept"])


@pytest.mark.parametrize(
    ("state", "due", "leg"),
    [
        ("SCHEDULED", None, ""),
        ("SCHEDULED", 100.0, ""),
        ("SCHEDULED", 1e12, "RINGING"),
        ("DIALING", None, ""),
        ("DIALING", None, "ENDED"),
        ("DIALING", None, "RINGING"),
        ("DONE", None, "RINGING"),
    ],
)
def test_a_callback_nobody_will_ever_look_at_is_lost(
    scene: Scene, state: str, due: float | None, leg: str
) -> None:
    scene.callback(state, due if due != 1e12 else 10_000_000_000.0)
    if leg:
        scene.attempt(state=leg, said=None)
        scene.call()
    report = scene.verdict()
    assert (report["lost"], report["twice"]) == (1, 0)


def test_an_attempt_without_open_legs_is_lost(scene: Scene) -> None:
    scene.callback("DIALING")
    scene.row("attempt", "c1-1", "c1", "p", 1, NUMBER, 10.0, None, None)
    assert scene.verdict()["rules"] == ["forgotten"]


def test_a_leg_that_came_to_the_pbx_again_is_red(scene: Scene) -> None:
    scene.callback()
    scene.attempt()
    scene.call(seconds=None)
    scene.log("originate", 3.0, "k-c1-1-0", number=NUMBER)
    scene.log("ended", 6.0, "k-c1-1-0", number=NUMBER, answered=True, by="far")
    assert scene.verdict()["rules"] == ["one leg, sent again"]


def test_two_calls_in_one_attempt_are_red(scene: Scene) -> None:
    scene.callback()
    scene.attempt(legs=2, said="congestion")
    scene.call("k-c1-1-0", 1.0, answer="congestion", seconds=0.1)
    scene.call("k-c1-1-1", 20.0, answer="congestion", seconds=0.1)
    assert scene.verdict()["rules"] == ["one attempt, two calls"]


@pytest.mark.parametrize("state", ["RESERVED", "RELEASED", "NOT_PLACED"])
def test_a_call_the_books_deny_is_red(scene: Scene, state: str) -> None:
    scene.callback("DIALING" if state == "RESERVED" else "EXHAUSTED")
    scene.attempt(state=state, said=None)
    scene.call()
    assert "denied call" in scene.verdict()["rules"]


def test_an_order_that_was_refused_was_no_call(scene: Scene) -> None:
    scene.callback("EXHAUSTED")
    scene.attempt(state="NOT_PLACED", said="failed")
    scene.log("originate", 1.0, "k-c1-1-0", number=NUMBER)
    assert scene.verdict()["rules"] == []


@pytest.mark.parametrize("channel", ["k-nobody-knows", "1790000000.7", ""])
def test_a_call_the_books_do_not_know_is_red(scene: Scene, channel: str) -> None:
    scene.call(channel)
    assert scene.verdict()["rules"] == ["unknown call"]


def test_calls_sooner_than_the_gap_are_red_unless_the_first_never_rang(scene: Scene) -> None:
    scene.callback()
    scene.attempt(1, at=1.0, said="congestion")
    scene.call("k-c1-1-0", 1.0, answer="congestion", seconds=0.1)
    scene.attempt(2, at=3.0, said="busy")
    scene.call("k-c1-2-0", 3.0, answer="busy", seconds=0.1)
    assert scene.verdict()["rules"] == []
    scene.attempt(3, at=8.0)
    scene.call("k-c1-3-0", 8.0)
    assert scene.verdict()["rules"] == ["too soon"]


def test_the_gap_holds_for_a_number_in_two_callbacks(scene: Scene) -> None:
    for name, at in (("c1", 1.0), ("c2", 7.0)):
        scene.callback(name=name)
        scene.attempt(callback=name, at=at)
        scene.call(f"k-{name}-1-0", at)
    assert scene.verdict()["rules"] == ["too soon"]


def test_two_calls_to_one_number_at_once_are_red(scene: Scene) -> None:
    for name, at in (("c1", 1.0), ("c2", 20.0)):
        scene.callback(name=name)
        scene.attempt(callback=name, at=at)
        scene.call(f"k-{name}-1-0", at, seconds=60.0)
    assert scene.verdict()["rules"] == ["two at once"]


def test_a_start_of_the_pbx_ends_what_it_was_doing(scene: Scene) -> None:
    for name, at in (("c1", 1.0), ("c2", 20.0)):
        scene.callback(name=name)
        scene.attempt(callback=name, at=at)
        scene.call(f"k-{name}-1-0", at, seconds=60.0 if name == "c2" else None)
    scene.log("boot", 15.0, "")
    assert scene.verdict()["rules"] == []


def test_a_call_to_somebody_who_was_reached_is_red(scene: Scene) -> None:
    scene.callback()
    scene.attempt(1, state="UNRESOLVED", said="unresolved")
    scene.call()
    scene.attempt(2, at=30.0)
    scene.call("k-c1-2-0", 30.0)
    report = scene.verdict()
    assert report["rules"] == ["called though reached"]
    assert (report["unresolved"], report["unresolved_share"]) == (1, 0.5)
    assert (report["unresolved_placed"], report["unresolved_answered"]) == (1, 1)


def test_a_call_that_was_answered_and_not_connected_may_be_followed_by_another(
    scene: Scene,
) -> None:
    scene.callback()
    scene.attempt(1, said="abandoned")
    scene.call(talks=False)
    scene.attempt(2, at=30.0)
    scene.call("k-c1-2-0", 30.0)
    report = scene.verdict()
    assert (report["rules"], report["wrong"]) == ([], {})


def test_the_table_tells_what_is_in_the_report(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.callback("DIALING")
    scene.verdict()
    printed = capsys.readouterr().out
    assert re.search(r"^LOST +1$", printed, re.MULTILINE)
    assert re.search(r"^DIALED TWICE +0$", printed, re.MULTILINE)
    assert "!! lost: forgotten: c1: is DIALING with 0 open attempts" in printed


def test_wrong_dispositions_are_counted(scene: Scene) -> None:
    scene.callback("EXHAUSTED")
    scene.attempt(said="no_answer")
    scene.call(answer="busy", seconds=0.1)
    report = scene.verdict()
    assert report["wrong"] == {"busy read as no_answer": 1}
    assert report["rules"] == []


def test_delays_run_from_the_last_kill_and_from_the_sending(scene: Scene) -> None:
    scene.callback()
    scene.attempt(1, at=1.0, state="UNRESOLVED", said="unresolved")
    scene.attempt(2, at=31.0)
    scene.call("k-c1-2-0", 31.0)
    kill = {"at": START + 2.0, "what": "gateway", "legs": {"k-c1-1-0": "SENDING"}}
    scene.kills.write_text(json.dumps(kill) + "\n")
    report = scene.verdict()
    assert (report["hit"], report["hit_now"]) == ({"SENDING": 1}, {"UNRESOLVED": 1})
    assert report["delays"] == {
        "hit by a kill: last kill to next call or closing": [29.0, 29.0, 29.0, 1],
        "hit by a kill: last kill to verdict": [8.0, 8.0, 8.0, 1],
        "not hit by any: sent to next call or closing": [59.0, 59.0, 59.0, 1],
        "unresolved: sent to next call or closing": [30.0, 30.0, 30.0, 1],
        "unresolved: sent to verdict": [9.0, 9.0, 9.0, 1],
    }


def test_calls_without_channel_id_are_found_by_number_and_time(scene: Scene) -> None:
    scene.callback()
    scene.attempt()
    scene.row_of_cel("CHAN_START", 1.0, "k-c1-1-0")
    scene.row_of_cel("CHAN_END", 4.0, "k-c1-1-0")
    far = {"number": NUMBER, "answer": "busy", "channel_id": ""}
    when = datetime.fromtimestamp(START + 1.1, UTC).isoformat()
    scene.wire.write_text(json.dumps({"at": when, **far}) + "\n")
    report = scene.verdict()
    assert (report["rules"], report["wrong"]) == ([], {"busy read as answered_human": 1})


def test_a_torn_last_line_is_left_out(scene: Scene) -> None:
    scene.callback()
    scene.attempt()
    scene.call()
    for path in (scene.wire, scene.cel):
        with path.open("a") as file:
            file.write('{"what": "pla')
    assert scene.verdict()["rules"] == []


def test_the_auditor_knows_nothing_of_kairos() -> None:
    look = "import sys, tests.fault.auditor; print(*{one.split('.')[0] for one in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", look], check=True, capture_output=True, text=True, timeout=30
    )
    loaded = set(done.stdout.split())
    assert loaded & {"gateway", "adapters", "config", "fallback", "predictor"} == set()
    assert "tests" in loaded


def test_the_database_is_only_read(scene: Scene) -> None:
    scene.callback()
    before = scene.database.read_bytes()
    assert read_books(scene.database).callbacks.keys() == {"c1"}
    assert scene.database.read_bytes() == before
