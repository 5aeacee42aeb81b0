"""Asks the planner, and goes on without it: a planner that fails costs time, never a callback."""

from __future__ import annotations

from datetime import timedelta

import structlog

from gateway.domain.change import Stop
from gateway.domain.machine import CallbackEvent
from gateway.domain.model import Plan
from gateway.ports import Planner, PlanQuestion

__all__ = ["ask"]

_log = structlog.get_logger()
_AGAIN = timedelta(minutes=15)
_DECIDER = "rule:plain@1"


async def ask(planner: Planner, question: PlanQuestion) -> Plan | Stop:
    """Return what the planner says, or a plain time where it raises.

    That is at once for a new callback and a quarter of an hour later after an attempt. Law and
    caps are judged when it is due, so the plain time need not know them. Never raises.
    """
    try:
        return await planner.plan(question)
    except Exception as error:  # noqa: BLE001 -- whatever breaks in a planner must not stop calls
        callback, kind = question.callback, type(error).__name__
        _log.error("planner.failed", callback_id=callback.id, error=kind)
        return _plain(question, f"the planner failed ({kind})")


def _plain(question: PlanQuestion, why: str) -> Plan | Stop:
    callback, contact, now = question.callback, question.contact, question.now
    valid = [one.e164 for one in contact.numbers if one.invalid_since is None]
    if not valid:
        return Stop(event=CallbackEvent.EXHAUST, reason="no number of the contact is valid")
    due_at = now if not question.history else now + _AGAIN
    if due_at > callback.deadline:
        return Stop(event=CallbackEvent.EXPIRE, reason=f"{why}, and the deadline is near")
    return Plan(
        due_at=due_at,
        number=valid[0],
        decider=_DECIDER,
        reasons=(f"{why}: a plain time instead",),
        made_at=now,
    )
