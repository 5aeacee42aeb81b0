"""What the core needs from the outside, as small protocols; adapters implement them."""

from __future__ import annotations

from gateway.ports.core import (
    CarrierStatus,
    Clock,
    Dialer,
    DialOrder,
    History,
    Ids,
    Planner,
    PlanQuestion,
    Store,
    Violation,
)
from gateway.ports.messenger import Answer, Message, Messenger
from gateway.ports.numbers import NumberFacts, NumberPlan
from gateway.ports.records import Amend, AmendContact, Records

__all__ = [
    "Amend",
    "AmendContact",
    "Answer",
    "CarrierStatus",
    "Clock",
    "DialOrder",
    "Dialer",
    "History",
    "Ids",
    "Message",
    "Messenger",
    "NumberFacts",
    "NumberPlan",
    "PlanQuestion",
    "Planner",
    "Records",
    "Store",
    "Violation",
]
