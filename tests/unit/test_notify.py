"""What webhooks are told, in which order, how often, and what a bad receiver can do."""

import json

from adapters.memory import ManualClock
from gateway.app.notify import NotifySpec
from gateway.app.webhooks import WebhookPatch
from gateway.domain.events import CallNews
from gateway.domain.signing import newest, sign
from gateway.ports import Answer, Message
from tests.support.builders import NUMBER
from tests.support.harness import gateway_of
from tests.support.receivers import DOWN, TAKEN, Receivers, notices_of, place, store_with, tell

_NEWS_OF_A_TALK = (CallNews.RINGING, CallNews.ANSWERED, CallNews.CONNECTED)


async def test_the_way_of_a_callback_is_told_in_order_with_what_a_crm_needs() -> None:
    async with gateway_of() as gateway, notices_of(gateway.store, clock=gateway.clock) as rig:
        await rig.hook()
        [callback_id] = await gateway.ask(NUMBER)
        await gateway.tell(*_NEWS_OF_A_TALK, end=None, after=1.0)
        await gateway.clock.advance(1)
        told = [json.loads(one.body) for one in rig.receivers.taken]
    kinds = [one["type"] for one in told]
    assert kinds == [
        "callback.requested",
        "callback.planned",
        "attempt.started",
        "attempt.ringing",
        "attempt.answered",
        "attempt.connected",
    ]
    assert {one["data"]["callback_id"] for one in told} == {callback_id}
    assert told[2]["data"]["attempt"] == 1


async def test_a_message_is_signed_and_named_alike_over_all_tries() -> None:
    store = await store_with("a")
    async with notices_of(store) as rig:
        hook = await rig.hook()
        rig.receivers.behave = lambda _message: DOWN
        await tell(store, "a", "planned", rig.clock)
        await rig.clock.advance(200)
        sent = [message for _, message in rig.receivers.asked]
    assert len(sent) == 4
    assert len({one.headers["webhook-id"] for one in sent}) == 1
    assert len({one.body for one in sent}) == 1
    for one in sent:
        name, at = one.headers["webhook-id"], int(one.headers["webhook-timestamp"])
        assert one.headers["webhook-signature"] == sign(newest(hook.secret), name, at, one.body)
    assert len({one.headers["webhook-timestamp"] for one in sent}) == 4


async def test_tries_follow_the_schedule_and_then_the_message_is_given_up() -> None:
    store = await store_with("a")
    async with notices_of(store) as rig:
        hook = await rig.hook()
        rig.receivers.behave = lambda _message: DOWN
        began = rig.clock.monotonic()
        await tell(store, "a", "planned", rig.clock)
        await rig.clock.advance(50 * 3600)
        at = [round(when - began) for when, _ in rig.receivers.asked]
        [kept] = await rig.deliveries(hook)
    assert at == [0, 5, 35, 155, 1055, 4655, 19055, 62255, 148655]
    assert (kept.next_at, kept.delivered_at, kept.tries) == (None, None, 9)
    assert (kept.status, kept.error) == (500, "answered 500")


async def test_an_event_waits_until_the_earlier_one_of_its_callback_was_taken() -> None:
    store = await store_with("a", "b")
    async with notices_of(store) as rig:
        await rig.hook()
        rig.receivers.behave = lambda one: (
            DOWN if place(one) == 1 and rig.clock.monotonic() < 60 else TAKEN
        )
        for kind in ("planned", "put_off", "done"):
            await tell(store, "a", kind, rig.clock)
        await tell(store, "b", "planned", rig.clock)
        await rig.clock.advance(1)
        first = [place(one) for one in rig.receivers.taken]
        await rig.clock.advance(200)
        then = [place(one) for one in rig.receivers.taken]
    assert first == [4]
    assert then == [4, 1, 2, 3]


async def test_an_event_that_is_given_up_lets_the_next_one_of_its_callback_go() -> None:
    store = await store_with("a")
    async with notices_of(store, spec=NotifySpec(max_tries=2)) as rig:
        await rig.hook()
        rig.receivers.behave = lambda one: DOWN if place(one) == 1 else TAKEN
        await tell(store, "a", "planned", rig.clock)
        await tell(store, "a", "done", rig.clock)
        await rig.clock.advance(10)
        taken = [place(one) for one in rig.receivers.taken]
    assert taken == [2]


async def test_a_slow_receiver_does_not_delay_the_others() -> None:
    names = [f"c{n}" for n in range(20)]
    store = await store_with(*names)
    async with notices_of(store) as rig:
        await rig.hook("https://slow.example/")
        await rig.hook("https://quick.example/")
        rig.receivers.slow = lambda one: 10.0 if "slow" in one.url else 0.0
        for name in names:
            await tell(store, name, "planned", rig.clock)
        await rig.clock.advance(1)
        quick = [one for one in rig.receivers.taken if "quick" in one.url]
    assert len(quick) == 20


