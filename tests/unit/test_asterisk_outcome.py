"""From what Asterisk said to what became of the leg, in the order of carriers' reliability."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.asterisk.outcome import Facts, disposition_of, evidence_of
from gateway.domain.disposition import Disposition

D = Disposition


def facts(**said: Any) -> Facts:
    return Facts(**{"response": "Failure", "reason": "0", "ring_timeout": 30.0, **said})


@pytest.mark.parametrize(
    ("said", "disposition"),
    [
        # Seen live with PJSIP: the Reason is 0 for all of these.
        ({"cause": 17, "tech_cause": 486}, D.BUSY),
        ({"cause": 21, "tech_cause": 603}, D.REJECTED),
        ({"cause": 21, "tech_cause": 403}, D.FAILED),
        ({"cause": 1, "tech_cause": 404}, D.INVALID_NUMBER),
        ({"cause": 34, "tech_cause": 503}, D.CONGESTION),
        ({"cause": 19, "tech_cause": 480}, D.NO_ANSWER),
        # Asterisk before October 2025 has no TechCause.
        ({"cause": 17}, D.BUSY),
        ({"cause": 21}, D.REJECTED),
        # The cause says nothing, so the dial's own word counts, and then the reason.
        ({"cause": 0, "dial_status": "BUSY", "reason": "8"}, D.BUSY),
        ({"cause": 0, "dial_status": "CONGESTION"}, D.CONGESTION),
        ({"cause": 127, "dial_status": "NOANSWER"}, D.NO_ANSWER),
        ({"dial_status": "CHANUNAVAIL"}, D.FAILED),
        ({"reason": "5"}, D.BUSY),
        ({"reason": "8"}, D.CONGESTION),
        ({"reason": "1"}, D.CANCELED),
        ({"reason": "3"}, D.NO_ANSWER),
        ({"reason": "0"}, D.FAILED),
        ({"reason": "never seen"}, D.FAILED),
        # A SIP status beats a dial status that knows fewer words.
        ({"tech_cause": 404, "dial_status": "NOANSWER"}, D.INVALID_NUMBER),
    ],
)
def test_not_answered(said: dict[str, Any], disposition: D) -> None:
    assert disposition_of(facts(**said)) is disposition


@pytest.mark.parametrize(
    ("said", "disposition"),
    [
        ({"reason": "3", "waited": 30.0, "cause": 127, "tech_cause": 487}, D.NO_ANSWER),
        ({"reason": "3", "waited": 29.9, "cause": 0}, D.NO_ANSWER),
        ({"reason": "3", "waited": 30.0, "cause": 16}, D.NO_ANSWER),
        ({"we_hung_up": True, "rang": True, "cause": 127, "tech_cause": 487}, D.CANCELED),
        ({"we_hung_up": True, "cause": 16}, D.CANCELED),
        ({"rang": True, "cause": 127, "tech_cause": 487}, D.CANCELED),
        ({"rang": False, "cause": 127, "tech_cause": 487}, D.FAILED),
        # Reason 3 long before the ring time is not our timer.
        ({"reason": "3", "waited": 1.0, "cause": 17, "tech_cause": 486}, D.BUSY),
    ],
)
def test_who_gave_up(said: dict[str, Any], disposition: D) -> None:
    """Our ring time, our own hang-up and a far end's 487 look alike on the wire."""
    assert disposition_of(facts(**said)) is disposition


def test_the_three_kinds_of_giving_up_differ_in_the_evidence() -> None:
    timed_out = evidence_of(facts(reason="3", waited=30.0, tech_cause=487))
    ours = evidence_of(facts(we_hung_up=True, tech_cause=487))
    theirs = evidence_of(facts(tech_cause=487))
    assert [e.reason for e in (timed_out, ours, theirs)] == [
        "3 (ring time was up)",
        "hung up by us",
        "0",
    ]


@pytest.mark.parametrize(
    ("amd", "cause", "disposition"),
    [
        ("", "", D.ANSWERED_HUMAN),
        ("HUMAN", "HUMAN-800-800", D.ANSWERED_HUMAN),
        ("MACHINE", "MAXWORDS-3-2", D.ANSWERED_MACHINE),
        ("NOTSURE", "TOOLONG-5000", D.ANSWERED_HUMAN),
        ("NOTSURE", "NOAUDIODATA-100", D.ANSWERED_HUMAN),
        ("HANGUP", "", D.ANSWERED_HUMAN),
        ("", "INITIALSILENCE-2500-2500", D.ANSWERED_MACHINE),
        ("", "TOOLONG-5000", D.ANSWERED_HUMAN),
        ("", "something new", D.ANSWERED_HUMAN),
    ],
)
def test_answered(amd: str, cause: str, disposition: D) -> None:
    said = facts(answered=True, response="Success", amd=amd, amd_cause=cause, cause=17)
    assert disposition_of(said) is disposition
    assert evidence_of(said).amd == f"{amd} {cause}".strip()


@pytest.mark.parametrize(
    ("said", "disposition"),
    [
        ({"cause": 16}, D.UNRESOLVED),
        ({"cause": 0}, D.UNRESOLVED),
        ({}, D.UNRESOLVED),
        ({"cause": 17}, D.BUSY),
        ({"cause": 19}, D.NO_ANSWER),
        ({"tech_cause": 486, "cause": 17}, D.BUSY),
        ({"cause": 16, "response": "Failure"}, D.NO_ANSWER),
    ],
)
def test_heard_of_again_only_at_its_end(said: dict[str, Any], disposition: D) -> None:
    """After a lost link: what an answered call may say too proves nothing."""
    lost = facts(**{"response": "", "reason": "", **said}, state_known=False, unbroken=False)
    assert disposition_of(lost) is disposition


@pytest.mark.parametrize(
    ("cause", "tech", "read"),
    [
        ("17", "486", (17, 486)),
        ("17", "SIP 486 Busy Here", (17, 486)),
        ("", "", (None, None)),
        ("-1", "none", (None, None)),
        ("x", "12345", (None, None)),
    ],
)
def test_causes_are_read_or_left_alone(
    cause: str, tech: str, read: tuple[int | None, int | None]
) -> None:
    said = Facts()
    said.hang_up(cause, tech)
    assert (said.cause, said.tech_cause) == read


def test_a_late_hangup_without_causes_takes_nothing_back() -> None:
    said = Facts()
    said.hang_up("17", "486")
    said.hang_up("", "")
    assert (said.cause, said.tech_cause) == (17, 486)
