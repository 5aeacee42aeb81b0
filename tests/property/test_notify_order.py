"""Whatever happens and however receivers behave: told at least once, in order by callback."""

import asyncio
import json
from collections import Counter, defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.memory import ManualClock
from gateway.app.notify import NotifySpec
from gateway.domain.delivering import MAX_TRIES
from gateway.ports import Answer, Message
from tests.support.receivers import DOWN, TAKEN, Receivers, notices_of, place, store_with, tell

CALLBACKS = ("a", "b", "c")
_MOST_REFUSALS = 4
ACTION = (
    st.tuples(st.just("tell"), st.sampled_from(CALLBACKS))
    | st.tuples(st.just("wait"), st.sampled_from([0.5, 5.0, 40.0, 1000.0]))
    | st.tuples(st.just("kill"), st.just(""))
)


def behaviour(drawn: list[int]) -> Receivers:
    """Return a receiver that answers as drawn, and takes what it refused four times.

    So no message is given up, and no two of them take longer than a webhook is borne with.
    """
    clock = ManualClock()
    receivers = Receivers(clock)
    moods = iter(drawn)
    refused: Counter[int] = Counter()

    def behave(message: Message) -> Answer:
        mood = next(moods, 0) if refused[place(message)] < _MOST_REFUSALS else 0
        refused[place(message)] += mood > 0
        return {0: TAKEN, 1: DOWN, 2: Answer(error="hung up")}[mood]

    receivers.behave = behave
    receivers.slow = lambda one: float(place(one) % 3)
    return receivers


@settings(max_examples=120)
@given(
    st.lists(ACTION, max_size=25),
    st.lists(st.integers(0, 2), max_size=40),
    st.integers(1, 4),
    st.sampled_from([2, 50]),
)
def test_every_event_is_told_in_the_order_of_its_callback_over_failures_and_kills(
    actions: list[tuple[str, object]], moods: list[int], in_flight: int, window: int
) -> None:
    asyncio.run(_course(actions, moods, NotifySpec(in_flight=in_flight, window=window)))


async def _course(actions: list[tuple[str, object]], moods: list[int], spec: NotifySpec) -> None:
    store, receivers = await store_with(*CALLBACKS), behaviour(moods)
    clock = receivers._clock
    pending = [*actions, ("wait", 30 * 3600.0)]
    begun = False
    while pending:
        async with notices_of(store, clock=clock, receivers=receivers, spec=spec) as rig:
            if not begun:
                await rig.hook()
                begun = True
            while pending:
                kind, what = pending.pop(0)
                if kind == "tell":
                    await tell(store, str(what), "planned", clock)
                elif kind == "wait":
                    await clock.advance(float(str(what)))
                else:
                    break
    told = sum(kind == "tell" for kind, _ in actions)
    _check(receivers, told)
    [hook] = await store.webhooks()
    kept = await store.deliveries(hook.id, limit=1000)
    assert all(one.delivered_at or one.tries == MAX_TRIES for one in kept)


def _check(receivers: Receivers, told: int) -> None:
    assert {place(one) for one in receivers.taken} == set(range(1, told + 1))
    firsts: dict[str, list[int]] = defaultdict(list)
    names: dict[int, set[tuple[str, bytes]]] = defaultdict(set)
    for one in receivers.taken:
        callback = json.loads(one.body)["data"]["callback_id"]
        if place(one) not in firsts[callback]:
            firsts[callback].append(place(one))
        names[place(one)].add((one.headers["webhook-id"], one.body))
    assert all(places == sorted(places) for places in firsts.values())
    assert all(len(forms) == 1 for forms in names.values())