async def test_at_most_so_many_messages_are_under_way_to_one_receiver() -> None:
    names = [f"c{n}" for n in range(20)]
    store = await store_with(*names)
    async with notices_of(store, spec=NotifySpec(in_flight=3)) as rig:
        await rig.hook()
        rig.receivers.slow = lambda _one: 1.0
        for name in names:
            await tell(store, name, "planned", rig.clock)
        await rig.clock.advance(30)
        assert len(rig.receivers.taken) == 20
    assert rig.receivers.most_at_once == 3


async def test_a_receiver_that_keeps_failing_gets_one_message_at_a_time_until_one_is_taken() -> (
    None
):
    names = [f"c{n}" for n in range(20)]
    store = await store_with(*names)
    async with notices_of(store, spec=NotifySpec(in_flight=4)) as rig:
        await rig.hook()
        rig.receivers.behave = lambda _one: DOWN
        for name in names[:8]:
            await tell(store, name, "planned", rig.clock)
        await rig.clock.advance(1)
        rig.receivers.most_at_once = 0
        rig.receivers.slow = lambda _one: 1.0
        await rig.clock.advance(60)
        assert rig.receivers.most_at_once == 1
        rig.receivers.behave = lambda _one: TAKEN
        for name in names[8:]:
            await tell(store, name, "planned", rig.clock)
        await rig.clock.advance(600)
        assert rig.receivers.most_at_once == 4
        assert len(rig.receivers.taken) == 20


async def test_no_more_is_taken_from_the_journal_than_there_is_room_for() -> None:
    names = [f"c{n}" for n in range(10)]
    store = await store_with(*names)
    async with notices_of(store, spec=NotifySpec(window=4)) as rig:
        hook = await rig.hook()
        rig.receivers.behave = lambda _one: DOWN
        for name in names:
            await tell(store, name, "planned", rig.clock)
        await rig.clock.advance(60)
        assert len(await rig.deliveries(hook)) == 4
        rig.receivers.behave = lambda _one: TAKEN
        await rig.clock.advance(600)
        assert sorted(place(one) for one in rig.receivers.taken) == list(range(1, 11))


async def test_a_receiver_is_told_only_the_events_it_asked_for() -> None:
    store = await store_with("a")
    async with notices_of(store) as rig:
        await rig.hook(events=["callback.done"])
        for kind in ("planned", "ringing", "done"):
            await tell(store, "a", kind, rig.clock)
        await rig.clock.advance(1)
        types = [json.loads(one.body)["type"] for one in rig.receivers.taken]
    assert types == ["callback.done"]


async def test_a_new_webhook_hears_only_what_happens_from_then_on() -> None:
    store = await store_with("a")
    async with notices_of(store) as rig:
        await tell(store, "a", "planned", rig.clock)
        await rig.hook()
        await tell(store, "a", "done", rig.clock)
        await rig.clock.advance(1)
        assert [place(one) for one in rig.receivers.taken] == [2]


async def test_a_receiver_that_is_gone_disables_its_webhook_and_loses_nothing() -> None:
    store = await store_with("a", "b")
    async with notices_of(store) as rig:
        hook = await rig.hook()
        rig.receivers.behave = lambda _one: Answer(status=410, error="answered 410")
        await tell(store, "a", "planned", rig.clock)
        await rig.clock.advance(1)
        assert "410" in (await rig.now_as(hook)).disabled
        rig.receivers.behave = lambda _one: TAKEN
        await tell(store, "b", "planned", rig.clock)
        await rig.clock.advance(3600)
        assert rig.receivers.taken == []
        await rig.notices.hooks.change(hook.id, WebhookPatch(enabled=True))
        await rig.clock.advance(1)
        assert [place(one) for one in rig.receivers.taken] == [2]


async def test_an_enabled_webhook_may_skip_what_happened_meanwhile() -> None:
    store = await store_with("a")
    async with notices_of(store) as rig:
        hook = await rig.hook()
        await rig.notices.hooks.change(hook.id, WebhookPatch(enabled=False))
        await rig.clock.advance(1)
        await tell(store, "a", "planned", rig.clock)
        await rig.clock.advance(1)
        await rig.notices.hooks.change(hook.id, WebhookPatch(enabled=True, skip=True))
        await tell(store, "a", "done", rig.clock)
        await rig.clock.advance(1)
        assert [place(one) for one in rig.receivers.taken] == [2]


async def test_three_days_of_nothing_but_failures_disable_a_webhook() -> None:
    store = await store_with("a", "b", "c", "d", "e")
    async with notices_of(store) as rig:
        hook = await rig.hook()
        rig.receivers.behave = lambda _one: DOWN
        for name in "abcd":
            await tell(store, name, "planned", rig.clock)
            await rig.clock.advance(17 * 3600)
            assert (await rig.now_as(hook)).disabled == ""
        await rig.clock.advance(5 * 3600)
        await tell(store, "e", "planned", rig.clock)
        await rig.clock.advance(1)
        assert (await rig.now_as(hook)).disabled == (
            "took nothing since 2026-03-10 08:00 UTC: answered 500"
        )


