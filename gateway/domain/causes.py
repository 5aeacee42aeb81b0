"""From a network's release cause to a disposition.

The table follows ITU-T Q.850 causes as Asterisk's res_pjsip maps SIP statuses onto them. Where a
SIP status is known it wins over the Q.850 cause, because several statuses share one cause (401,
403, 407 and 603 all arrive as 21).
"""

from __future__ import annotations

from gateway.domain.disposition import Disposition

__all__ = ["disposition_of_q850", "disposition_of_sip", "read_causes"]

_D = Disposition
_Q850 = {
    **dict.fromkeys((1, 5, 14, 22, 28), _D.INVALID_NUMBER),
    17: _D.BUSY,
    **dict.fromkeys((16, 18, 19), _D.NO_ANSWER),
    21: _D.REJECTED,
    26: _D.CANCELED,
    **dict.fromkeys((2, 3, 27, 34, 38, 41, 42, 44, 102), _D.CONGESTION),
    **dict.fromkeys((20, 23, 29, 31, 50, 52, 54, 57, 58, 65, 66, 69, 88), _D.FAILED),
    **dict.fromkeys((95, 96, 97, 98, 99, 100, 101, 111, 127), _D.FAILED),
    # 0 is absent on purpose: old Asterisk reports a ring time-out so, and the reason must tell.
}
_SIP = {
    **dict.fromkeys((404, 410, 484, 485, 604), _D.INVALID_NUMBER),
    **dict.fromkeys((486, 600), _D.BUSY),
    **dict.fromkeys((408, 480), _D.NO_ANSWER),
    **dict.fromkeys((603, 607, 608), _D.REJECTED),
    # Only ever the answer to a CANCEL, so the phone may have rung: not a technical failure.
    487: _D.CANCELED,
    **dict.fromkeys((409, 420), _D.CONGESTION),
    # Our credentials, our account, our codecs, our route: never the contact's doing.
    **dict.fromkeys((401, 403, 407, 415, 481, 483, 488, 501, 606), _D.FAILED),
}
_SERVER_ERRORS = range(500, 600)
_FINAL_ERRORS = range(300, 700)


def disposition_of_q850(cause: int) -> Disposition | None:
    """Read a Q.850 cause of a call that was not answered; None where it says nothing."""
    return _Q850.get(cause)


def disposition_of_sip(status: int) -> Disposition | None:
    """Read a final SIP status of a call that was not answered; None where it says nothing."""
    if status in _SIP:
        return _SIP[status]
    if status in _SERVER_ERRORS:
        return _D.CONGESTION
    return _D.FAILED if status in _FINAL_ERRORS else None


def read_causes(
    *, cause: int | None, tech_cause: int | None, we_hung_up: bool = False, timed_out: bool = False
) -> Disposition | None:
    """Decide what an unanswered call's causes mean; None if they say nothing.

    ``we_hung_up``: the gateway ended the ringing itself; ``timed_out``: the ring time was up,
    which networks report like a cancellation (SIP 487, cause 127 or 16).
    """
    if timed_out:
        return _D.NO_ANSWER
    if we_hung_up:
        return _D.CANCELED
    if tech_cause is not None and (by_sip := disposition_of_sip(tech_cause)) is not None:
        return by_sip
    return None if cause is None else disposition_of_q850(cause)
