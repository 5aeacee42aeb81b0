"""What people do with webhooks: make, change, drop, try, and send again."""

import json

import pytest

from gateway.app.notify import NotifySpec
from gateway.app.webhooks import MOST_WEBHOOKS, WebhookPatch, delivery_of
from gateway.domain.errors import BadInput, NotFound, NotNow
from gateway.domain.lifecycle import trial_event
from gateway.domain.records import Delivery
from gateway.domain.signing import newest, sign
from tests.support.receivers import DOWN, TAKEN, notices_of, place, store_with, tell


async def test_a_test_message_is_sent_whatever_the_receiver_asked_for() -> None:
    store = await store_with()
    async with notices_of(store) as rig:
        hook = await rig.hook(events=["callback.done"])
        made = await rig.notices.hooks.test(hook.id)
        await rig.clock.advance(1)
        [message] = rig.receivers.taken
    assert message.headers["webhook-id"] == made.id
    assert json.loads(message.body)["type"] == "webhook.test"


async def test_another_event_at_the_same_place_after_a_restored_backup_has_another_name() -> None:
    store = await store_with("a", "b")
    async with notices_of(store) as rig:
        hook = await rig.hook()
        one, two = (
            delivery_of(hook, trial_event(text, 7, rig.clock.now()), rig.clock.now())
            for text in ("before", "after")
        )
    assert one.entry_id == two.entry_id
    assert one.id != two.id


async def test_a_message_is_sent_anew_on_request_with_the_same_name_and_bytes() -> None:
    store = await store_with("a")
    async with notices_of(store) as rig:
        hook = await rig.hook()
        await tell(store, "a", "planned", rig.clock)
        await rig.clock.advance(1)
        [kept] = await rig.deliveries(hook)
        await rig.notices.hooks.replay(hook.id, kept.id)
        await rig.clock.advance(1)
        first, second = rig.receivers.taken
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])


async def test_all_since_an_instant_or_only_what_failed_is_sent_anew() -> None:
    store = await store_with("a", "b", "c")
    async with notices_of(store, spec=NotifySpec(max_tries=1)) as rig:
        hook = await rig.hook()
        rig.receivers.behave = lambda one: DOWN if b'"b"' in one.body else TAKEN
        await tell(store, "a", "planned", rig.clock)
        await rig.clock.advance(60)
        since = rig.clock.now()
        await tell(store, "b", "planned", rig.clock)
        await tell(store, "c", "planned", rig.clock)
        await rig.clock.advance(60)
        rig.receivers.behave = lambda _one: TAKEN
        hooks = rig.notices.hooks
        assert await hooks.replay_since(hook.id, since, failed_only=True) == 1
        await rig.clock.advance(1)
        assert [place(one) for one in rig.receivers.taken] == [1, 3, 2]
        assert await hooks.replay_since(hook.id, since, failed_only=False) == 2
        await rig.clock.advance(1)
        assert sorted(place(one) for one in rig.receivers.taken) == [1, 2, 2, 3, 3]


async def test_a_dropped_webhook_is_told_nothing_more() -> None:
    store = await store_with("a")
    async with notices_of(store) as rig:
        hook = await rig.hook()
        rig.receivers.behave = lambda _one: DOWN
        await tell(store, "a", "planned", rig.clock)
        await rig.clock.advance(1)
        await rig.notices.hooks.drop(hook.id)
        rig.receivers.asked.clear()
        await tell(store, "a", "done", rig.clock)
        await rig.clock.advance(3600)
        assert rig.receivers.asked == []
        with pytest.raises(NotFound):
            await rig.notices.hooks.drop(hook.id)


async def test_a_changed_address_counts_from_the_next_try_on() -> None:
    store = await store_with("a")
    async with notices_of(store) as rig:
        hook = await rig.hook()
        rig.receivers.behave = lambda one: TAKEN if "new" in one.url else DOWN
        await tell(store, "a", "planned", rig.clock)
        await rig.clock.advance(1)
        await rig.notices.hooks.change(hook.id, WebhookPatch(url="https://new.example/"))
        await rig.clock.advance(10)
        assert [one.url for one in rig.receivers.taken] == ["https://new.example/"]


async def test_after_a_rotation_a_message_carries_both_signatures() -> None:
    store = await store_with("a")
    async with notices_of(store) as rig:
        old = await rig.hook()
        new = await rig.notices.hooks.rotate(old.id)
        await tell(store, "a", "planned", rig.clock)
        await rig.clock.advance(1)
        [message] = rig.receivers.taken
    name, at = message.headers["webhook-id"], int(message.headers["webhook-timestamp"])
    assert newest(new.secret) != old.secret
    assert message.headers["webhook-signature"].split(" ") == [
        sign(newest(new.secret), name, at, message.body),
        sign(old.secret, name, at, message.body),
    ]


async def test_there_is_a_limit_to_webhooks_and_to_what_they_may_ask_for() -> None:
    store = await store_with()
    async with notices_of(store) as rig:
        for n in range(MOST_WEBHOOKS):
            await rig.hook(f"https://crm{n}.example/")
        with pytest.raises(NotNow, match="the most there may be"):
            await rig.hook()
        with pytest.raises(BadInput, match="no such event type"):
            await rig.hook(events=["callback.don"])


async def test_nothing_is_sent_by_hand_to_a_disabled_webhook() -> None:
    store = await store_with()
    async with notices_of(store) as rig:
        hook = await rig.hook()
        await rig.notices.hooks.change(hook.id, WebhookPatch(enabled=False))
        with pytest.raises(NotNow, match="disabled"):
            await rig.notices.hooks.test(hook.id)
        with pytest.raises(NotNow, match="disabled"):
            await rig.notices.hooks.replay(hook.id, "any")


async def test_what_another_process_queued_is_found_by_looking() -> None:
    store = await store_with()
    async with notices_of(store, look_every=30.0) as rig:
        hook = await rig.hook()
        await rig.clock.advance(1)
        made = Delivery(
            id=f"{hook.id}_x",
            webhook_id=hook.id,
            entry_id=0,
            type="webhook.test",
            body="{}",
            created_at=rig.clock.now(),
            next_at=rig.clock.now(),
        )
        await store.queue_deliveries(hook.id, 0, [made])
        await rig.clock.advance(31)
        assert rig.receivers.names() == [made.id]
