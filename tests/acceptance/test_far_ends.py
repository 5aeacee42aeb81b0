"""On a real Asterisk: what happens at the other end of the line is what Kairos stores.

The whole product, as its users have it: configuration, ``kairos serve``, ``kairos import``, SQLite
on disk; and a real Asterisk whose trunk leads to people who behave as the lab's number table says.
"""

from __future__ import annotations

import asyncio
import csv
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
import yaml

from adapters.lab.asterisk import AsteriskLab
from adapters.sql import SqlReader, open_reader
from config.settings import Settings, load_settings
from gateway.bootstrap.service import open_store
from gateway.domain.disposition import Disposition, meaning
from gateway.domain.machine import CallbackState, LegState
from gateway.domain.model import Leg, Role
from gateway.ports import History
from tests.acceptance.far_ends import (
    FAR_ENDS,
    RETRY_RULES,
    Case,
    FarEnd,
    cases,
    is_agent_first,
    settings,
)
from tests.acceptance.kairos_process import KairosProcess
from tests.fault.pbx_side import PbxSide, read_cel

pytestmark = [pytest.mark.asterisk, pytest.mark.slow, pytest.mark.timeout(240)]

_ALL_CLOSED_WITHIN: Final = 150.0
_LATE: Final = 1.0
"""Seconds by which a busy machine may hear of an answer or an end too late, at most."""
_OPEN: Final = (CallbackState.SCHEDULED.value, CallbackState.DIALING.value)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one callback."""

    case: Case
    way: History

    @property
    def stored(self) -> tuple[str, ...]:
        return tuple(str(one.disposition or "not sent") for one in self.way.attempts)

    @property
    def is_as_expected(self) -> bool:
        row = self.case.row
        return self.stored == row.stored and self.way.callback.state is row.closed

    def legs(self, role: Role) -> list[Leg]:
        return [leg for leg in self.way.legs if leg.role is role]


async def test_every_far_end_is_stored_as_what_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    everybody = list(cases())
    assert len(everybody) >= 200
    async with AsteriskLab() as lab:
        began = time.monotonic()
        async with _served(tmp_path, lab, everybody) as (kairos, reader):
            await _all_closed(reader, kairos)
            took = time.monotonic() - began
            outcomes = await _outcomes(reader, everybody)
        audit = await kairos.run("audit")
        with capsys.disabled():
            print("\n" + _table(outcomes) + f"\n{len(outcomes)} callbacks in {took:.0f} s")
        assert [(one.case.row.what, one.stored) for one in outcomes if not one.is_as_expected] == []
        assert audit.code == 0, audit.printed
        assert kairos.logged(level="error") == []
        assert kairos.logged("gateway.stopped"), kairos.last_words()
        _check_calls(outcomes, Counter(call.number for call in lab.calls()))
        _check_attempts(outcomes)
        _check_caps(outcomes, tmp_path / "data" / "kairos.db")
        _check_cel(outcomes, lab.cel_file)


@asynccontextmanager
async def _served(
    folder: Path, lab: AsteriskLab, everybody: Sequence[Case]
) -> AsyncIterator[tuple[KairosProcess, SqlReader]]:
    (folder / "retry-rules.yaml").write_text(yaml.safe_dump(RETRY_RULES))
    kairos = KairosProcess(folder, settings(lab, folder))
    loaded = load_settings(kairos.config)
    await _list_do_not_call(loaded, everybody)
    file = folder / "callbacks.csv"
    _write_import(everybody, file)
    try:
        await kairos.serve()
        taken = await kairos.run("import", str(file))
        assert taken.code == 0, taken.printed
        async with open_reader(loaded.database_url.get_secret_value()) as reader:
            yield kairos, reader
        await kairos.stop()
    finally:
        await kairos.kill()


async def _list_do_not_call(loaded: Settings, everybody: Iterable[Case]) -> None:
    loaded.data_dir.mkdir(mode=0o700)
    async with open_store(loaded) as store:
        for case in everybody:
            if case.row.closed is CallbackState.BLOCKED and not case.row.called:
                await store.do_not_call(case.number, "asked for it", datetime.now(UTC))


def _write_import(everybody: Iterable[Case], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("number", "queue", "idempotency_key"))
        rows.writerows((case.number, case.row.queue, case.key) for case in everybody)


async def _all_closed(reader: SqlReader, kairos: KairosProcess) -> None:
    ends = time.monotonic() + _ALL_CLOSED_WITHIN
    while True:
        counts = await reader.counts()
        left = sum(counts[state] for state in _OPEN)
        if not left:
            return
        if time.monotonic() > ends:
            raise AssertionError(f"{left} callbacks are not closed:\n{kairos.last_words()}")
        await asyncio.sleep(0.3)


async def _outcomes(reader: SqlReader, everybody: Sequence[Case]) -> list[Outcome]:
    ids = {
        callback.idempotency_key: callback.id
        for callback, _ in await reader.callbacks(limit=len(everybody) + 1)
    }
    assert len(ids) == len(everybody)
    found = [(case, await reader.history(ids[case.key])) for case in everybody]
    return [Outcome(case, way) for case, way in found if way is not None]


def _check_calls(outcomes: Iterable[Outcome], heard: Counter[str]) -> None:
    """The far end heard each contact's line as often as a leg was sent there, and no oftener."""
    expected: Counter[str] = Counter()
    for one in outcomes:
        sent = [leg for leg in one.legs(Role.CUSTOMER) if leg.sending_at is not None]
        if one.case.row.called:
            assert len(sent) == len(one.case.row.stored), one.case.row
            expected[one.case.number] = len(sent)
    assert {number: n for number, n in heard.items() if number.startswith("+")} == expected


