"""Release causes: every row of the table of Q.850 causes and SIP statuses, as dispositions."""

from __future__ import annotations

import pytest

from gateway.domain.causes import disposition_of_q850, disposition_of_sip, read_causes
from gateway.domain.disposition import Disposition

D = Disposition

_Q850 = [
    ("the number does not exist", D.INVALID_NUMBER, [1, 5, 14, 22, 28]),
    ("the line is busy", D.BUSY, [17]),
    ("nobody answered", D.NO_ANSWER, [16, 18, 19]),
    ("our endpoint is not registered", D.FAILED, [20]),
    ("the call was declined", D.REJECTED, [21]),
    ("the network has no room or no way", D.CONGESTION, [2, 3, 27, 34, 38, 41, 42, 44, 102]),
    ("the carrier does not let us", D.FAILED, [29, 50, 52, 54, 57]),
    ("our codecs do not fit", D.FAILED, [58, 65, 66, 69, 88]),
    ("redirected to where we do not go", D.FAILED, [23]),
    ("picked up elsewhere", D.CANCELED, [26]),
    ("the protocol broke", D.FAILED, [31, *range(95, 102), 111, 127]),
]
_SIP = [
    ("the number does not exist", D.INVALID_NUMBER, [404, 410, 484, 485, 604]),
    ("the line is busy", D.BUSY, [486, 600]),
    ("nobody answered", D.NO_ANSWER, [408, 480]),
    ("a person or a filter declined", D.REJECTED, [603, 607, 608]),
    ("our credentials or our account", D.FAILED, [401, 403, 407]),
    ("our codecs", D.FAILED, [415, 488, 606]),
    ("our route goes in circles or nowhere", D.FAILED, [481, 483]),
    ("not offered by the carrier", D.FAILED, [501]),
    ("redirected to where we do not go", D.FAILED, [300, 301, 302, 305, 380]),
    ("the ringing was called off", D.CANCELED, [487]),
    ("the network has no room", D.CONGESTION, [409, 420, 500, 502, 503, 504, 580, 599]),
    ("unknown errors", D.FAILED, [400, 402, 405, 499, 605, 699]),
]


@pytest.mark.parametrize(
    ("cause", "disposition"),
    [(cause, disposition) for _, disposition, causes in _Q850 for cause in causes],
)
def test_a_q850_cause_of_an_unanswered_call_is_read_as_the_table_says(
    cause: int, disposition: Disposition
) -> None:
    assert disposition_of_q850(cause) is disposition


@pytest.mark.parametrize(
    ("status", "disposition"),
    [(status, disposition) for _, disposition, statuses in _SIP for status in statuses],
)
def test_a_final_sip_status_is_read_as_the_table_says(
    status: int, disposition: Disposition
) -> None:
    assert disposition_of_sip(status) is disposition


@pytest.mark.parametrize("cause", [0, -1, 7, 128, 1000])
def test_a_cause_that_says_nothing_leaves_the_word_to_other_evidence(cause: int) -> None:
    assert disposition_of_q850(cause) is None


@pytest.mark.parametrize("status", [0, 100, 180, 183, 200, 700])
def test_a_status_that_is_no_error_leaves_the_word_to_other_evidence(status: int) -> None:
    assert disposition_of_sip(status) is None


@pytest.mark.parametrize(
    ("status", "cause", "disposition"),
    [
        (401, 21, D.FAILED),
        (403, 21, D.FAILED),
        (407, 21, D.FAILED),
        (603, 21, D.REJECTED),
        (483, 19, D.FAILED),
        (302, 23, D.FAILED),
        (409, 41, D.CONGESTION),
        (420, 3, D.CONGESTION),
        (487, 127, D.CANCELED),
    ],
)
def test_a_sip_status_wins_over_the_cause_it_shares_with_others(
    status: int, cause: int, disposition: Disposition
) -> None:
    assert read_causes(cause=cause, tech_cause=status) is disposition


def test_a_status_that_says_nothing_leaves_the_word_to_the_cause() -> None:
    assert read_causes(cause=17, tech_cause=200) is D.BUSY


def test_no_cause_at_all_says_nothing() -> None:
    assert read_causes(cause=None, tech_cause=None) is None


@pytest.mark.parametrize(("cause", "status"), [(16, None), (127, 487), (0, None), (None, None)])
def test_a_ring_time_out_means_no_answer_whatever_the_network_calls_it(
    cause: int | None, status: int | None
) -> None:
    assert read_causes(cause=cause, tech_cause=status, timed_out=True) is D.NO_ANSWER


@pytest.mark.parametrize(("cause", "status"), [(16, None), (127, 487), (0, None), (None, None)])
def test_a_call_we_hung_up_ourselves_is_canceled_whatever_the_network_calls_it(
    cause: int | None, status: int | None
) -> None:
    assert read_causes(cause=cause, tech_cause=status, we_hung_up=True) is D.CANCELED
