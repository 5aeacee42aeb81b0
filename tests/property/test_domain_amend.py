"""What people may do to a callback, for any callback whatsoever."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.amend import Pin, call_now, cancel, complete, plain, reschedule
from gateway.domain.change import Change
from gateway.domain.errors import BadInput, NotNow
from gateway.domain.machine import TERMINAL_CALLBACK_STATES, CallbackState
from gateway.domain.model import PreferredWindow
from gateway.domain.patch import Patch, applied, needs_plan
from gateway.domain.records import CallbackView
from gateway.domain.reserve import decide
from gateway.domain.windows import Open
from tests.support.builders import a_callback, a_candidate, a_contact, a_law, a_plan, terms

LAW = a_law()
MORNINGS = (PreferredWindow(weekdays=frozenset(range(5)), start_minute=540, end_minute=660),)

instants = st.integers(0, 60 * 24 * 60).map(
    lambda minutes: datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
zones = st.sampled_from(["Europe/Helsinki", "America/Havana", "Asia/Kathmandu", None])


def tried(deed: Callable[[], Change]) -> Change | BadInput | NotNow:
    """Return what came of it."""
    try:
        return deed()
    except (BadInput, NotNow) as refusal:
        return refusal


@st.composite
def views(draw: st.DrawFn, now: datetime) -> CallbackView:
    state = draw(st.sampled_from(CallbackState))
    waits = state is CallbackState.SCHEDULED
    callback = a_callback(
        state=state,
        due_at=now if waits else None,
        plan=a_plan() if waits else None,
        deadline=now + timedelta(hours=draw(st.integers(-2, 200))),
        preferred=draw(st.sampled_from([(), MORNINGS])),
        cancel_requested=draw(st.booleans()) and state is CallbackState.DIALING,
        answered_late=draw(st.booleans()) and state is CallbackState.DIALING,
    )
    return CallbackView(callback=callback, contact=a_contact(zone=draw(zones)))


@given(st.data(), instants)
def test_a_time_that_was_taken_is_ahead_inside_law_and_deadline_and_the_claim_takes_it_too(
    data: st.DataObject, now: datetime
) -> None:
    view = data.draw(views(now))
    pin = Pin(at=data.draw(instants), by="anna", any_time=data.draw(st.booleans()))
    change = tried(lambda: reschedule(view, pin, law=LAW, now=now))
    if not isinstance(change, Change):
        assert change.remedy
        return
    after = change.callback
    assert after is not None
    assert after.plan is not None
    assert now < pin.at == after.due_at == after.plan.due_at <= after.deadline
    assert after.plan.decider == "human:anna"
    assert isinstance(LAW.allows(view.contact, after.queue, pin.at), Open)
    assert pin.any_time or isinstance(
        LAW.allows(view.contact, after.queue, pin.at, after.preferred), Open
    )
    claimed = decide(a_candidate(callback=after, contact=view.contact), terms(now=pin.at, law=LAW))
    assert claimed.attempt is not None, "what was promised is not put off"


@given(st.data(), instants)
def test_the_time_that_a_refusal_names_is_taken(data: st.DataObject, now: datetime) -> None:
    view = data.draw(views(now))
    far = replace(view.callback, deadline=now + timedelta(days=60))
    view = replace(view, callback=far)
    pin = Pin(at=data.draw(instants), by="anna", any_time=data.draw(st.booleans()))
    refusal = tried(lambda: reschedule(view, pin, law=LAW, now=now))
    if not isinstance(refusal, BadInput):
        return
    named = re.search(r"allowed again (on \w+ \S+ )?at \d\d:\d\d in \S", refusal.remedy)
    wishes = () if pin.any_time else view.callback.preferred
    opens = LAW.next_open(view.contact, view.callback.queue, pin.at, wishes)
    assert (named is not None) == (now < pin.at <= far.deadline and opens is not None)
    if named is not None and opens is not None and opens <= far.deadline:
        assert reschedule(view, replace(pin, at=opens), law=LAW, now=now).callback


@given(st.data(), instants)
def test_call_now_makes_it_due_now_where_the_claim_would_call_now(
    data: st.DataObject, now: datetime
) -> None:
    view = data.draw(views(now))
    change = tried(lambda: call_now(view, by="anna", law=LAW, now=now))
    if view.callback.state is not CallbackState.SCHEDULED:
        assert isinstance(change, NotNow)
        return
    candidate = a_candidate(callback=view.callback, contact=view.contact)
    claimed = decide(candidate, terms(now=now, law=LAW)).attempt is not None
    assert isinstance(change, Change) == claimed
    if not isinstance(change, Change):
        assert change.remedy
        return
    assert change.callback is not None
    assert change.callback.due_at == now


@given(st.data(), instants)
def test_what_is_closed_stays_as_it_is(data: st.DataObject, now: datetime) -> None:
    view = data.draw(views(now))
    if view.callback.state not in TERMINAL_CALLBACK_STATES:
        return
    assert complete(view, reason="reached", now=now) is None
    with pytest.raises(NotNow):
        reschedule(view, Pin(at=now, by="anna"), law=LAW, now=now)
    with pytest.raises(NotNow):
        call_now(view, by="anna", law=LAW, now=now)
    if view.callback.state is CallbackState.CANCELED:
        assert cancel(view, by="anna", reason="", now=now) is None
    else:
        with pytest.raises(NotNow, match="closed already"):
            cancel(view, by="anna", reason="", now=now)


@given(st.data(), instants)
def test_canceling_and_completing_close_or_mark_and_do_nothing_the_second_time(
    data: st.DataObject, now: datetime
) -> None:
    view = data.draw(views(now))
    callback = view.callback
    if callback.state in TERMINAL_CALLBACK_STATES:
        return
    for first in (
        cancel(view, by="anna", reason="", now=now),
        complete(view, reason="called in", now=now),
    ):
        if first is None:
            assert callback.cancel_requested or callback.answered_late
            continue
        after = first.callback
        assert after is not None
        assert after.version == callback.version + 1
        assert after.plan == callback.plan
        if callback.state is CallbackState.SCHEDULED:
            assert after.state in {CallbackState.CANCELED, CallbackState.DONE}
            assert after.due_at is None
            assert after.closed_at == now
        else:
            assert after.state is CallbackState.DIALING
            assert after.cancel_requested or after.answered_late
    done = complete(view, reason="called in", now=now)
    if done is not None and done.callback is not None:
        again = replace(view, callback=done.callback)
        assert complete(again, reason="called in", now=now) is None


@given(st.text(max_size=300), st.text(max_size=300))
def test_what_goes_into_the_journal_is_one_short_line_without_numbers_or_addresses(
    who: str, why: str
) -> None:
    said = plain(who, f"{why} +358 40 123 4567 or kaisa@example.com, {why}")
    assert len(said) <= 100 + 2 + 200
    assert said.splitlines() == [said] or not said.isprintable()
    assert "123 4567" not in said
    assert "kaisa@" not in said


@given(st.data(), instants)
def test_a_change_never_leaves_a_time_past_the_deadline_or_outside_the_law_unplanned(
    data: st.DataObject, now: datetime
) -> None:
    before = a_callback(
        due_at=data.draw(instants), deadline=now + timedelta(days=9), queue="support"
    )
    given_ = {
        "deadline": now + timedelta(hours=data.draw(st.integers(1, 300))),
        "preferred": MORNINGS,
        "queue": "sales",
    }
    names = data.draw(st.sets(st.sampled_from(sorted(given_))))
    patch = Patch(**{name: given_[name] for name in names})  # type: ignore[arg-type]
    after = applied(before, patch, {"support", "sales"}, now)
    assert after.version == before.version
    if not needs_plan(before, after, a_contact(), LAW):
        assert after.due_at is not None
        assert after.due_at <= after.deadline
        assert not names & {"queue", "preferred"}


def test_a_time_that_a_person_chose_outlives_other_wishes_as_long_as_it_is_allowed() -> None:
    at = datetime(2026, 3, 11, 8, 0, tzinfo=UTC)
    before = a_callback(due_at=at, plan=a_plan(due_at=at, decider="human:anna"))
    mornings = replace(before, preferred=MORNINGS)
    afternoons = (replace(MORNINGS[0], start_minute=900, end_minute=1000),)
    assert not needs_plan(before, mornings, a_contact(), LAW)
    assert needs_plan(before, replace(before, preferred=afternoons), a_contact(), LAW)


def test_a_contact_on_the_do_not_call_list_is_not_called_because_somebody_says_so() -> None:
    now = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)
    view = CallbackView(
        callback=a_callback(), contact=a_contact(), do_not_call=frozenset({"+358401234567"})
    )
    with pytest.raises(NotNow, match="do-not-call list"):
        call_now(view, by="anna", law=LAW, now=now)
