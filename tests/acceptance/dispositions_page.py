"""The tables of ``docs/dispositions.md``, written from the code they are about.

``python -m tests.acceptance.dispositions_page`` brings the page up to date.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from config.retry_rules import RESULTS, AfterResult, load_retry_rules
from gateway.domain.causes import disposition_of_q850, disposition_of_sip
from gateway.domain.disposition import Disposition, meaning
from tests.acceptance.far_ends import FAR_ENDS, FarEnd, is_agent_first

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "dispositions.md"

_D = Disposition
_WHAT: Final = {
    _D.ANSWERED_HUMAN: "a person answered and had somebody to talk to, or needed nobody",
    _D.ANSWERED_MACHINE: "a machine answered: the dialplan's detection said so",
    _D.ABANDONED: "a person answered, but nobody came to talk to them",
    _D.AGENT_NO_ANSWER: "the agent, called first, did not come; the contact was never called",
    _D.BUSY: "the line was engaged",
    _D.NO_ANSWER: "it rang and nobody picked up, or the telephone was off",
    _D.REJECTED: "the person, or a filter of theirs, refused the call",
    _D.CONGESTION: "the network had no room or no way",
    _D.INVALID_NUMBER: "the number does not exist",
    _D.FAILED: "something on our side: account, endpoint, codecs, dialplan",
    _D.CANCELED: "Kairos ended the ringing itself, because the agent had left",
    _D.UNRESOLVED: "nobody can tell, so it counts as a call that rang",
}
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_SECTION: Final = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def up_to_date(page: str) -> str:
    """Return the page with its tables as they must be. Raises KeyError for an unknown table."""
    return _SECTION.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}\n{found[3]}", page)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _meanings() -> str:
    rules = load_retry_rules().sets["standard"]
    after = {str(result): rule for result, rule in rules.after.items()}
    return _table(
        ("disposition", "what happened", "in the legal caps", "uses an attempt", "what follows"),
        (
            (
                f"`{one}`",
                _WHAT[one],
                _yes(counts=meaning(one).reached_contact),
                _yes(counts=meaning(one).uses_attempt),
                _follows(one, after),
            )
            for one in _D
        ),
    )


def _yes(*, counts: bool) -> str:
    return "yes" if counts else "no"


def _follows(disposition: Disposition, after: Mapping[str, AfterResult]) -> str:
    if disposition.value not in RESULTS:
        return "done"
    rule = after[disposition.value]
    parts = ["again after " + ", ".join(map(_duration, rule.delays))]
    if rule.next_number:
        parts = ["the contact's next number; none left: blocked"]
    parts += ["in another part of the day"] if rule.spread else []
    parts += [f"at most {rule.most} times"] if rule.most else []
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    size, unit = next(one for one in _UNITS if seconds % one[0] == 0)
    return f"{seconds / size:g} {unit}"


def _causes() -> str:
    return _table(
        ("disposition", "SIP status", "Q.850 cause"),
        (
            (f"`{one}`" if one else "says nothing", sip, q850)
            for one in (*_D, None)
            if (sip := _statuses(one)) + (q850 := _codes(one, disposition_of_q850, range(128)))
        ),
    )


def _statuses(disposition: Disposition | None) -> str:
    if disposition is _D.FAILED:
        return "every other final one, 300 to 699"
    return _codes(disposition, disposition_of_sip, range(300, 700))


def _codes(
    wanted: Disposition | None, read: Callable[[int], Disposition | None], codes: Iterable[int]
) -> str:
    """Return the codes that are read so, neighbours as ranges."""
    found = [code for code in codes if read(code) is wanted]
    runs = groupby(enumerate(found), lambda pair: pair[1] - pair[0])
    spans = [[code for _, code in run] for _, run in runs]
    return ", ".join(_span(one[0], one[-1]) for one in spans)


def _span(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first}{', ' if last == first + 1 else '-'}{last}"


def _far_ends() -> str:
    return _table(
        ("who is called first", "queue of the test", "what happens", "stored, by attempt"),
        ((_first(row), f"`{row.queue}`", row.what, _stored(row)) for row in FAR_ENDS),
    )


def _first(row: FarEnd) -> str:
    return "agent" if is_agent_first(row.queue) else "contact"


def _stored(row: FarEnd) -> str:
    return ", ".join(f"`{one}`" for one in row.stored) or "never dialed; the callback is blocked"


TABLES: Final = {"meanings": _meanings, "causes": _causes, "far_ends": _far_ends}
"""What writes each table, by its name in the page."""


if __name__ == "__main__":
    PAGE.write_text(up_to_date(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
