"""A change to what was asked for: its fields, and whether it needs another plan."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import Enum
from typing import Any, Final, Literal

from gateway.domain.amend import plain
from gateway.domain.errors import BadInput
from gateway.domain.model import Callback, Contact, PreferredWindow, Step
from gateway.domain.windows import Law, Open

__all__ = ["UNSET", "Patch", "Unset", "applied", "changed_step", "needs_plan"]

_MAX_TEXT = 500


class Unset(Enum):
    """Says that a field of a patch was not given."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET
_Maybe = Literal[Unset.UNSET]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """What to change of a callback; a field that is UNSET stays as it is.

    ``deadline`` is an instant. A contact's zone, name and numbers are the contact's, not here.
    """

    reason: str | _Maybe = UNSET
    deadline: datetime | _Maybe = UNSET
    preferred: tuple[PreferredWindow, ...] | _Maybe = UNSET
    worth: float | _Maybe = UNSET
    queue: str | _Maybe = UNSET

    @property
    def given(self) -> dict[str, Any]:
        """The fields that were given, with their values."""
        found = ((one.name, getattr(self, one.name)) for one in fields(self))
        return {name: value for name, value in found if value is not UNSET}


def applied(callback: Callback, patch: Patch, queues: Collection[str], now: datetime) -> Callback:
    """Return the callback with the patch in it, its version as before. Raises BadInput."""
    given = patch.given
    queue, deadline = given.get("queue"), given.get("deadline")
    if queue is not None and queue not in queues:
        known = ", ".join(sorted(queues))
        raise BadInput("queue", "no such queue", value=queue, remedy=f"known are: {known}")
    if deadline is not None and deadline.tzinfo is None:
        raise BadInput("deadline", "has no time zone", remedy="write it like 2026-01-31T17:00Z")
    if deadline is not None and deadline <= now:
        raise BadInput("deadline", "lies in the past", remedy="give a later one, or cancel it")
    if not math.isfinite(given.get("worth", 0.0)):
        raise BadInput("worth", "is not a finite number", remedy="leave it out or give a number")
    if len(given.get("reason", "")) > _MAX_TEXT:
        raise BadInput("reason", f"longer than {_MAX_TEXT} characters", remedy="shorten it")
    return replace(callback, **given)


def needs_plan(before: Callback, after: Callback, contact: Contact, law: Law) -> bool:
    """Whether the planned time must be chosen anew for what was changed.

    A time past the deadline must. Other wishes or another queue have a better time looked for,
    unless a person chose this one and it is still allowed.
    """
    if after.due_at is None or after.plan is None or after.due_at > after.deadline:
        return True
    if (before.queue, before.preferred) == (after.queue, after.preferred):
        return False
    chosen = after.plan.decider.startswith("human:")
    verdict = law.allows(contact, after.queue, after.due_at, after.wishes)
    return not (chosen and isinstance(verdict, Open))


def changed_step(before: Callback, after: Callback, patch: Patch, by: str, now: datetime) -> Step:
    """Say who changed which fields; their values only where they are nobody's words."""
    names = sorted(name for name in patch.given if getattr(before, name) != getattr(after, name))
    data: dict[str, Any] = {"by": plain(by), "fields": names}
    if "deadline" in names:
        data["deadline"] = after.deadline.isoformat()
    if "queue" in names:
        data["queue"] = after.queue
    text = f"{', '.join(names)} changed by {plain(by)}"
    return Step(callback_id=before.id, at=now, kind="changed", text=text, data=data)
