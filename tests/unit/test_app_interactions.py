"""Whoever was talked to otherwise is not called back: over every store, and during calls."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from adapters.memory import ManualClock, MemoryDialer
from gateway.app.intake import CallbackRequest
from gateway.app.interactions import InteractionRequest, Taken
from gateway.app.office import Office
from gateway.app.spec import QueueSpec
from gateway.domain.change import Added
from gateway.domain.disposition import Disposition
from gateway.domain.errors import BadInput
from gateway.domain.events import CallNews
from gateway.domain.machine import CallbackState
from gateway.domain.pacing import Limits
from gateway.domain.records import Interaction, InteractionKind
from gateway.ports import Store
from tests.support.harness import Harness, gateway_of
from tests.support.office import office_over

KAISA, OLLI = "+358401234567", "+358501234589"
DESK = QueueSpec(
    name="desk", carriers=("pbx",), route="bridge", hold_route="hold", agents=("PJSIP/anna",)
)
ANSWERED = InteractionRequest(
    id="call-1",
    source="pbx-helsinki",
    kind=InteractionKind.INBOUND_CALL,
    number="040 123 4567",
    answered=True,
)


def _told(**changes: object) -> InteractionRequest:
    given = {"id": "call-1", "source": "pbx", "kind": InteractionKind.REACHED_ELSEWHERE}
    return InteractionRequest(**{**given, **changes})  # type: ignore[arg-type]


async def _ask(office: Office, *numbers: str, queue: str = "support") -> str:
    (added,) = await office.intake.take([CallbackRequest(numbers=numbers, queue=queue)])
    assert isinstance(added, Added)
    return added.callback_id


async def _state(store: Store, callback_id: str) -> tuple[CallbackState, str]:
    way = await store.history(callback_id)
    assert way is not None
    return way.callback.state, way.callback.state_reason


async def test_a_contact_who_called_in_and_was_talked_to_is_done_in_every_queue(
    store: Store,
) -> None:
    office = office_over(store, ManualClock())
    first, second = await _ask(office, KAISA), await _ask(office, KAISA, queue="sales")
    other = await _ask(office, OLLI)
    (taken,) = await office.interactions.take([ANSWERED])
    assert isinstance(taken, Taken)
    assert sorted(taken.completed) == sorted([first, second])
    reason = "the contact called in and was talked to, says pbx-helsinki"
    assert await _state(store, first) == (CallbackState.DONE, reason)
    assert (await _state(store, other))[0] is CallbackState.SCHEDULED
    assert await office.interactions.take([ANSWERED]) == [Taken(duplicate=True)]
    (kept,) = await store.interactions(number=KAISA)
    assert (kept.id, kept.answered) == ("call-1", True)


async def test_each_is_answered_in_its_place_and_a_bad_one_stops_no_other(store: Store) -> None:
    office = office_over(store, ManualClock())
    callback_id = await _ask(office, KAISA)
    way = await store.history(callback_id)
    assert way is not None
    contact = way.contact.id
    naive = datetime(2026, 3, 10, 8, 0)  # noqa: DTZ001 -- just that
    bad = [
        _told(number="nonsense"),
        _told(),
        _told(number=KAISA, contact_id=contact),
        _told(contact_id=contact, id=""),
        _told(contact_id=contact, source="x" * 101),
        _told(contact_id=contact, at=naive),
    ]
    answers = await office.interactions.take([*bad, _told(contact_id=contact)])
    refused = [one for one in answers if isinstance(one, BadInput)]
    assert [one.field for one in refused] == ["number", "number", "number", "id", "source", "at"]
    assert all(one.remedy for one in refused)
    assert answers[-1] == Taken(completed=(callback_id,))


async def test_what_says_nothing_of_a_talk_completes_nothing(store: Store) -> None:
    office = office_over(store, ManualClock())
    callback_id = await _ask(office, KAISA)
    told = [
        _told(id=f"{n}", number=KAISA, kind=kind)
        for n, kind in enumerate(InteractionKind)
        if kind is not InteractionKind.REACHED_ELSEWHERE
    ]
    assert await office.interactions.take(told) == [Taken()] * len(told)
    assert (await _state(store, callback_id))[0] is CallbackState.SCHEDULED
    way = await store.history(callback_id)
    assert way is not None
    assert [step.kind for step in way.steps].count("missed_call") == 2, "called in, not answered"
    assert len(await store.interactions(number=KAISA)) == len(told)


async def test_a_person_whom_nobody_knows_is_kept(store: Store) -> None:
    office = office_over(store, ManualClock())
    told = [_told(id="1", number=OLLI), _told(id="2", contact_id="nobody")]
    assert await office.interactions.take(told) == [Taken(), Taken()]
    assert len(await store.interactions(number=OLLI)) == 1


async def test_who_of_several_contacts_with_one_number_called_is_not_guessed(store: Store) -> None:
    office = office_over(store, ManualClock())
    first = await _ask(office, "+358452222222", KAISA)
    second = await _ask(office, "+358453333333", KAISA)
    assert await office.interactions.take([ANSWERED]) == [Taken()]
    for callback_id in (first, second):
        way = await store.history(callback_id)
        assert way is not None
        assert way.callback.state is CallbackState.SCHEDULED
        assert way.steps[-1].text == "one of several contacts with this number was reached"


async def test_a_number_that_also_somebody_has_who_waits_for_nothing_completes_nothing(
    store: Store,
) -> None:
    clock = ManualClock()
    office = office_over(store, clock)
    over = await _ask(office, "+358452222222", KAISA)
    await office.amendments.cancel(over, by="test")
    waiting = await _ask(office, "+358453333333", KAISA)
    assert await office.interactions.take([ANSWERED]) == [Taken()]
    assert (await _state(store, waiting))[0] is CallbackState.SCHEDULED


async def test_a_talk_before_the_request_does_not_answer_it(store: Store) -> None:
    clock = ManualClock()
    office = office_over(store, clock)
    before = clock.now()
    await clock.advance(60.0)
    callback_id = await _ask(office, KAISA)
    told = _told(number=KAISA, at=before)
    assert await office.interactions.take([told]) == [Taken()]
    assert (await _state(store, callback_id))[0] is CallbackState.SCHEDULED


async def test_what_an_interruption_left_undone_is_done_when_it_is_told_again(
    store: Store,
) -> None:
    clock = ManualClock()
    office = office_over(store, clock)
    callback_id = await _ask(office, KAISA)
    told = _told(number=KAISA, at=clock.now())
    kept = Interaction(id=told.id, source=told.source, kind=told.kind, at=clock.now(), number=KAISA)
    assert await store.add_interactions([kept]) == [True]
    await clock.advance(60.0)
    (taken,) = await office.interactions.take([told])
    assert taken == Taken(duplicate=True, completed=(callback_id,))


async def _reached(one: Harness) -> None:
    (taken,) = await one.office.interactions.take(
        [_told(number=KAISA, at=one.clock.now() + timedelta(hours=1))]
    )
    assert isinstance(taken, Taken)
    assert len(taken.completed) == 1


async def test_a_contact_reached_while_the_phone_rings_is_hung_up_and_done() -> None:
    async with gateway_of() as one:
        (callback_id,) = await one.ask(KAISA)
        await one.tell(CallNews.RINGING)
        await _reached(one)
        await one.clock.advance(0.05)
        assert one.dialer.hung_up == [one.leg()]
        callback = (await one.way(callback_id)).callback
        assert callback.state is CallbackState.DONE
        assert callback.state_reason == "the contact was reached otherwise, says pbx"
        await one.clock.advance(3600.0)
        assert one.numbers() == [KAISA]
        assert await one.violations() == []


async def test_a_talk_that_goes_on_is_not_cut_off() -> None:
    async with gateway_of() as one:
        (callback_id,) = await one.ask(KAISA)
        await one.tell(CallNews.RINGING, CallNews.ANSWERED, CallNews.CONNECTED)
        await _reached(one)
        await one.clock.advance(5.0)
        assert one.dialer.hung_up == []
        await one.tell(end=Disposition.ANSWERED_HUMAN)
        callback = (await one.way(callback_id)).callback
        assert callback.state is CallbackState.DONE
        assert callback.state_reason == "reached"
        assert callback.outcome is Disposition.ANSWERED_HUMAN


async def test_a_contact_reached_before_the_call_was_sent_is_not_called() -> None:
    clock = ManualClock()
    slow = MemoryDialer(clock, "pbx", Limits(calls_per_second=1, concurrent_calls=9, burst=1))
    async with gateway_of(clock=clock, dialer=slow) as one:
        _, callback_id = await one.ask(OLLI, KAISA)
        await _reached(one)
        await clock.advance(60.0)
        assert one.numbers() == [OLLI]
        assert (await one.way(callback_id)).callback.state is CallbackState.DONE
        assert await one.violations() == []


async def test_an_agent_who_waits_for_a_contact_reached_otherwise_is_let_go() -> None:
    async with gateway_of(more_queues=[DESK]) as one:
        (callback_id,) = await one.ask(KAISA, queue="desk")
        await _reached(one)
        await one.clock.advance(1.0)
        assert one.dialer.hung_up == [one.leg(0)]
        assert one.numbers() == []
        assert (await one.way(callback_id)).callback.state is CallbackState.DONE
        assert await one.violations() == []


@pytest.mark.parametrize("end", [Disposition.NO_ANSWER, Disposition.BUSY, Disposition.FAILED])
async def test_whatever_the_call_comes_to_the_contact_was_reached(end: Disposition) -> None:
    async with gateway_of() as one:
        (callback_id,) = await one.ask(KAISA)
        one.dialer.vanish(one.leg())
        await _reached(one)
        await one.tell(end=end)
        callback = (await one.way(callback_id)).callback
        assert callback.state is CallbackState.DONE
        assert callback.outcome is end
