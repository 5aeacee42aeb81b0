"""What every store keeps beside callbacks: keys, answers, interactions, webhooks."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.domain.errors import Conflict, NotFound
from gateway.domain.records import (
    ApiKey,
    Delivery,
    DoNotCall,
    Interaction,
    InteractionKind,
    Remembered,
    Scope,
    Webhook,
)
from gateway.ports import Store
from tests.support.builders import NOW, NUMBER, OTHER_NUMBER, a_contact, after
from tests.support.stores import Backend

KEY = ApiKey(id="k1", name="crm", digest="ab" * 32, scope=Scope.WRITE, created_at=NOW)
ANSWER = Remembered(key="k1:POST:x", fingerprint="f", status=201, body='{"id":"ä"}', at=NOW)
HOOK = Webhook(
    id="hook-1",
    url="https://example.com/kairos",
    secret="whsec_x",
    events=("callback.done", "callback.expired"),
    description="the CRM",
    created_at=NOW,
    cursor=7,
)
MESSAGE = Delivery(
    id="message-1",
    webhook_id="hook-1",
    entry_id=8,
    type="callback.done",
    body='{"a":1}',
    created_at=NOW,
    next_at=NOW,
)


def heard(name: str, seconds: float = 0, **changes: object) -> Interaction:
    one = Interaction(
        id=name, source="pbx", kind=InteractionKind.INBOUND_CALL, at=after(seconds), number=NUMBER
    )
    return replace(one, **changes)  # type: ignore[arg-type]


# Keys


async def test_keys_are_kept_and_listed_oldest_first(store: Store) -> None:
    older = replace(KEY, id="k2", created_at=after(-5), expires_at=after(60), revoked_at=after(1))
    await store.add_key(KEY)
    await store.add_key(older)
    assert await store.keys() == [older, KEY]
    assert await store.key("k1") == KEY
    assert await store.key("k3") is None
    with pytest.raises(Conflict):
        await store.add_key(replace(KEY, name="another"))


async def test_a_key_is_revoked_once(store: Store) -> None:
    await store.add_key(KEY)
    assert await store.revoke_key("k1", after(5))
    assert not await store.revoke_key("k1", after(9))
    assert not await store.revoke_key("k2", after(9))
    assert await store.key("k1") == replace(KEY, revoked_at=after(5))


# Answers


async def test_the_first_answer_under_a_key_stays(store: Store) -> None:
    assert await store.recall(ANSWER.key) is None
    await store.remember(ANSWER)
    await store.remember(replace(ANSWER, status=500, at=after(60)))
    assert await store.recall(ANSWER.key) == ANSWER


async def test_answers_older_than_a_day_are_let_go(store: Store) -> None:
    old = [replace(ANSWER, key=f"old-{n}", at=after(n)) for n in range(3)]
    for one in old:
        await store.remember(one)
    await store.remember(replace(ANSWER, at=after(1) + timedelta(days=1)))
    assert [await store.recall(one.key) for one in old] == [None, *old[1:]]


async def test_a_key_may_be_used_again_after_a_day(store: Store) -> None:
    await store.remember(ANSWER)
    again = replace(ANSWER, status=500, at=NOW + timedelta(days=1, seconds=1))
    await store.remember(again)
    assert await store.recall(ANSWER.key) == again


# The do-not-call list


async def test_the_do_not_call_list_is_listed_by_number(store: Store) -> None:
    for number in (OTHER_NUMBER, NUMBER, "+1"):
        await store.do_not_call(number, f"why {number[-1]}", NOW)
    await store.do_not_call(NUMBER, "again", after(9))
    entries = [
        DoNotCall(number=number, reason=f"why {number[-1]}", since=NOW)
        for number in ("+1", NUMBER, OTHER_NUMBER)
    ]
    assert await store.do_not_call_list() == entries
    assert await store.do_not_call_list(after="+1", limit=1) == entries[1:2]


async def test_a_number_is_taken_off_the_list_once(store: Store) -> None:
    await store.do_not_call(NUMBER, "asked for it", NOW)
    assert await store.allow_calls(NUMBER)
    assert not await store.allow_calls(NUMBER)
    assert await store.do_not_call_list() == []


# Interactions


async def test_an_interaction_is_seen_once_per_source(store: Store) -> None:
    one = heard("1", answered=True, contact_id="contact-1", data={"url": "/ä", "n": [1]})
    assert await store.add_interactions([one, heard("2"), one]) == [True, True, False]
    again = [replace(one, kind=InteractionKind.WEB_VISIT), replace(one, source="web", at=after(9))]
    assert await store.add_interactions(again) == [False, True]
    assert await store.interactions(contact_id="contact-1") == [again[1], one]
    assert await store.add_interactions([]) == []


async def test_interactions_are_found_by_contact_its_numbers_and_by_number_newest_first(
    store: Store,
) -> None:
    await store.add_contact(a_contact(NUMBER, OTHER_NUMBER))
    ours = [
        heard("by contact", 1, number=None, contact_id="contact-1"),
        heard("by number", 3),
        heard("by both", 5, contact_id="contact-1"),
        heard("by other number", 4, number=OTHER_NUMBER),
    ]
    await store.add_interactions([*ours, heard("another's", 2, number="+1", contact_id="c-2")])

    async def found(limit: int = 9, **asked: str) -> list[str]:
        return [one.id for one in await store.interactions(limit=limit, **asked)]

    names = ["by both", "by other number", "by number", "by contact"]
    assert await found(contact_id="contact-1") == names
    assert await found(contact_id="contact-1", limit=2) == names[:2]
    assert await found(number=NUMBER) == ["by both", "by number"]
    assert await found(number="+9") == []
    assert await found(limit=3) == names[:3]


# Webhooks


async def test_webhooks_are_kept_changed_and_listed_oldest_first(store: Store) -> None:
    older = replace(HOOK, id="hook-2", created_at=after(-5), events=())
    await store.put_webhook(HOOK)
    await store.put_webhook(older)
    assert await store.webhooks() == [older, HOOK]
    changed = replace(HOOK, url="https://example.org", disabled="it is gone", cursor=0)
    await store.put_webhook(changed)
    assert await store.webhooks() == [older, replace(changed, cursor=7)]


async def test_deliveries_and_the_cursor_move_together(store: Store) -> None:
    await store.put_webhook(HOOK)
    later = replace(MESSAGE, id="message-2", next_at=after(5), tries=2, status=503, error="busy")
    await store.queue_deliveries("hook-1", 9, [MESSAGE, later])
    assert (await store.webhooks())[0].cursor == 9
    assert await store.deliveries("hook-1") == [later, MESSAGE]
    with pytest.raises(Conflict):
        await store.queue_deliveries("hook-1", 10, [replace(MESSAGE, id="message-3"), MESSAGE])
    assert (await store.webhooks())[0].cursor == 9
    assert await store.delivery("message-3") is None
    await store.queue_deliveries("hook-1", 11, [])
    assert (await store.webhooks())[0].cursor == 11


async def test_nothing_is_queued_for_a_webhook_that_is_gone(store: Store) -> None:
    with pytest.raises(NotFound, match="hook-1"):
        await store.queue_deliveries("hook-1", 9, [MESSAGE])


async def test_deliveries_are_due_earliest_first_until_they_are_over(store: Store) -> None:
    await store.put_webhook(HOOK)
    late = replace(MESSAGE, id="message-0", next_at=after(2))
    future = replace(MESSAGE, id="message-2", next_at=after(9))
    await store.queue_deliveries("hook-1", 9, [late, MESSAGE, future])
    assert await store.due_deliveries(after(5)) == [MESSAGE, late]
    assert await store.due_deliveries(after(5), limit=1) == [MESSAGE]
    assert await store.next_delivery_at() == NOW
    taken = replace(MESSAGE, next_at=None, delivered_at=after(1), status=204, tries=1)
    given_up = replace(late, next_at=None, tries=9, error="refused")
    for one in (taken, given_up):
        await store.save_delivery(one)
        assert await store.delivery(one.id) == one
    assert await store.due_deliveries(after(5)) == []
    assert await store.next_delivery_at() == after(9)
    assert await store.delivery("message-9") is None


async def test_deliveries_are_listed_by_webhook_newest_first(store: Store) -> None:
    other = replace(HOOK, id="hook-2")
    for hook in (HOOK, other):
        await store.put_webhook(hook)
    ours = [replace(MESSAGE, id=f"message-{n}", next_at=None) for n in range(3)]
    await store.queue_deliveries("hook-1", 9, ours)
    await store.queue_deliveries("hook-2", 9, [replace(MESSAGE, id="m", webhook_id="hook-2")])
    assert await store.deliveries("hook-1", limit=2) == ours[:0:-1]
    assert await store.deliveries("hook-1", after="message-1") == ours[:1]


async def test_a_dropped_webhook_takes_its_deliveries_along(store: Store) -> None:
    await store.put_webhook(HOOK)
    await store.queue_deliveries("hook-1", 9, [MESSAGE])
    assert await store.drop_webhook("hook-1")
    assert not await store.drop_webhook("hook-1")
    assert (await store.webhooks(), await store.deliveries("hook-1")) == ([], [])
    await store.save_delivery(replace(MESSAGE, tries=1))
    assert await store.delivery("message-1") is None
    assert await store.next_delivery_at() is None


async def test_the_records_are_there_after_opening_again(backend: Backend) -> None:
    store = await backend.open()
    await store.add_key(KEY)
    await store.put_webhook(HOOK)
    await store.close()
    again = await backend.open()
    assert (await again.keys(), await again.webhooks()) == ([KEY], [HOOK])