def _check_attempts(outcomes: Iterable[Outcome]) -> None:
    """What is held against the contact, and how long was talked."""
    for one in outcomes:
        row, callback = one.case.row, one.way.callback
        assert callback.attempts == len(row.stored), row
        assert callback.used == sum(meaning(told).uses_attempt for told in row.stored), row
        talked = one.way.attempts[-1].talk_seconds if one.way.attempts else 0.0
        assert row.talk[0] <= talked <= row.talk[1], (row, talked)
        assert not any(earlier.talk_seconds for earlier in one.way.attempts[:-1]), row


def _check_caps(outcomes: Iterable[Outcome], database: Path) -> None:
    """The legal caps count the calls that may have rung, and only those."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as rows:
        counted = dict(rows.execute("SELECT key, n_week FROM guard"))
    for one in outcomes:
        expected = sum(meaning(told).reached_contact for told in one.case.row.stored)
        assert counted.get(f"number:{one.case.number}", 0) == expected, one.case.row


def _check_cel(outcomes: Iterable[Outcome], cel: Path) -> None:
    """Asterisk's own channel event log knows the same calls, their answers and their length."""
    side = PbxSide()
    read_cel(cel, side)
    for one in outcomes:
        call = None
        for leg in one.way.legs:
            call = side.calls.get(leg.id)
            made = call is not None and call.existed
            assert made == (leg.evidence.cause is not None), one.case.row
            assert (call is not None and call.answered is not None) == bool(leg.answered_at)
            if leg.state is LegState.NOT_PLACED:
                assert call is None, one.case.row
        if call is not None and one.stored[-1:] == (Disposition.ANSWERED_HUMAN,):
            began, ended = call.connected or call.answered or 0.0, call.ended or 0.0
            talked = one.way.attempts[-1].talk_seconds
            assert talked == pytest.approx(ended - began, abs=_LATE), one.case.row


def _table(outcomes: Iterable[Outcome]) -> str:
    by_row: defaultdict[FarEnd, list[Outcome]] = defaultdict(list)
    for one in outcomes:
        by_row[one.case.row].append(one)
    head = ("far end", "way", "n", "expected", "stored", "Asterisk said", "equal")
    lines = [head, *(_line(row, by_row[row]) for row in FAR_ENDS)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _line(row: FarEnd, outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    stored = Counter(
        f"{', '.join(one.stored) or 'never dialed'} -> {one.way.callback.state}" for one in outcomes
    )
    said = Counter("; ".join(map(_said, one.way.legs)) for one in outcomes)
    return (
        row.what,
        _way(row.queue),
        str(len(outcomes)),
        f"{', '.join(row.stored) or 'never dialed'} -> {row.closed}",
        " | ".join(f"{count} x {text}" for text, count in stored.most_common()),
        " | ".join(text for text, _ in said.most_common()),
        "yes" if all(one.is_as_expected for one in outcomes) else "NO",
    )


def _way(queue: str) -> str:
    mode = "agent first" if is_agent_first(queue) else "customer first"
    return f"{mode}, {queue}"


def _said(leg: Leg) -> str:
    """Tell in a few words what Asterisk said about a leg."""
    evidence = leg.evidence
    told = {
        "answered": leg.answered_at is not None,
        f"SIP {evidence.tech_cause}": evidence.tech_cause is not None,
        f"cause {evidence.cause}": evidence.cause is not None,
        f"AMD {evidence.amd.partition(' ')[0]}": bool(evidence.amd),
        evidence.reason: len(evidence.reason) > 1,
        f"failure, reason {evidence.reason}": evidence.cause is None and evidence.reason == "0",
    }
    words = ", ".join(text for text, holds in told.items() if holds)
    return f"agent: {words}" if leg.role is Role.AGENT else words
