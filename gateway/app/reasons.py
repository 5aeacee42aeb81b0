"""Why nothing is dialing, seen from a snapshot: pure, one small judgement for each reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.app.spec import QueueSpec
from gateway.domain.amend import plain
from gateway.domain.caps import CapReached, count_attempt
from gateway.domain.clockwords import local_words
from gateway.domain.disposition import meaning
from gateway.domain.machine import CallbackState
from gateway.domain.model import Attempt, Callback, Contact, Guard
from gateway.domain.records import HOLD_ALL, Hold, hold_on
from gateway.domain.windows import Closed, CountryRule, Law, parse_zone
from gateway.ports import CarrierStatus

__all__ = ["CarrierView", "Reason", "Snapshot", "Standing", "Subject", "reasons"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that stands in the way. ``code`` is stable, for programs; the rest for people."""

    code: str
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierView:
    """A carrier as it stands: ``room`` more calls at once; ``refused``: it does not let us in."""

    status: CarrierStatus
    room: int
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a running gateway stands. ``stopping``: why it takes nothing on any more."""

    carriers: Mapping[str, CarrierView] = field(default_factory=dict)
    busy_agents: frozenset[str] = frozenset()
    database_trouble: str = ""
    stopping: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One callback with what can stand in its way. ``attempts``: the contact's, of any callback."""

    callback: Callback
    contact: Contact
    attempts: tuple[Attempt, ...] = ()
    do_not_call: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is known at ``now``. ``standing`` None: no gateway runs here.

    ``queues`` are those asked about; ``due`` the earliest due time of each that has one.
    """

    now: datetime
    law: Law
    queues: Mapping[str, QueueSpec]
    standing: Standing | None
    holds: tuple[Hold, ...] = ()
    due: Mapping[str, datetime] = field(default_factory=dict)
    subject: Subject | None = None
    database_trouble: str = ""


def reasons(seen: Snapshot) -> list[Reason]:
    """Return everything that stands in the way, what concerns all first; empty: nothing does.

    About a callback, if there is one in the snapshot, else about the queues.
    """
    found = list(_of_all(seen))
    if seen.subject is not None:
        closed = _over(seen.subject)
        return [closed] if closed else [*found, *_of_callback(seen, seen.subject)]
    for queue in seen.queues.values():
        found += _of_queue(seen, queue)
        found += _of_time(seen, queue)
    if not seen.queues:
        found.append(Reason(code="no_queue", text="no such queue", remedy=_CONFIGURE))
    return list(dict.fromkeys(found))


_CONFIGURE = "add the queue to the configuration and reload it"
_RESUME = "kairos resume lifts it, when whoever set it agrees"


def _of_all(seen: Snapshot) -> Iterator[Reason]:
    standing = seen.standing
    if standing is None:
        yield Reason(code="not_running", text="no service runs", remedy="start it: kairos serve")
    elif standing.stopping:
        yield Reason(code="stopping", text=standing.stopping, remedy="start it again: kairos serve")
    trouble = seen.database_trouble or (standing.database_trouble if standing else "")
    if trouble:
        remedy = "see to the database: calls go on by themselves when it takes what it is given"
        yield Reason(code="database", text=f"the database: {trouble}", remedy=remedy)
    for hold in seen.holds:
        if hold.target == HOLD_ALL:
            yield _held(hold, "all calls are held")


def _held(hold: Hold, what: str) -> Reason:
    since = f"{hold.since:%Y-%m-%d %H:%M} UTC"
    return Reason(
        code="hold", text=f"{what} since {since} by {plain(hold.by, hold.reason)}", remedy=_RESUME
    )


def _of_queue(seen: Snapshot, queue: QueueSpec) -> Iterator[Reason]:
    """Say what keeps a whole queue from being called."""
    for hold in seen.holds:
        if hold.target == hold_on(queue.name):
            yield _held(hold, f"queue {queue.name} is held")
    if seen.standing is None:
        return
    views = {name: seen.standing.carriers.get(name) for name in queue.carriers}
    up = [view for view in views.values() if view is not None and view.status.up]
    if not up:
        for name, view in views.items():
            yield _down(queue, name, view)
    elif not any(view.room >= (2 if queue.agents else 1) for view in up):
        yield Reason(
            code="no_room",
            text=f"queue {queue.name}: its carriers have as many calls as they take",
            remedy="wait for one to end, or raise concurrent_calls if the carrier takes more",
        )
    if queue.agents and all(one in seen.standing.busy_agents for one in queue.agents):
        yield Reason(
            code="no_agent",
            text=f"queue {queue.name}: every agent is in a call of ours",
            remedy="wait for one to end, or add agents to the queue",
        )


def _down(queue: QueueSpec, name: str, view: CarrierView | None) -> Reason:
    if view is None:
        text, remedy = "is not configured", "add it to the configuration and restart"
    elif view.refused:
        text = f"does not let us in: {view.refused}"
        remedy = "mend user, secret and rights, then restart"
    else:
        text = f"is down: {view.status.reason}"
        remedy = "see to the PBX and the network; it is tried again all the time"
    return Reason(
        code="carrier_down", text=f"queue {queue.name}: carrier {name} {text}", remedy=remedy
    )


def _of_time(seen: Snapshot, queue: QueueSpec) -> Iterator[Reason]:
    due = seen.due.get(queue.name)
    if due is None:
        text = f"queue {queue.name}: no callback waits"
        yield Reason(code="nothing_waiting", text=text, remedy="request one")
    elif due > seen.now:
        when = local_words(due, seen.now, None)
        text = f"queue {queue.name}: the next callback is due {when}"
        yield Reason(code="due_later", text=text, remedy="kairos why ID says why not earlier")


def _over(subject: Subject) -> Reason | None:
    callback = subject.callback
    if callback.state is CallbackState.DIALING:
        return Reason(code="dialing", text="the contact is being called right now")
    if callback.state is not CallbackState.SCHEDULED:
        text = f"it is closed ({callback.state.lower()}): {callback.state_reason}"
        return Reason(code="closed", text=text, remedy="request a new callback")
    return None


def _of_callback(seen: Snapshot, subject: Subject) -> Iterator[Reason]:
    callback, contact, now = subject.callback, subject.contact, seen.now
    zone = contact.zone
    queue = seen.queues.get(callback.queue)
    if queue is None:
        text = f"its queue {callback.queue} is not configured"
        yield Reason(code="no_queue", text=text, remedy=_CONFIGURE)
    else:
        yield from _of_queue(seen, queue)
    if now > callback.deadline:
        text = f"its deadline passed {local_words(callback.deadline, now, zone)}"
        yield Reason(code="deadline", text=text, remedy="give it a later deadline")
    if subject.do_not_call:
        text = "a number of the contact is on the do-not-call list"
        yield Reason(code="do_not_call", text=text, remedy="take it off, if that is right")
    if all(one.invalid_since for one in contact.numbers):
        text = "no number of the contact is known to work"
        yield Reason(code="no_number", text=text, remedy="give the contact another number")
    verdict = seen.law.allows(contact, callback.queue, now, callback.wishes)
    if isinstance(verdict, Closed):
        yield _outside(verdict, now, zone)
    else:
        yield from _caps(seen, subject)
    if callback.due_at is not None and callback.due_at > now:
        when = local_words(callback.due_at, now, zone)
        text = f"it is due {when}: {callback.state_reason}"
        remedy = "kairos call-now or reschedule, if the law allows it"
        yield Reason(code="due_later", text=text, remedy=remedy)


def _outside(verdict: Closed, now: datetime, zone: str | None) -> Reason:
    if verdict.opens_at is None:
        remedy = "complete the contact's zone and country, or the rules of the country"
        return Reason(code="no_law", text=verdict.reason, remedy=remedy)
    again = f"calls are allowed again {local_words(verdict.opens_at, now, zone)}"
    return Reason(
        code="outside_window", text=f"{verdict.reason}; {again}", remedy="wait until then"
    )


def _caps(seen: Snapshot, subject: Subject) -> Iterator[Reason]:
    rule, zone = seen.law.rule(subject.contact), parse_zone(subject.contact.zone)
    if rule is None or zone is None:
        return
    if any(one.closed_at is None for one in subject.attempts):
        text = "the contact is in another call of ours"
        yield Reason(code="busy", text=text, remedy="wait for it to end")
        return
    reached = _reached(subject, rule, zone, seen.now)
    if reached is not None:
        until = local_words(reached.until, seen.now, subject.contact.zone)
        code = "gap" if reached.reason.startswith("minimum gap") else "cap"
        text = f"{reached.reason}; the next is allowed {until}"
        yield Reason(code=code, text=text, remedy="wait until then: caps hold for everybody")


def _reached(
    subject: Subject, rule: CountryRule, zone: ZoneInfo, now: datetime
) -> CapReached | None:
    """Count anew what the database counts: the attempts that may have made the phone ring."""
    rang = sorted(
        (one.placed_at or one.reserved_at, one.min_gap)
        for one in subject.attempts
        if one.disposition is not None and meaning(one.disposition).reached_contact
    )
    free = [at + timedelta(seconds=gap) for at, gap in rang]
    guard = Guard(
        key="", recent=tuple(at for at, _ in rang), next_allowed_at=max(free, default=None)
    )
    counted = count_attempt(
        guard, now, zone, cap_day=rule.cap_day, cap_week=rule.cap_week, min_gap=rule.min_gap
    )
    return counted if isinstance(counted, CapReached) else None
