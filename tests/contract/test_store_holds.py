"""What every store does while a queue, or everything, is held."""

import asyncio
from dataclasses import replace

import pytest

from gateway.domain.change import Candidate, Change, Demand
from gateway.domain.model import Flight
from gateway.domain.records import HOLD_ALL, Hold, hold_on
from gateway.ports import Store
from tests.support.builders import NOW, OTHER_NUMBER, a_callback, a_contact, a_plan, after
from tests.support.stores import Backend, entry, reservation

ROOM = [Demand(queue=one, carrier="pbx", limit=5) for one in ("support", "sales")]
EVERYTHING = Hold(target=HOLD_ALL, reason="wrong text", by="anna", since=NOW)
SUPPORT = Hold(target=hold_on("support"), reason="nobody is in", by="anna", since=after(5))


async def in_both_queues(store: Store) -> None:
    other = a_contact(OTHER_NUMBER, id="contact-2")
    in_sales = a_callback(
        id="callback-2", contact_id="contact-2", queue="sales", plan=a_plan(number=OTHER_NUMBER)
    )
    await store.add([entry(a_callback()), entry(in_sales, contact=other)])


def ids(flights: list[Flight]) -> list[str]:
    return [one.callback.id for one in flights]


async def test_holds_are_listed_oldest_first_and_the_first_of_a_target_stays(store: Store) -> None:
    await store.hold(SUPPORT)
    await store.hold(EVERYTHING)
    await store.hold(replace(SUPPORT, by="bert", since=after(9)))
    assert await store.holds() == [EVERYTHING, SUPPORT]
    assert await store.release(SUPPORT.target) == SUPPORT
    assert await store.release(SUPPORT.target) is None
    assert await store.holds() == [EVERYTHING]


async def test_nothing_of_a_held_queue_is_reserved_or_even_judged(store: Store) -> None:
    await in_both_queues(store)
    await store.hold(SUPPORT)
    judged: list[str] = []

    def look(candidate: Candidate) -> Change:
        judged.append(candidate.callback.queue)
        return reservation(candidate)

    assert ids(await store.claim(NOW, ROOM, look)) == ["callback-2"]
    assert judged == ["sales"]
    assert await store.next_due(["support"]) == NOW


async def test_nothing_at_all_is_reserved_while_everything_is_held(store: Store) -> None:
    await in_both_queues(store)
    await store.hold(EVERYTHING)
    assert await store.claim(NOW, ROOM, reservation) == []
    await store.release(HOLD_ALL)
    assert ids(await store.claim(NOW, ROOM, reservation)) == ["callback-1", "callback-2"]


@pytest.mark.parametrize(
    ("hold", "granted"), [(SUPPORT, {"sales"}), (EVERYTHING, set())], ids=["queue", "all"]
)
async def test_a_hold_between_claim_and_sending_grants_nothing_of_what_it_holds(
    store: Store, hold: Hold, granted: set[str]
) -> None:
    await in_both_queues(store)
    flights = await store.claim(NOW, ROOM, reservation)
    legs = {one.legs[0].id: one.callback.queue for one in flights}
    await store.hold(hold)
    sent = await store.start_sending(list(legs), after(1))
    assert {legs[one] for one in sent} == granted
    await store.release(hold.target)
    rest = await store.start_sending(list(legs), after(2))
    assert rest == legs.keys() - sent


async def test_a_hold_that_lands_while_a_claim_is_judged_stops_its_legs(store: Store) -> None:
    await in_both_queues(store)
    holding: list[asyncio.Task[None]] = []

    def look(candidate: Candidate) -> Change:
        holding.append(asyncio.ensure_future(store.hold(EVERYTHING)))
        return reservation(candidate)

    flights = await store.claim(NOW, ROOM, look)
    assert len(flights) == 2
    await asyncio.gather(*holding)
    legs = [one.legs[0].id for one in flights]
    assert await store.start_sending(legs, after(1)) == frozenset()


async def test_what_is_granted_beside_a_hold_was_granted_before_it_stood(store: Store) -> None:
    await in_both_queues(store)
    flights = await store.claim(NOW, ROOM, reservation)
    order: list[str] = []

    async def send(flight: Flight) -> None:
        if await store.start_sending([flight.legs[0].id], after(1)):
            order.append("sent")

    async def hold() -> None:
        await store.hold(EVERYTHING)
        order.append("held")

    await asyncio.gather(send(flights[0]), hold(), send(flights[1]))
    assert order in (["sent", "held"], ["held"])


async def test_holds_survive_a_restart(backend: Backend) -> None:
    store = await backend.open()
    await in_both_queues(store)
    await store.hold(EVERYTHING)
    await store.close()
    again = await backend.open()
    assert await again.holds() == [EVERYTHING]
    assert await again.claim(NOW, ROOM, reservation) == []


async def test_a_queue_called_all_is_not_everything(store: Store) -> None:
    await in_both_queues(store)
    await store.hold(replace(SUPPORT, target=hold_on("all")))
    assert len(await store.claim(NOW, ROOM, reservation)) == 2
