"""People change what was asked for: over every store, and while calls are under way."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapters.memory import ManualClock, MemoryDialer, MemoryStore
from gateway.app.amendments import Patch
from gateway.app.intake import CallbackRequest
from gateway.app.office import Office
from gateway.domain.change import Added
from gateway.domain.disposition import Disposition
from gateway.domain.errors import BadInput, Conflict, NotFound, NotNow
from gateway.domain.events import CallNews
from gateway.domain.machine import CallbackState
from gateway.domain.model import Callback, PreferredWindow
from gateway.domain.pacing import Limits
from gateway.domain.windows import CountryRule, Hours
from gateway.ports import Amend, Store
from tests.support.harness import gateway_of
from tests.support.office import office_over

KAISA = "+358401234567"
DAYTIME = CountryRule(
    weekly={day: (Hours(9 * 60, 20 * 60),) for day in range(5)},
    cap_day=2,
    cap_week=9,
    min_gap=3600.0,
)
AFTERNOONS = (PreferredWindow(weekdays=frozenset(range(5)), start_minute=840, end_minute=900),)


async def _one(office: Office, **changes: object) -> str:
    """Ask for a callback to Kaisa; it is ten in the morning in Helsinki."""
    request = CallbackRequest(numbers=(KAISA,), queue="support", **changes)  # type: ignore[arg-type]
    (answer,) = await office.intake.take([request])
    assert isinstance(answer, Added)
    return answer.callback_id


async def _kinds(store: Store, callback_id: str) -> list[str]:
    way = await store.history(callback_id)
    assert way is not None
    return [step.kind for step in way.steps]


async def _stored(store: Store, callback_id: str) -> Callback:
    way = await store.history(callback_id)
    assert way is not None
    return way.callback


async def test_a_time_somebody_chose_is_kept_with_who_chose_it(store: Store) -> None:
    clock = ManualClock()
    office = office_over(store, clock, rule=DAYTIME)
    callback_id = await _one(office)
    at = clock.now() + timedelta(hours=3)
    after = await office.amendments.reschedule(callback_id, at, by="anna")
    assert after == await _stored(store, callback_id)
    assert after.due_at == at
    assert after.plan is not None
    assert after.plan.decider == "human:anna"
    assert after.state_reason == "at 13:00 in Europe/Helsinki, chosen by anna"
    assert (await _kinds(store, callback_id))[-1] == "rescheduled"


async def test_a_time_outside_the_law_is_refused_with_the_next_one(store: Store) -> None:
    clock = ManualClock()
    office = office_over(store, clock, rule=DAYTIME)
    callback_id = await _one(office)
    night = clock.now() + timedelta(hours=14)
    with pytest.raises(BadInput, match="again on Wed 2026-03-11 at 09:00 in Europe/Helsinki"):
        await office.amendments.reschedule(callback_id, night, by="anna")
    with pytest.raises(BadInput, match="in the past"):
        await office.amendments.reschedule(callback_id, clock.now(), by="anna")
    late = clock.now() + timedelta(days=9)
    with pytest.raises(BadInput, match="after the deadline, on Thu 2026-03-12 at 10:00"):
        await office.amendments.reschedule(callback_id, late, by="anna")
    after = await office.amendments.reschedule(callback_id, late, by="anna", deadline=late)
    assert (after.due_at, after.deadline) == (late, late)
    await clock.advance(12 * 3600.0)
    with pytest.raises(BadInput, match="at 09:00 in Europe/Helsinki"):
        await office.amendments.call_now(callback_id, by="anna")


async def test_preferred_times_are_set_aside_only_if_that_is_said(store: Store) -> None:
    clock = ManualClock()
    office = office_over(store, clock, rule=DAYTIME)
    callback_id = await _one(office, preferred=AFTERNOONS)
    soon = clock.now() + timedelta(hours=1)
    with pytest.raises(BadInput, match=r"at 14:00 .* preferred times are to be ignored"):
        await office.amendments.reschedule(callback_id, soon, by="anna")
    with pytest.raises(BadInput, match="at 14:00"):
        await office.amendments.call_now(callback_id, by="anna")
    after = await office.amendments.reschedule(callback_id, soon, by="anna", ignore_preferred=True)
    kept = await _stored(store, callback_id)
    assert kept == after
    assert kept.preferred == AFTERNOONS
    assert kept.wishes == ()


async def test_canceling_says_who_and_why_and_twice_is_once(store: Store) -> None:
    office = office_over(store, ManualClock())
    callback_id = await _one(office)
    after = await office.amendments.cancel(callback_id, by="anna", reason="bought it in the shop")
    assert after.state is CallbackState.CANCELED
    assert after.state_reason == "canceled by anna: bought it in the shop"
    assert await office.amendments.cancel(callback_id, by="olli") == after
    for deed in (
        office.amendments.call_now(callback_id, by="anna"),
        office.amendments.change(callback_id, Patch(worth=2.0), by="anna"),
    ):
        with pytest.raises(NotNow, match="closed already"):
            await deed
    with pytest.raises(NotFound):
        await office.amendments.cancel("nobody", by="anna")
    with pytest.raises(NotFound):
        await office.amendments.change(callback_id[:-1], Patch(worth=2.0), by="anna")


async def test_a_change_is_kept_whole_and_names_its_fields(store: Store) -> None:
    clock = ManualClock()
    office = office_over(store, clock)
    callback_id = await _one(office)
    before = await _stored(store, callback_id)
    deadline = clock.now() + timedelta(days=5)
    patch = Patch(reason="Kaisa rang", worth=9.0, queue="sales", deadline=deadline)
    after = await office.amendments.change(callback_id, patch, by="anna", version=before.version)
    assert after == await _stored(store, callback_id)
    assert (after.reason, after.worth, after.queue, after.deadline) == (
        "Kaisa rang",
        9.0,
        "sales",
        deadline,
    )
    way = await store.history(callback_id)
    assert way is not None
    changed = next(step for step in way.steps if step.kind == "changed")
    assert changed.text == "deadline, queue, reason, worth changed by anna"
    assert "Kaisa" not in str(changed)
    assert await store.next_due(["sales"]) == after.due_at
    assert await store.next_due(["support"]) is None
    same = await office.amendments.change(callback_id, patch, by="anna")
    assert same.version == after.version


async def test_who_changes_an_older_version_is_told(store: Store) -> None:
    office = office_over(store, ManualClock())
    callback_id = await _one(office)
    seen = (await _stored(store, callback_id)).version
    await office.amendments.change(callback_id, Patch(worth=2.0), by="anna", version=seen)
    with pytest.raises(Conflict, match="read it again"):
        await office.amendments.change(callback_id, Patch(worth=3.0), by="olli", version=seen)
    assert (await _stored(store, callback_id)).worth == 2.0


async def test_a_shorter_deadline_has_the_time_planned_anew_or_is_refused(store: Store) -> None:
    clock = ManualClock()
    office = office_over(store, clock)
    callback_id = await _one(office)
    at = clock.now() + timedelta(hours=5)
    await office.amendments.reschedule(callback_id, at, by="anna")
    after = await office.amendments.change(
        callback_id, Patch(deadline=clock.now() + timedelta(hours=1)), by="anna"
    )
    assert after.due_at == clock.now()
    assert (await _kinds(store, callback_id))[-2:] == ["changed", "planned"]
    for patch, field in (
        (Patch(deadline=clock.now()), "deadline"),
        (Patch(queue="nobody"), "queue"),
        (Patch(worth=float("nan")), "worth"),
    ):
        with pytest.raises(BadInput) as refused:
            await office.amendments.change(callback_id, patch, by="anna")
        assert refused.value.field == field
        assert refused.value.remedy
    assert await _stored(store, callback_id) == after


class Busy(MemoryStore):
    """A memory store in which somebody else is quicker, a few times."""

    quicker = 0

    async def amend(self, callback_id: str, decide: Amend) -> Callback:
        if self.quicker:
            self.quicker -= 1
            callback = self.rows.callbacks[callback_id]
            self.rows.put_callback(callback.moved(callback.state, reason=f"{self.quicker}"))
        return await super().amend(callback_id, decide)


async def test_a_change_that_somebody_else_came_before_is_thought_out_again() -> None:
    clock = ManualClock()
    store = Busy(clock)
    await store.open()
    office = office_over(store, clock)
    callback_id = await _one(office)
    store.quicker = 3
    after = await office.amendments.change(callback_id, Patch(worth=2.0), by="anna")
    assert (after.worth, after.reason) == (2.0, "0")
    store.quicker = 100
    with pytest.raises(Conflict, match="try again"):
        await office.amendments.change(callback_id, Patch(worth=3.0), by="anna")


async def test_an_earlier_time_wakes_the_dispatcher() -> None:
    async with gateway_of() as one:
        later = one.clock.now() + timedelta(hours=3)
        await one.office.holds.stop_all(by="anna")
        (callback_id,) = await one.ask(KAISA)
        await one.office.amendments.reschedule(callback_id, later, by="anna")
        await one.office.holds.resume(by="anna")
        await one.clock.advance(10.0)
        assert one.numbers() == []
        soon = one.clock.now() + timedelta(minutes=2)
        await one.office.amendments.reschedule(callback_id, soon, by="anna")
        await one.clock.advance(119.0)
        assert one.numbers() == []
        await one.clock.advance(1.1)
        assert one.numbers() == [KAISA]


async def test_call_now_calls_at_once_but_not_before_the_gap_is_over() -> None:
    async with gateway_of() as one:
        (callback_id,) = await one.ask(KAISA)
        with pytest.raises(NotNow, match="being called right now"):
            await one.office.amendments.call_now(callback_id, by="anna")
        await one.tell(CallNews.RINGING, end=Disposition.NO_ANSWER)
        await one.office.amendments.call_now(callback_id, by="anna")
        await one.clock.advance(5.0)
        assert len(one.numbers()) == 1
        await one.clock.advance(5.1)
        assert len(one.numbers()) == 2, "the rule would have waited a minute, the law ten seconds"
        assert await one.violations() == []


async def test_a_callback_canceled_while_it_rings_is_not_called_again() -> None:
    async with gateway_of() as one:
        (callback_id,) = await one.ask(KAISA)
        await one.tell(CallNews.RINGING)
        marked = await one.office.amendments.cancel(callback_id, by="anna", reason="too late")
        assert marked.state is CallbackState.DIALING
        assert one.dialer.hung_up == []
        await one.tell(end=Disposition.NO_ANSWER)
        callback = (await one.way(callback_id)).callback
        assert callback.state is CallbackState.CANCELED
        assert callback.state_reason == "canceled by anna: too late"
        await one.clock.advance(3600.0)
        assert len(one.numbers()) == 1
        assert await one.violations() == []


async def test_a_callback_canceled_before_its_call_was_sent_is_never_called() -> None:
    clock = ManualClock()
    slow = MemoryDialer(clock, "pbx", Limits(calls_per_second=1, concurrent_calls=9, burst=1))
    async with gateway_of(clock=clock, dialer=slow) as one:
        _, callback_id = await one.ask("+358501111111", KAISA)
        assert (await one.way(callback_id)).callback.state is CallbackState.DIALING
        await one.office.amendments.cancel(callback_id, by="anna")
        await clock.advance(0.0)
        way = await one.way(callback_id)
        assert way.callback.state is CallbackState.CANCELED, "nothing is left to wait for"
        assert way.steps[-2].text == "attempt 1: not placed"
        await clock.advance(600.0)
        assert one.numbers() == ["+358501111111"]
        assert await one.violations() == []
