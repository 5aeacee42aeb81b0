"""Memory and SQLite must answer alike, whatever they are asked, in whatever order."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.memory import MemoryStore
from adapters.sql import SqlStore
from adapters.system import SystemClock
from gateway.domain.change import Candidate, Change, Demand
from gateway.domain.disposition import Disposition
from gateway.domain.errors import StoreError
from gateway.domain.flight import conclude
from gateway.domain.machine import CallbackState, LegState
from gateway.domain.model import Flight, Step
from gateway.domain.reserve import decide
from gateway.ports import Store
from tests.support.builders import Counter, a_callback, a_contact, a_plan, after, terms
from tests.support.stores import entry, reservation

NUMBERS = ("+358401111111", "+358402222222", "+358403333333")
QUEUES = ("support", "sales")


@dataclass(frozen=True)
class Do:
    """One thing to ask of a store, drawn as data so that a failure can be read."""

    what: str
    n: int = 0
    m: int = 0
    flag: bool = False


small = st.integers(0, 3)


def doing(*what: str) -> st.SearchStrategy[Do]:
    """Draw one of these actions."""
    return st.builds(Do, what=st.sampled_from(what), n=small, m=small, flag=st.booleans())


# Most of the time calls are made, for only they meet each other.
actions = st.one_of(
    doing("add"),
    doing("claim"),
    doing("claim", "send"),
    doing("send", "cancel", "list"),
    doing("end", "news"),
    doing("stale", "refund", "end"),
)
scripts = st.builds(
    lambda first, rest: [*first, *rest],
    st.lists(doing("add"), min_size=3, max_size=6),
    st.lists(actions, min_size=8, max_size=40),
)


class Player:
    """Plays a list of actions on one store and writes down every answer."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.answers: list[Any] = []
        self.time = 0.0
        self.flights: list[Flight] = []
        self.added = 0
        self.ids = Counter()

    async def play(self, script: list[Do]) -> list[Any]:
        for action in script:
            self.time += 1.0
            play: Callable[[Do], Awaitable[object]] = getattr(self, f"_{action.what}")
            try:
                answer = await play(action)
            except StoreError as error:
                answer = type(error).__name__
            self.answers.append((action, answer))
        self.answers.append(await self._everything())
        return self.answers

    async def _add(self, do: Do) -> object:
        self.added += 1
        number = NUMBERS[do.n % len(NUMBERS)]
        contact_id = f"contact-{do.m}"
        callback = a_callback(
            id=f"callback-{self.added:02}" if not do.flag else f"callback-{do.m:02}",
            contact_id=contact_id,
            queue=QUEUES[do.m % 2],
            due_at=after(do.n),
            plan=a_plan(number=number),
            idempotency_key=f"key-{do.n}{do.m}" if do.m == 3 else None,
        )
        numbers = (number, NUMBERS[do.m % len(NUMBERS)]) if do.flag else (number,)
        return await self.store.add([entry(callback, a_contact(*numbers, id=contact_id))])

    async def _claim(self, do: Do) -> object:
        seen: list[Candidate] = []

        def judge(candidate: Candidate) -> Change:
            seen.append(candidate)
            if do.flag:
                return decide(candidate, terms(now=after(self.time), ids=self.ids))
            return reservation(candidate)

        demands = [
            Demand(queue=QUEUES[do.m % 2], carrier="one", limit=do.n + 1),
            Demand(queue=QUEUES[0], carrier="two", limit=1),
        ]
        flights = await self.store.claim(after(self.time), demands, judge)
        self.flights += flights
        return [seen, flights]

    def _flight(self, do: Do) -> Flight | None:
        return self.flights[do.n % len(self.flights)] if self.flights else None

    async def _send(self, do: Do) -> object:
        legs = [flight.legs[0].id for flight in self.flights[-1 - do.n :]]
        return sorted(await self.store.start_sending(legs, after(self.time)))

    async def _news(self, do: Do) -> object:
        flight = self._flight(do)
        found = await self.store.flight_of_leg(flight.legs[0].id) if flight else None
        if found is None:
            return None
        leg = replace(found.legs[0], state=list(LegState)[do.m + 2], channel=f"c{self.time}")
        step = Step(callback_id=found.callback.id, at=after(self.time), kind="news", text="n")
        change = Change(at=after(self.time), legs=(leg,), steps=(step,))
        await self.store.submit(change)
        return leg

    async def _end(self, do: Do) -> object:
        flight = self._flight(do)
        found = await self.store.flight_of_leg(flight.legs[0].id) if flight else None
        if found is None:
            return None
        sent = found.legs[0].sending_at is not None
        ended = replace(
            found.legs[0],
            state=LegState.ENDED if sent else LegState.RELEASED,
            disposition=Disposition.INVALID_NUMBER if sent else None,
            ended_at=after(self.time),
        )
        over = conclude(replace(found, legs=(ended,)), after(self.time))
        state = [CallbackState.SCHEDULED, CallbackState.DONE][do.flag]
        due = after(self.time + do.m) if state is CallbackState.SCHEDULED else None
        change = Change(
            at=after(self.time),
            callback=over.callback.moved(state, due_at=due),
            attempt=over.attempt,
            legs=(ended,),
            invalid_numbers=(found.attempt.number,) if do.flag else (),
            refunds=((f"contact:{found.contact.id}", found.attempt.reserved_at),),
        )
        await self.store.submit(change)
        return change

    async def _cancel(self, do: Do) -> object:
        return await self.store.request_cancel(f"callback-{do.n:02}", "r", after(self.time))

    async def _list(self, do: Do) -> None:
        await self.store.do_not_call(NUMBERS[do.n % len(NUMBERS)], "asked", after(self.time))

    async def _stale(self, do: Do) -> None:
        flight = self._flight(do)
        if flight is not None:
            await self.store.submit(
                Change(
                    at=after(self.time),
                    callback=flight.callback.moved(flight.callback.state),
                    attempt=flight.attempt,
                    legs=flight.legs,
                )
            )

    async def _refund(self, do: Do) -> None:
        flight = self._flight(do)
        if flight is not None:
            key = f"number:{flight.attempt.number}"
            refunds = ((key, flight.attempt.reserved_at),)
            await self.store.submit(Change(at=after(self.time), refunds=refunds))

    async def _everything(self) -> object:
        listed = await self.store.callbacks(limit=100)
        found = await self.store.audit(after(self.time))
        return [
            listed,
            [await self.store.history(callback.id) for callback, _ in listed],
            await self.store.open_flights(),
            await self.store.counts(),
            await self.store.next_due(QUEUES),
            sorted((one.invariant, one.subject, one.text) for one in found),
        ]


async def _played(store: Store, script: list[Do]) -> list[Any]:
    await store.open()
    try:
        return await Player(store).play(script)
    finally:
        await store.close()


async def _both(script: list[Do]) -> tuple[list[Any], list[Any]]:
    with tempfile.TemporaryDirectory() as folder:
        sql = SqlStore(f"sqlite:///{folder}/kairos.db", clock=SystemClock(), linger=0.0)
        return await _played(MemoryStore(), script), await _played(sql, script)


@settings(max_examples=50)
@given(scripts)
def test_memory_and_sqlite_answer_alike(script: list[Do]) -> None:
    memory, sql = asyncio.run(_both(script))
    for one, other in zip(memory, sql, strict=True):
        assert one == other