async def test_one_message_that_was_taken_starts_the_three_days_anew() -> None:
    store = await store_with("a", "b", "c")
    async with notices_of(store) as rig:
        hook = await rig.hook()
        rig.receivers.behave = lambda one: TAKEN if b'"b"' in one.body else DOWN
        await tell(store, "a", "planned", rig.clock)
        await rig.clock.advance(60 * 3600)
        await tell(store, "b", "planned", rig.clock)
        await rig.clock.advance(20 * 3600)
        await tell(store, "c", "planned", rig.clock)
        await rig.clock.advance(60)
        assert (await rig.now_as(hook)).disabled == ""


async def test_a_silent_time_is_no_failure() -> None:
    store = await store_with("a", "b")
    async with notices_of(store) as rig:
        hook = await rig.hook()
        await tell(store, "a", "planned", rig.clock)
        await rig.clock.advance(10 * 24 * 3600)
        rig.receivers.behave = lambda _one: DOWN
        await tell(store, "b", "planned", rig.clock)
        await rig.clock.advance(60)
        assert (await rig.now_as(hook)).disabled == ""


async def test_the_three_days_go_on_over_a_restart() -> None:
    store, clock = await store_with("a", "b", "c"), ManualClock()
    receivers = Receivers(clock)
    receivers.behave = lambda _one: DOWN
    for name in "abc":
        async with notices_of(store, clock=clock, receivers=receivers) as rig:
            if name == "a":
                await rig.hook()
            await tell(store, name, "planned", clock)
            await clock.advance(40 * 3600)
    [hook] = await store.webhooks()
    assert "took nothing since 2026-03-10 08:00 UTC" in hook.disabled


async def test_a_receiver_that_is_overrun_is_left_alone_as_long_as_it_asks() -> None:
    store = await store_with("a", "b")
    async with notices_of(store) as rig:
        await rig.hook()
        rig.receivers.behave = lambda _one: Answer(status=429, error="busy", retry_after=300.0)
        await tell(store, "a", "planned", rig.clock)
        await rig.clock.advance(1)
        rig.receivers.behave = lambda _one: TAKEN
        await tell(store, "b", "planned", rig.clock)
        await rig.clock.advance(290)
        assert rig.receivers.taken == []
        await rig.clock.advance(20)
        assert len(rig.receivers.taken) == 2


async def test_what_was_cut_off_by_a_kill_is_sent_again_under_the_same_name() -> None:
    store, clock = await store_with("a"), ManualClock()
    receivers = Receivers(clock)
    receivers.slow = lambda _one: 5.0
    async with notices_of(store, clock=clock, receivers=receivers) as rig:
        await rig.hook()
        await tell(store, "a", "planned", clock)
        await clock.advance(1)
        assert len(receivers.asked) == 1
    async with notices_of(store, clock=clock, receivers=receivers):
        await clock.advance(10)
    assert len(receivers.taken) == 1
    assert len(set(receivers.tries())) == 1
    assert len(receivers.tries()) == 2


async def test_what_happened_while_nobody_ran_is_told_at_the_next_start() -> None:
    store, clock = await store_with("a"), ManualClock()
    receivers = Receivers(clock)
    async with notices_of(store, clock=clock, receivers=receivers) as rig:
        await rig.hook()
    await tell(store, "a", "planned", clock)
    await tell(store, "a", "done", clock)
    async with notices_of(store, clock=clock, receivers=receivers):
        await clock.advance(1)
    assert [place(one) for one in receivers.taken] == [1, 2]


async def test_while_the_database_is_away_nothing_is_lost() -> None:
    store = await store_with("a")
    async with notices_of(store) as rig:
        await rig.hook()
        await tell(store, "a", "planned", rig.clock)
        await store.close()
        await rig.clock.advance(10)
        await store.open()
        await rig.clock.advance(3)
        assert [place(one) for one in rig.receivers.taken][-1:] == [1]
        assert not rig.task.done()


async def test_an_answer_is_kept_when_the_database_is_back() -> None:
    store = await store_with("a")
    async with notices_of(store) as rig:
        hook = await rig.hook()
        rig.receivers.slow = lambda _one: 2.0
        await tell(store, "a", "planned", rig.clock)
        await rig.clock.advance(1)
        await store.close()
        await rig.clock.advance(10)
        await store.open()
        await rig.clock.advance(3)
        [kept] = await rig.deliveries(hook)
        assert kept.delivered_at is not None
    assert len(rig.receivers.asked) == 1


async def test_a_messenger_that_breaks_costs_a_try_and_nothing_else() -> None:
    store = await store_with("a", "b")

    def breaks(message: Message) -> Answer:
        if place(message) == 1:
            raise RuntimeError("a defect")
        return TAKEN

    async with notices_of(store) as rig:
        hook = await rig.hook()
        rig.receivers.behave = breaks
        await tell(store, "a", "planned", rig.clock)
        await tell(store, "b", "planned", rig.clock)
        await rig.clock.advance(1)
        assert [place(one) for one in rig.receivers.taken] == [2]
        assert (await rig.deliveries(hook))[0].error == "could not be sent (RuntimeError)"
