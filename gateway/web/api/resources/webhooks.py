"""Webhooks: made, changed, dropped, tried, and sent again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from gateway.app.notices import Notices
from gateway.app.webhooks import WebhookPatch
from gateway.domain.errors import NotNow
from gateway.domain.lifecycle import EVENT_TYPES
from gateway.domain.records import Scope
from gateway.web.api.call import Call
from gateway.web.api.cursors import cut, read_cursor
from gateway.web.api.models.webhooks import (
    DeliveryOut,
    DeliveryPage,
    DeliveryQuery,
    EventType,
    EventTypeList,
    MadeWebhook,
    NewWebhook,
    Replay,
    Replayed,
    Webhook,
    WebhookChange,
    WebhookList,
)
from gateway.web.api.operation import Answer, Operation, PathValue
from gateway.web.api.problem_types import NOT_NOW

__all__ = ["OPERATIONS", "notices_of"]

_TAG: Final = "Webhooks"
_PATHS: Final = {
    "webhook_id": PathValue(pattern=r"wh[0-9a-f]{1,40}", example="wh019cd6c28c000a1b2c3d4e"),
    "delivery_id": PathValue(
        pattern=r"wh[0-9a-z_]{1,80}", example="wh019cd6c28c000a1b2c3d4e_000000000042_5d3a90c1"
    ),
}
_EXAMPLE: Final = {
    "id": "wh019cd6c28c000a1b2c3d4e",
    "url": "https://crm.example/hooks/kairos",
    "events": ["callback.*", "attempt.ended"],
    "description": "CRM",
    "enabled": True,
    "disabled_reason": None,
    "created_at": "2026-03-10T08:00:00Z",
    "cursor": 41,
}
_NEW: Final = {name: _EXAMPLE[name] for name in ("url", "events", "description")}
_MADE: Final = {**_EXAMPLE, "secret": "whsec_..."}
_DELIVERY: Final = {
    "id": "wh019cd6c28c000a1b2c3d4e_000000000042_5d3a90c1",
    "type": "callback.done",
    "state": "taken",
    "created_at": "2026-03-10T08:00:00Z",
    "tries": 1,
    "next_at": None,
    "delivered_at": "2026-03-10T08:00:01Z",
    "status": 204,
    "error": "",
    "body": "{...}",
}


def notices_of(call: Call) -> Notices:
    """Return what tells others. Raises NotNow where nothing does."""
    if call.services.notices is None:
        raise NotNow("nothing is told to others here", remedy="ask the running service")
    return call.services.notices


async def _make(call: Call) -> Answer:
    wanted = call.body(NewWebhook)
    made = await notices_of(call).hooks.create(
        url=wanted.url, events=wanted.events, description=wanted.description
    )
    return Answer(MadeWebhook.of(made), status=201, location=f"/v1/webhooks/{made.id}")


async def _list(call: Call) -> Answer:
    found = await notices_of(call).hooks.all()
    return Answer(WebhookList(data=[Webhook.of(one) for one in found]))


async def _read(call: Call) -> Answer:
    return Answer(Webhook.of(await notices_of(call).hooks.one(call.path["webhook_id"])))


async def _change(call: Call) -> Answer:
    wanted = call.body(WebhookChange)
    patch = WebhookPatch(
        url=wanted.url,
        events=None if wanted.events is None else tuple(wanted.events),
        description=wanted.description,
        enabled=wanted.enabled,
        skip=wanted.skip,
    )
    return Answer(Webhook.of(await notices_of(call).hooks.change(call.path["webhook_id"], patch)))


async def _drop(call: Call) -> Answer:
    await notices_of(call).hooks.drop(call.path["webhook_id"])
    return Answer(status=204)


async def _rotate(call: Call) -> Answer:
    return Answer(MadeWebhook.of(await notices_of(call).hooks.rotate(call.path["webhook_id"])))


async def _test(call: Call) -> Answer:
    made = await notices_of(call).hooks.test(call.path["webhook_id"])
    return Answer(DeliveryOut.of(made), status=202)


async def _deliveries(call: Call) -> Answer:
    query = call.query(DeliveryQuery)
    found = await notices_of(call).hooks.deliveries(
        call.path["webhook_id"], after=read_cursor(query.cursor), limit=query.limit + 1
    )
    page, following = cut(found, query.limit, lambda one: one.id)
    return Answer(DeliveryPage(data=[DeliveryOut.of(one) for one in page], next=following))


async def _replay_one(call: Call) -> Answer:
    made = await notices_of(call).hooks.replay(call.path["webhook_id"], call.path["delivery_id"])
    return Answer(DeliveryOut.of(made), status=202)


async def _replay(call: Call) -> Answer:
    wanted = call.body(Replay)
    since: datetime | timedelta = wanted.since
    if isinstance(since, timedelta):
        since = call.services.clock.now() - since
    count = await notices_of(call).hooks.replay_since(
        call.path["webhook_id"], since, failed_only=wanted.failed_only
    )
    return Answer(Replayed(count=count), status=202)


async def _types(_call: Call) -> Answer:
    told = [EventType(type=kind, meaning=meaning) for kind, meaning in EVENT_TYPES.items()]
    return Answer(EventTypeList(data=told))


OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/v1/webhooks",
        operation_id="createWebhook",
        tag=_TAG,
        summary="Be told what happens",
        description="From now on every event is sent to `url`, signed as Standard Webhooks says, "
        "at least once, and in order for each callback. `secret` is shown this once.",
        scope=Scope.ADMIN,
        body=NewWebhook,
        answers={201: MadeWebhook},
        problems=(NOT_NOW,),
        idempotent=True,
        examples={"body": _NEW, 201: _MADE},
        handler=_make,
    ),
    Operation(
        method="GET",
        path="/v1/webhooks",
        operation_id="listWebhooks",
        tag=_TAG,
        summary="List the webhooks",
        scope=Scope.READ,
        answers={200: WebhookList},
        problems=(NOT_NOW,),
        examples={200: {"data": [_EXAMPLE]}},
        handler=_list,
    ),
    Operation(
        method="GET",
        path="/v1/event-types",
        operation_id="listEventTypes",
        tag=_TAG,
        summary="List what is told",
        scope=Scope.READ,
        answers={200: EventTypeList},
        examples={200: {"data": [{"type": "callback.done", "meaning": "Reached."}]}},
        handler=_types,
    ),
    Operation(
        method="GET",
        path="/v1/webhooks/{webhook_id}",
        operation_id="readWebhook",
        tag=_TAG,
        summary="Read a webhook",
        scope=Scope.READ,
        paths=_PATHS,
        answers={200: Webhook},
        problems=(NOT_NOW,),
        examples={200: _EXAMPLE},
        handler=_read,
    ),
    Operation(
        method="PATCH",
        path="/v1/webhooks/{webhook_id}",
        operation_id="changeWebhook",
        tag=_TAG,
        summary="Change a webhook, or enable it again",
        scope=Scope.ADMIN,
        paths=_PATHS,
        body=WebhookChange,
        answers={200: Webhook},
        problems=(NOT_NOW,),
        examples={"body": {"enabled": True}, 200: _EXAMPLE},
        handler=_change,
    ),
    Operation(
        method="DELETE",
        path="/v1/webhooks/{webhook_id}",
        operation_id="deleteWebhook",
        tag=_TAG,
        summary="Delete a webhook and its messages",
        scope=Scope.ADMIN,
        paths=_PATHS,
        answers={204: None},
        problems=(NOT_NOW,),
        handler=_drop,
    ),
    Operation(
        method="POST",
        path="/v1/webhooks/{webhook_id}/rotate-secret",
        operation_id="rotateWebhookSecret",
        tag=_TAG,
        summary="Give a webhook a fresh secret",
        description="The one before signs too for another 24 hours, so that the receiver can be "
        "changed in between.",
        scope=Scope.ADMIN,
        paths=_PATHS,
        answers={200: MadeWebhook},
        problems=(NOT_NOW,),
        examples={200: _MADE},
        handler=_rotate,
    ),
    Operation(
        method="POST",
        path="/v1/webhooks/{webhook_id}/test",
        operation_id="testWebhook",
        tag=_TAG,
        summary="Send a message that says nothing",
        description="A `webhook.test`; what became of it is among the deliveries.",
        scope=Scope.ADMIN,
        paths=_PATHS,
        answers={202: DeliveryOut},
        problems=(NOT_NOW,),
        examples={202: {**_DELIVERY, "type": "webhook.test", "state": "waiting"}},
        handler=_test,
    ),
    Operation(
        method="GET",
        path="/v1/webhooks/{webhook_id}/deliveries",
        operation_id="listDeliveries",
        tag=_TAG,
        summary="List what was sent, newest first",
        scope=Scope.READ,
        paths=_PATHS,
        query=DeliveryQuery,
        answers={200: DeliveryPage},
        problems=(NOT_NOW,),
        examples={200: {"data": [_DELIVERY], "next": None}},
        handler=_deliveries,
    ),
    Operation(
        method="POST",
        path="/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
        operation_id="replayDelivery",
        tag=_TAG,
        summary="Send one message anew",
        description="The same bytes under the same `webhook-id`.",
        scope=Scope.ADMIN,
        paths=_PATHS,
        answers={202: DeliveryOut},
        problems=(NOT_NOW,),
        examples={202: {**_DELIVERY, "state": "waiting"}},
        handler=_replay_one,
    ),
    Operation(
        method="POST",
        path="/v1/webhooks/{webhook_id}/replay",
        operation_id="replayDeliveries",
        tag=_TAG,
        summary="Send anew what was sent since an instant",
        description="For a receiver that lost data. `since` is an instant, or how far back.",
        scope=Scope.ADMIN,
        paths=_PATHS,
        body=Replay,
        answers={202: Replayed},
        problems=(NOT_NOW,),
        examples={"body": {"since": "PT4H", "failed_only": True}, 202: {"count": 12}},
        handler=_replay,
    ),
)
