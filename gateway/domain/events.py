"""What a carrier can tell about a leg, in our words; every adapter translates into these."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.domain.disposition import Disposition
from gateway.domain.model import Evidence

__all__ = ["CallEvent", "CallNews", "CarrierEvent", "Finding", "LinkDown", "LinkUp"]


class CallNews(StrEnum):
    """The kind of news. ``CONNECTED``: the answered person now has somebody to talk to."""

    ACCEPTED = "accepted"
    RINGING = "ringing"
    ANSWERED = "answered"
    CONNECTED = "connected"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent:
    """One piece of news about one leg; may come late, twice or out of order.

    ``ENDED`` carries ``disposition`` as the adapter reads it from ``evidence``, without knowing
    whether anybody was connected. ``channel`` is the PBX's name of the channel where known.
    """

    leg_id: str
    at: datetime
    news: CallNews
    disposition: Disposition | None = None
    evidence: Evidence = Evidence()
    channel: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkUp:
    """The carrier can be used. ``unbroken``: no event can have been missed since the last link."""

    carrier: str
    at: datetime
    boot_epoch: str
    unbroken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDown:
    """The carrier cannot be used; events may be missed from now on."""

    carrier: str
    at: datetime
    reason: str


CarrierEvent = CallEvent | LinkUp | LinkDown


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What lasting evidence (CEL, a carrier's call list) says about one leg.

    ``placed`` is True when the call existed, False only when that is proved; None is unknown.
    ``disposition`` is None while the call is not known to have ended. ``ringing_at`` etc. are
    filled where the evidence tells.
    """

    leg_id: str
    placed: bool | None
    disposition: Disposition | None = None
    evidence: Evidence = Evidence()
    answered_at: datetime | None = None
    connected_at: datetime | None = None
    ended_at: datetime | None = None
