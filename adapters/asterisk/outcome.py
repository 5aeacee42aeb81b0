"""What became of one leg, from everything Asterisk said about it; pure.

In this order: answering machine detection if it was answered; the SIP status; the Q.850 cause; the
DialStatus; the OriginateResponse's Reason. The last two know only few words: with PJSIP a 404, a
486 and a 603 all come as Reason 0, and a 404 and a 603 as NOANSWER.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gateway.domain.causes import read_causes
from gateway.domain.disposition import Disposition
from gateway.domain.model import Evidence

__all__ = ["Facts", "disposition_of", "evidence_of"]

_D = Disposition
_RANG_OUT: Final = "3"
_CANCELED_BY_PEER: Final = 487
_SAYS_NOTHING: Final = frozenset({None, 0, 31, 127})
_OF_ANSWERED_TOO: Final = _SAYS_NOTHING | {16}
_EARLY: Final = 0.5
"""Seconds by which Asterisk's ring timer may seem early, seen from here."""
_MACHINE_CAUSES: Final = frozenset({"INITIALSILENCE", "LONGGREETING", "MAXWORDLENGTH", "MAXWORDS"})
_STATUS: Final = re.compile(r"(?<!\d)([1-6]\d\d)(?!\d)")
_BY_DIAL_STATUS: Final = {
    "BUSY": _D.BUSY,
    "CONGESTION": _D.CONGESTION,
    "NOANSWER": _D.NO_ANSWER,
    "CHANUNAVAIL": _D.FAILED,
    "CANCEL": _D.CANCELED,
    "ABORT": _D.FAILED,
}
_BY_REASON: Final = {"5": _D.BUSY, "8": _D.CONGESTION, _RANG_OUT: _D.NO_ANSWER, "1": _D.CANCELED}


@dataclass(slots=True)
class Facts:
    """Everything heard of one leg. ``waited``: seconds from the order to its OriginateResponse.

    ``unbroken``: nothing of it can have been missed. ``state_known``: whether it was up or not was
    heard since the last time that something can have been missed.
    """

    answered: bool = False
    rang: bool = False
    we_hung_up: bool = False
    unbroken: bool = True
    state_known: bool = True
    refused: str = ""
    response: str = ""
    reason: str = ""
    waited: float = 0.0
    ring_timeout: float = 0.0
    cause: int | None = None
    tech_cause: int | None = None
    dial_status: str = ""
    amd: str = ""
    amd_cause: str = ""

    def hang_up(self, cause: str, tech_cause: str) -> None:
        """Read a Hangup's ``Cause`` (a number) and ``TechCause`` (text with a SIP status)."""
        if cause.isdecimal():
            self.cause = int(cause)
        if found := _STATUS.search(tech_cause):
            self.tech_cause = int(found[1])

    @property
    def is_machine(self) -> bool:
        """What AMD() found, by its status, or by its cause where only that was heard.

        NOTSURE is no machine: to drop a living person is the worse mistake.
        """
        if self.amd:
            return self.amd == "MACHINE"
        return self.amd_cause.partition("-")[0] in _MACHINE_CAUSES

    @property
    def timed_out(self) -> bool:
        """Whether our own ring time was up, which networks report as a cancellation."""
        return self.reason == _RANG_OUT and self.waited >= self.ring_timeout - _EARLY


def disposition_of(facts: Facts) -> Disposition:
    """Read the facts; always an answer, FAILED where they say nothing."""
    if facts.answered:
        return _D.ANSWERED_MACHINE if facts.is_machine else _D.ANSWERED_HUMAN
    if not (facts.state_known or facts.response or facts.tech_cause) and (
        facts.cause in _OF_ANSWERED_TOO
    ):
        return _D.UNRESOLVED  # it may have been answered while nobody listened
    if facts.we_hung_up or facts.timed_out:
        return _D.CANCELED if facts.we_hung_up else _D.NO_ANSWER
    if facts.tech_cause == _CANCELED_BY_PEER and not facts.rang:
        # Neither we nor our timer ended it and no phone rang: the network gave up on the call.
        return _D.FAILED
    by_cause = read_causes(cause=facts.cause, tech_cause=facts.tech_cause)
    if by_cause is not None and not (facts.tech_cause is None and facts.cause in _SAYS_NOTHING):
        return by_cause
    return _BY_DIAL_STATUS.get(facts.dial_status) or _BY_REASON.get(facts.reason) or _D.FAILED


def evidence_of(facts: Facts) -> Evidence:
    """Keep what was said, raw, beside our reading of it."""
    said = facts.refused or facts.reason
    if facts.we_hung_up:
        said = "hung up by us"
    elif facts.timed_out:
        said = f"{said} (ring time was up)"
    return Evidence(
        source="response" if facts.refused else "events",
        cause=facts.cause,
        tech_cause=facts.tech_cause,
        dial_status=facts.dial_status,
        reason=said,
        amd=" ".join(filter(None, (facts.amd, facts.amd_cause))),
    )
