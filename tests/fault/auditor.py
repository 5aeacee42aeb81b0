"""An independent auditor of Kairos, for the question whether anybody was lost or dialed twice.

Reads what the PBX's side wrote down by itself and the database, works everything out anew, prints
a table, and ends with code 1 when somebody was lost or dialed twice. Standard library alone; it
imports nothing of Kairos, so that no mistake of Kairos can hide itself here.

    python -m tests.fault.auditor --database kairos.db --wire-log wire.jsonl --cel cel.csv
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.fault.books import Attempt, Books, read_books
from tests.fault.pbx_side import PbxSide, pair_nameless, read_cel, read_wire_log
from tests.fault.verdicts import Finding, Terms, dialed, judge

_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Kill:
    """A fault as the harness noted it: ``legs`` that were open then, with their states."""

    at: float
    what: str
    legs: dict[str, str]


@dataclass(slots=True, kw_only=True)
class Report:
    """What came out. Delays are seconds: ``[median, 95th percentile, longest, how many]``.

    ``open_at_a_kill``: how many legs each fault hit, ``on_the_wire_at_a_kill``: without those that
    were only reserved; ``hit`` counts them by the state they were hit in, ``hit_now`` by the one
    they ended in. ``unresolved_placed``: legs nobody could tell
    about which had in truth been placed.
    """

    accepted: int
    callbacks: dict[str, int]
    attempts: int
    legs_sent: int
    calls_at_pbx: int
    kills: dict[str, int]
    open_at_a_kill: list[int]
    on_the_wire_at_a_kill: list[int]
    hit: dict[str, int]
    hit_now: dict[str, int]
    unresolved: int
    unresolved_share: float
    unresolved_placed: int
    unresolved_answered: int
    judged: int
    wrong: dict[str, int]
    delays: dict[str, list[float]]
    findings: list[Finding] = field(default_factory=list)

    @property
    def lost(self) -> int:
        return sum(one.verdict == "lost" for one in self.findings)

    @property
    def twice(self) -> int:
        return sum(one.verdict == "twice" for one in self.findings)


def audit(
    books: Books,
    side: PbxSide,
    *,
    accepted: Sequence[str] = (),
    kills: Sequence[Kill] = (),
    terms: Terms,
    now: float,
) -> Report:
    """Work everything out."""
    pair_nameless(side, {leg.id: _number(books.attempts, leg) for leg in books.legs.values()})
    sent = [leg for leg in books.legs.values() if leg.sent is not None]
    unresolved = [leg for leg in sent if leg.is_unresolved]
    placed = [side.calls[leg.id] for leg in unresolved if _existed(side, leg.id)]
    judged, wrong = _dispositions(books, side, terms)
    hit = {leg for kill in kills for leg in kill.legs}
    return Report(
        accepted=len(accepted),
        callbacks=dict(Counter(one.state for one in books.callbacks.values())),
        attempts=len(books.attempts),
        legs_sent=len(sent),
        calls_at_pbx=sum(_existed(side, leg.id) for leg in books.legs.values()),
        kills=dict(Counter(kill.what for kill in kills)),
        open_at_a_kill=[len(kill.legs) for kill in kills],
        on_the_wire_at_a_kill=[
            sum(state != "RESERVED" for state in kill.legs.values()) for kill in kills
        ],
        hit=dict(Counter(state for kill in kills for state in kill.legs.values())),
        hit_now=dict(Counter(books.legs[leg].state for leg in hit if leg in books.legs)),
        unresolved=len(unresolved),
        unresolved_share=len(unresolved) / len(sent) if sent else 0.0,
        unresolved_placed=len(placed),
        unresolved_answered=sum(call.answered is not None for call in placed),
        judged=judged,
        wrong=wrong,
        delays=_delays(books, kills),
        findings=judge(books, side, accepted, terms, now),
    )


def _number(attempts: dict[str, Attempt], leg: Any) -> str:  # noqa: ANN401 - a leg of the books
    return attempts[leg.attempt_id].number if leg.role == "customer" else ""


def _existed(side: PbxSide, leg_id: str) -> bool:
    call = side.calls.get(leg_id)
    return call is not None and call.existed


def _dispositions(books: Books, side: PbxSide, terms: Terms) -> tuple[int, dict[str, int]]:
    """Compare what the books say of calls that were resolved with what the far end knows."""
    judged, wrong = 0, Counter[str]()
    for one in dialed(books, side):
        truth = one.call.truth(terms.agentless)
        if not truth or one.leg.state != "ENDED" or one.leg.is_unresolved:
            continue
        judged += 1
        if truth != one.leg.disposition:
            wrong[f"{truth} read as {one.leg.disposition or 'nothing'}"] += 1
    return judged, dict(wrong)


def _delays(books: Books, kills: Sequence[Kill]) -> dict[str, list[float]]:
    """How long what was in doubt had to wait, for its verdict and for what followed from it."""
    waits: dict[str, list[float]] = defaultdict(list)
    last = {leg: kill.at for kill in kills for leg in kill.legs}
    by_callback = books.attempts_of()
    for leg in books.legs.values():
        attempt = books.attempts[leg.attempt_id]
        if attempt.closed is None or leg.sent is None:
            continue
        later = (one.placed for one in by_callback[attempt.callback_id] if one.n > attempt.n)
        closed = books.callbacks[attempt.callback_id].closed
        follows = min(filter(None, later), default=closed)
        if leg.is_unresolved:
            waits["unresolved: sent to verdict"].append(attempt.closed - leg.sent)
            if follows is not None:
                waits["unresolved: sent to next call or closing"].append(follows - leg.sent)
        if leg.id in last:
            waits["hit by a kill: last kill to verdict"].append(attempt.closed - last[leg.id])
            if follows is not None:
                name = "hit by a kill: last kill to next call or closing"
                waits[name].append(follows - last[leg.id])
        elif follows is not None:
            waits["not hit by any: sent to next call or closing"].append(follows - leg.sent)
    return {name: _spread(found) for name, found in sorted(waits.items())}


def _spread(values: list[float]) -> list[float]:
    ordered = sorted(values)
    points = (ordered[int(share * (len(ordered) - 1) + 0.5)] for share in (0.5, 0.95, 1.0))
    return [*(round(one, 2) for one in points), len(ordered)]


def table(report: Report) -> str:
    """Lay a report out for people."""
    rows = [
        ("faults", _listed(report.kills) or "none"),
        ("legs open at a fault", _range(report.open_at_a_kill)),
        ("  without those only reserved", _range(report.on_the_wire_at_a_kill)),
        ("  in all, as they were hit", _listed(report.hit)),
        ("  each leg, as it ended", _listed(report.hit_now)),
        ("callbacks accepted", str(report.accepted)),
        ("  as they stand", _listed(report.callbacks)),
        ("attempts, legs sent", f"{report.attempts}, {report.legs_sent}"),
        ("calls seen by the PBX", str(report.calls_at_pbx)),
        ("LOST", str(report.lost)),
        ("DIALED TWICE", str(report.twice)),
        (
            "unresolved",
            f"{report.unresolved} of {report.legs_sent} = {report.unresolved_share:.2%}",
        ),
        (
            "  in truth",
            f"{report.unresolved_placed} placed ({report.unresolved_answered} answered)",
        ),
        ("wrong dispositions", f"{sum(report.wrong.values())} of {report.judged} compared"),
        *(("  " + what, str(count)) for what, count in sorted(report.wrong.items())),
    ]
    for name, (median, high, longest, count) in report.delays.items():
        rows.append((name, f"p50 {median} s, p95 {high} s, max {longest} s (n={count:g})"))
    width = max(len(name) for name, _ in rows) + 2
    lines = [f"{name:<{width}}{value}" for name, value in rows if value]
    lines += [
        f"!! {one.verdict}: {one.rule}: {one.subject}: {one.text}"
        for one in report.findings[:_SHOWN]
    ]
    if len(report.findings) > _SHOWN:
        lines.append(f"!! and {len(report.findings) - _SHOWN} more")
    return "\n".join(lines)


def _range(counts: list[int]) -> str:
    found = sorted(counts)
    middle = len(found) // 2
    return f"{found[0]} to {found[-1]}, median {found[middle]}" if found else ""


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def _read_kills(path: Path) -> list[Kill]:
    return [Kill(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def _options(arguments: Iterable[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Was anybody lost, was anybody dialed twice?")
    parser.add_argument("--database", type=Path, required=True, help="the SQLite file of Kairos")
    parser.add_argument("--wire-log", type=Path, help="what the far end wrote down")
    parser.add_argument("--cel", type=Path, help="the PBX's channel event log")
    parser.add_argument("--accepted", type=Path, help="idempotency keys of what was taken in")
    parser.add_argument("--kills", type=Path, help="what the harness did, a JSON object a line")
    parser.add_argument("--prefix", default="kairos", help="how our channel ids begin")
    parser.add_argument("--agentless", action="append", help="contexts that need no agent")
    parser.add_argument("--slack", type=float, default=0.5, help="tolerance in seconds")
    parser.add_argument("--finished", action="store_true", help="nothing may be open any more")
    parser.add_argument("--json", type=Path, help="write the report to this file, too")
    options = parser.parse_args(list(arguments))
    if options.wire_log is None and options.cel is None:
        parser.error("give --wire-log or --cel: there must be something to hold the books against")
    return options


def main(arguments: Sequence[str]) -> int:
    """Audit, print, and return the exit code."""
    options = _options(arguments)
    side = PbxSide()
    if options.wire_log is not None:
        read_wire_log(options.wire_log, side)
    if options.cel is not None:
        read_cel(options.cel, side)
    side.finish()
    accepted = options.accepted.read_text(encoding="utf-8").split() if options.accepted else []
    report = audit(
        read_books(options.database),
        side,
        accepted=accepted,
        kills=_read_kills(options.kills) if options.kills else (),
        terms=Terms(
            prefix=options.prefix,
            agentless=frozenset(options.agentless or ["kairos-talk"]),
            slack=options.slack,
            finished=options.finished,
        ),
        now=time.time(),
    )
    print(table(report))
    if options.json is not None:
        whole = {**asdict(report), "lost": report.lost, "twice": report.twice}
        options.json.write_text(json.dumps(whole, indent=1), encoding="utf-8")
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
