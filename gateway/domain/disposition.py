"""What became of a call, in the words of the field, and what each word means for the contact."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Disposition", "Meaning", "is_upgrade", "meaning"]


class Disposition(StrEnum):
    """The result of a leg, and of the attempt it belongs to."""

    ANSWERED_HUMAN = "answered_human"
    ANSWERED_MACHINE = "answered_machine"
    ABANDONED = "abandoned"
    AGENT_NO_ANSWER = "agent_no_answer"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    CONGESTION = "congestion"
    INVALID_NUMBER = "invalid_number"
    FAILED = "failed"
    CANCELED = "canceled"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True, slots=True)
class Meaning:
    """How a disposition counts.

    ``reached_contact``: the contact's phone may have rung, so it counts against the legal caps.
    ``uses_attempt``: it is held against the contact, i.e. uses up one of the callback's attempts.
    ``certainty``: only a strictly higher figure may replace the disposition of a terminal leg.
    """

    reached_contact: bool
    uses_attempt: bool
    certainty: int


# Machine and human are equally certain, so the first verdict on an answered call stays: a source
# that knows of no machine detection must not turn a voicemail into a person who was reached.
# An abandoned call rang and was picked up, so the law counts it, but the fault is ours: it does
# not use up an attempt. An agent who did not pick up means that the contact was never called.
_MEANING = {
    Disposition.UNRESOLVED: Meaning(reached_contact=True, uses_attempt=True, certainty=0),
    Disposition.FAILED: Meaning(reached_contact=False, uses_attempt=False, certainty=1),
    Disposition.AGENT_NO_ANSWER: Meaning(reached_contact=False, uses_attempt=False, certainty=1),
    Disposition.CANCELED: Meaning(reached_contact=True, uses_attempt=False, certainty=1),
    Disposition.CONGESTION: Meaning(reached_contact=False, uses_attempt=False, certainty=2),
    Disposition.NO_ANSWER: Meaning(reached_contact=True, uses_attempt=True, certainty=3),
    Disposition.BUSY: Meaning(reached_contact=True, uses_attempt=True, certainty=4),
    Disposition.REJECTED: Meaning(reached_contact=True, uses_attempt=True, certainty=4),
    Disposition.INVALID_NUMBER: Meaning(reached_contact=False, uses_attempt=True, certainty=4),
    Disposition.ABANDONED: Meaning(reached_contact=True, uses_attempt=False, certainty=5),
    Disposition.ANSWERED_MACHINE: Meaning(reached_contact=True, uses_attempt=True, certainty=6),
    Disposition.ANSWERED_HUMAN: Meaning(reached_contact=True, uses_attempt=True, certainty=6),
}


def meaning(disposition: Disposition) -> Meaning:
    """Say how a disposition counts against caps and attempts."""
    return _MEANING[disposition]


def is_upgrade(old: Disposition | None, new: Disposition) -> bool:
    """Tell whether later evidence ``new`` may replace ``old`` on a leg that has ended."""
    return old is None or _MEANING[new].certainty > _MEANING[old].certainty
