"""Webhooks on every store: killed and started again, nothing is missed and nothing renamed."""

import asyncio

from adapters.memory import ManualClock
from gateway.domain.change import Change, NewCallback
from gateway.domain.model import Step
from tests.support.builders import NUMBER, a_callback, a_contact
from tests.support.receivers import DOWN, TAKEN, Receivers, notices_of, place
from tests.support.stores import Backend


async def test_events_are_told_once_the_receiver_is_back_over_restarts_of_the_service(
    backend: Backend,
) -> None:
    clock = ManualClock()
    receivers = Receivers(clock)
    receivers.behave = lambda _one: DOWN
    for run in range(3):
        store = await backend.open()
        async with notices_of(store, clock=clock, receivers=receivers) as rig:
            if run == 0:
                await store.add(_callbacks(5))
                await _settled(clock)
                await rig.hook()
            for n in range(5):
                step = Step(callback_id=f"c{n}", at=clock.now(), kind="planned", text=str(run))
                await store.submit(Change(at=clock.now(), steps=(step,)))
            if run == 2:
                receivers.behave = lambda _one: TAKEN
            for _ in range(60):
                await _settled(clock)
                await clock.advance(1)
        await store.close()
    assert sorted(place(one) for one in receivers.taken) == list(range(6, 21))
    for n in range(5):
        of_one = [place(one) for one in receivers.taken if f'"c{n}"' in one.body.decode()]
        assert of_one == sorted(of_one)
    assert len(set(receivers.tries())) == 15


def _callbacks(count: int) -> list[NewCallback]:
    made = []
    for n in range(count):
        contact = a_contact(f"{NUMBER[:-2]}{n:02}", id=f"contact-{n}")
        callback = a_callback(id=f"c{n}", contact_id=contact.id)
        step = Step(callback_id=f"c{n}", at=callback.requested_at, kind="requested", text="so")
        made.append(NewCallback(contact=contact, callback=callback, steps=(step,)))
    return made


async def _settled(clock: ManualClock) -> None:
    """Let the threads of a database answer."""
    await asyncio.sleep(0.02)
    await clock.settle()
