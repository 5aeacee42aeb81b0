"""What a leg's end is called in the journal."""

from __future__ import annotations

from gateway.domain.model import Leg

__all__ = ["describe"]


def describe(leg: Leg) -> str:
    """Say how a leg ended and what the carrier said of it; empty while it is under way."""
    if leg.disposition is None:
        return ""
    seen = leg.evidence
    raw = [
        f"SIP {seen.tech_cause}" if seen.tech_cause else "",
        f"cause {seen.cause}" if seen.cause is not None else "",
        seen.dial_status,
        seen.amd and f"AMD {seen.amd}",
        seen.reason,
    ]
    told = ", ".join(filter(None, raw))
    return leg.disposition.value + (f" ({told})" if told else "")
