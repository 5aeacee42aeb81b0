"""The CEL file: what it proves, what it does not, and that every byte is read once."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.asterisk.evidence import CelFile, judge
from gateway.domain.disposition import Disposition
from gateway.domain.events import Finding
from gateway.domain.model import Leg
from tests.support.builders import a_leg

LEG = "k".ljust(32, "1")
OTHER = "k".ljust(32, "2")
SENT = 1_773_129_600.0
EPOCH = "2026-03-10T00:00:00"
SETTLE = 5.0


def row(kind: str, at: float, uniqueid: str = LEG, peer: str = "", **extra: Any) -> str:
    out = io.StringIO()
    details = json.dumps(extra) if extra else ""
    columns = [kind, f"{SENT + at:.6f}", uniqueid, uniqueid, "PJSIP/x", "ctx", "s", peer, details]
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(columns)
    return out.getvalue()


def hangup(at: float, cause: int, uniqueid: str = LEG, status: str = "") -> str:
    ended = row("HANGUP", at, uniqueid, hangupcause=cause, hangupsource="x", dialstatus=status)
    return ended + row("CHAN_END", at, uniqueid)


def leg(**changes: Any) -> Leg:
    sending = datetime.fromtimestamp(SENT, UTC)
    return a_leg(**{"id": LEG, "boot_epoch": EPOCH, "sending_at": sending, **changes})


class Desk:
    """A CEL file and its reader."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "kairos.csv"
        self.cel = CelFile(self.path, "k")

    def write(self, *rows: str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write("".join(rows))

    def find(self, at: float = 60.0, epoch: str = EPOCH, **changes: Any) -> Finding | None:
        self.cel.read(SENT + at)
        now = datetime.fromtimestamp(SENT + at, UTC)
        return judge(leg(**changes), self.cel.traces, epoch, now, SETTLE)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.cel.close()


def placed(finding: Finding | None) -> bool | None:
    assert finding
    return finding.placed


@pytest.mark.parametrize(
    ("cause", "status", "disposition"),
    [
        (17, "", Disposition.BUSY),
        (19, "", Disposition.NO_ANSWER),
        (1, "", Disposition.INVALID_NUMBER),
        (21, "", Disposition.REJECTED),
        (34, "", Disposition.CONGESTION),
        (16, "", Disposition.NO_ANSWER),
        (127, "BUSY", Disposition.BUSY),
        (0, "", Disposition.FAILED),
    ],
)
def test_an_unanswered_end(desk: Desk, cause: int, status: str, disposition: Disposition) -> None:
    desk.write(row("CHAN_START", 0.01), hangup(3.0, cause, status=status))
    finding = desk.find()
    assert finding
    assert (finding.placed, finding.disposition) == (True, disposition)
    assert finding.evidence.cause == cause
    assert finding.ended_at == datetime.fromtimestamp(SENT + 3.0, UTC)


def test_a_conversation(desk: Desk) -> None:
    desk.write(
        row("CHAN_START", 0.0),
        row("ANSWER", 4.0),
        row("BRIDGE_ENTER", 5.0, "1.1", bridge_id="b"),
        row("BRIDGE_ENTER", 5.5, peer="PJSIP/agent-1", bridge_id="b"),
        hangup(60.0, 16),
    )
    finding = desk.find(90.0)
    assert finding
    assert finding.disposition is Disposition.ANSWERED_HUMAN
    times = (finding.answered_at, finding.connected_at, finding.ended_at)
    assert [t.timestamp() - SENT for t in times if t] == [4.0, 5.5, 60.0]


def test_connected_by_whoever_comes_second(desk: Desk) -> None:
    desk.write(
        row("CHAN_START", 0.0),
        row("CHAN_START", 0.0, OTHER),
        row("ANSWER", 1.0),
        row("BRIDGE_ENTER", 2.0, OTHER, bridge_id="b"),
        row("BRIDGE_ENTER", 3.0, peer="PJSIP/agent-1", bridge_id="b"),
    )
    desk.cel.read(SENT + 60)
    assert desk.cel.traces.legs[OTHER].connected == SENT + 3.0


def test_alone_in_a_bridge_is_not_connected(desk: Desk) -> None:
    desk.write(row("CHAN_START", 0.0), row("ANSWER", 1.0), row("BRIDGE_ENTER", 2.0, bridge_id="b"))
    finding = desk.find()
    assert finding
    assert finding.connected_at is None
    assert finding.disposition is None, "it has not ended"


@pytest.mark.parametrize(
    ("rows", "disposition"),
    [
        ([row("CHAN_START", 0.0)], Disposition.UNRESOLVED),
        ([row("CHAN_START", 0.0), row("ANSWER", 1.0)], Disposition.ANSWERED_HUMAN),
    ],
)
def test_a_call_that_died_with_its_asterisk_is_over(
    desk: Desk, rows: list[str], disposition: Disposition
) -> None:
    desk.write(*rows)
    finding = desk.find(epoch="2026-03-10T08:00:00")
    assert finding
    assert (finding.placed, finding.disposition) == (True, disposition)


def watched(desk: Desk) -> None:
    """The file is followed from before the order on."""
    desk.write(row("CHAN_END", -10.0, "1.1"))
    desk.cel.read(SENT - 5.0)


def test_not_placed_is_proved_by_a_log_that_went_on(desk: Desk) -> None:
    watched(desk)
    desk.write(row("CHAN_START", 6.0, "1.2"))
    assert placed(desk.find()) is False


def test_not_placed_is_proved_by_older_rows_too(desk: Desk) -> None:
    desk.write(row("CHAN_END", -10.0, "1.1"), row("CHAN_START", 6.0, "1.2"))
    assert placed(desk.find()) is False


@pytest.mark.parametrize(
    ("newest", "at", "changes"),
    [
        (4.9, 60.0, {}),  # the log went on, but not for long enough
        (None, 60.0, {}),  # nothing was written since
        (6.0, 4.0, {}),  # asked too early
        (6.0, 60.0, {"boot_epoch": "2026-03-09T00:00:00"}),  # another run of Asterisk
        (6.0, 60.0, {"boot_epoch": ""}),
    ],
)
def test_absence_alone_proves_nothing(
    desk: Desk, newest: float | None, at: float, changes: dict[str, str]
) -> None:
    watched(desk)
    if newest is not None:
        desk.write(row("CHAN_START", newest, "1.2"))
    assert placed(desk.find(at, **changes)) is None


def test_a_log_that_did_not_exist_yet_was_watched_too(desk: Desk) -> None:
    desk.cel.read(SENT - 5.0)
    desk.write(row("CHAN_START", 6.0, "1.2"))
    assert placed(desk.find()) is False


def test_nothing_is_proved_while_the_run_of_asterisk_is_not_known(desk: Desk) -> None:
    watched(desk)
    desk.write(row("CHAN_START", 6.0, "1.2"))
    assert placed(desk.find(epoch="")) is None


def test_absence_in_a_log_that_began_later_proves_nothing(desk: Desk) -> None:
    desk.write(row("CHAN_START", 3.0, "1.2"), row("CHAN_START", 6.0, "1.3"))
    assert placed(desk.find()) is None


def test_a_leg_that_was_never_sent_is_not_looked_up(desk: Desk) -> None:
    assert desk.find(sending_at=None) is None


def test_without_a_file_nothing_is_known(desk: Desk) -> None:
    assert placed(desk.find()) is None
    desk.write(row("CHAN_START", 1.0), hangup(2.0, 17))
    assert placed(desk.find()) is True


def test_every_byte_is_read_once_even_half_a_line(desk: Desk) -> None:
    whole = row("CHAN_START", 0.0) + hangup(3.0, 17)
    for start in range(0, len(whole), 7):
        desk.write(whole[start : start + 7])
        desk.cel.read(SENT + 1)
    finding = desk.find()
    assert finding
    assert finding.disposition is Disposition.BUSY


def test_survives_a_rotation_by_rename(desk: Desk) -> None:
    desk.write(row("CHAN_START", 0.0))
    desk.cel.read(SENT + 1)
    desk.write(row("ANSWER", 1.0))
    desk.path.rename(desk.path.with_suffix(".1"))
    desk.write(hangup(3.0, 16))
    finding = desk.find(10.0)
    assert finding
    assert finding.disposition is Disposition.ANSWERED_HUMAN


def test_a_rotation_by_rename_leaves_the_proof_whole(desk: Desk) -> None:
    watched(desk)
    desk.path.rename(desk.path.with_suffix(".1"))
    desk.write(row("CHAN_START", 6.0, "1.2"))
    assert placed(desk.find()) is False


def test_a_truncation_breaks_the_proof_but_not_the_reading(desk: Desk) -> None:
    watched(desk)
    desk.path.write_text("", encoding="utf-8")
    desk.write(row("CHAN_START", 6.0, "1.2"))
    assert placed(desk.find()) is None
    desk.write(row("CHAN_START", 7.0))
    assert placed(desk.find()) is True


def test_a_rotation_after_a_long_sleep_breaks_the_proof(desk: Desk) -> None:
    watched(desk)
    desk.path.rename(desk.path.with_suffix(".1"))
    desk.write(row("CHAN_START", 2000.0, "1.2"))
    assert placed(desk.find(3000.0)) is None


@pytest.mark.parametrize(
    "junk",
    [
        b"\n",
        b'"k\xff\xfe","x"\n',
        b'"CHAN_START","not a time","k1","","","","","",""\n',
        b'"HANGUP","1773129601.0","%b","","","","","","{""hangupcause"":""x""}"\n' % LEG.encode(),
        b'"HANGUP","1773129601.0","%b","","","","","","{broken"\n' % LEG.encode(),
        b'"unterminated\n',
        b"k" * 3_000_000 + b"\n",
    ],
)
def test_junk_is_passed_over(desk: Desk, junk: bytes) -> None:
    desk.path.write_bytes(junk)
    desk.write(row("CHAN_START", 0.0), hangup(3.0, 17))
    finding = desk.find()
    assert finding
    assert finding.disposition is Disposition.BUSY


def test_an_endless_line_is_not_kept(desk: Desk) -> None:
    desk.path.write_bytes(b"k" * 3_000_000)
    desk.cel.read(SENT)
    assert len(desk.cel._rest) <= 1 << 20


async def test_is_read_off_the_loop(desk: Desk) -> None:
    desk.write(row("CHAN_START", 0.0))
    traces = await desk.cel.refresh(datetime.fromtimestamp(SENT + 60, UTC))
    assert LEG in traces.legs
    desk.cel.end()
