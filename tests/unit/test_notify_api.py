"""Webhooks and the stream over the API."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from adapters.memory import ManualClock
from gateway.domain.records import Scope
from gateway.web.api.resources.stream import OPERATIONS as STREAM
from gateway.web.api.resources.webhooks import OPERATIONS as WEBHOOKS
from tests.support.api import ApiRig, api_rig
from tests.support.receivers import Rig, notices_of, store_with, tell

URL = "https://crm.example/hooks?token=hidden"


@asynccontextmanager
async def served(*callbacks: str) -> AsyncIterator[tuple[ApiRig, Rig]]:
    clock = ManualClock()
    store = await store_with(*callbacks)
    async with (
        api_rig(operations=(*WEBHOOKS, *STREAM), store=store, clock=clock) as api,
        notices_of(store, clock=clock) as rig,
    ):
        api.services.notices = rig.notices
        yield api, rig


async def ask(
    api: ApiRig, method: str, path: str, body: object = None, *, scope: Scope = Scope.ADMIN
) -> tuple[int, object]:
    async with api.client.request(method, path, json=body, headers=api.auth_of(scope)) as answer:
        text = await answer.text()
        return answer.status, json.loads(text) if text else None


async def made(api: ApiRig, **changes: object) -> dict[str, object]:
    status, body = await ask(api, "POST", "/v1/webhooks", {"url": URL, **changes})
    assert status == 201
    assert isinstance(body, dict)
    return body


async def test_the_secret_is_shown_once_and_the_query_of_the_address_never() -> None:
    async with served() as (api, _):
        first = await made(api)
        status, again = await ask(api, "GET", f"/v1/webhooks/{first['id']}", scope=Scope.READ)
    assert str(first["secret"]).startswith("whsec_")
    assert status == 200
    assert isinstance(again, dict)
    assert "secret" not in again
    assert again["url"] == "https://crm.example/hooks?…"
    assert "hidden" not in json.dumps([first, again])


@pytest.mark.parametrize("scope", [Scope.READ, Scope.WRITE])
async def test_only_an_administrator_changes_webhooks(scope: Scope) -> None:
    async with served() as (api, _):
        hook = await made(api)
        refused = [
            (await ask(api, method, path, body, scope=scope))[0]
            for method, path, body in [
                ("POST", "/v1/webhooks", {"url": URL}),
                ("PATCH", f"/v1/webhooks/{hook['id']}", {"enabled": False}),
                ("DELETE", f"/v1/webhooks/{hook['id']}", None),
                ("POST", f"/v1/webhooks/{hook['id']}/test", None),
                ("POST", f"/v1/webhooks/{hook['id']}/rotate-secret", None),
                ("POST", f"/v1/webhooks/{hook['id']}/replay", {"since": "PT1H"}),
            ]
        ]
        allowed = [
            (await ask(api, "GET", path, scope=scope))[0]
            for path in (
                "/v1/webhooks",
                "/v1/event-types",
                f"/v1/webhooks/{hook['id']}",
                f"/v1/webhooks/{hook['id']}/deliveries",
            )
        ]
    assert refused == [403] * 6
    assert allowed == [200] * 4


async def test_an_unknown_event_type_is_refused_with_the_place_and_the_remedy() -> None:
    async with served() as (api, _):
        status, body = await ask(
            api, "POST", "/v1/webhooks", {"url": URL, "events": ["callback.don"]}
        )
    assert status == 422
    assert isinstance(body, dict)
    assert body["errors"][0]["pointer"] == "/events"
    assert "/v1/event-types" in body["errors"][0]["hint"]


async def test_a_webhook_is_changed_disabled_enabled_and_deleted() -> None:
    async with served() as (api, _):
        path = f"/v1/webhooks/{(await made(api))['id']}"
        _, changed = await ask(api, "PATCH", path, {"enabled": False, "description": "old CRM"})
        assert isinstance(changed, dict)
        assert (changed["enabled"], changed["disabled_reason"]) == (False, "disabled by hand")
        assert changed["description"] == "old CRM"
        assert (await ask(api, "POST", f"{path}/test"))[0] == 409
        _, changed = await ask(api, "PATCH", path, {"enabled": True})
        assert isinstance(changed, dict)
        assert (changed["enabled"], changed["disabled_reason"]) == (True, None)
        assert (await ask(api, "DELETE", path))[0] == 204
        assert (await ask(api, "GET", path))[0] == 404


async def test_what_became_of_a_test_message_is_among_the_deliveries_and_can_be_replayed() -> None:
    async with served() as (api, rig):
        path = f"/v1/webhooks/{(await made(api))['id']}"
        status, sent = await ask(api, "POST", f"{path}/test")
        assert status == 202
        await rig.clock.advance(1)
        _, page = await ask(api, "GET", f"{path}/deliveries?limit=1")
        assert isinstance(sent, dict)
        assert isinstance(page, dict)
        [kept] = page["data"]
        assert (kept["id"], kept["state"], kept["status"]) == (sent["id"], "taken", 204)
        status, _ = await ask(api, "POST", f"{path}/deliveries/{sent['id']}/replay")
        assert status == 202
        await rig.clock.advance(1)
        status, many = await ask(api, "POST", f"{path}/replay", {"since": "PT1H"})
        assert (status, many) == (202, {"count": 1})
        await rig.clock.advance(1)
        assert rig.receivers.names() == [sent["id"]] * 3
        assert (await ask(api, "POST", f"{path}/deliveries/wh0_0/replay"))[0] == 404


async def test_the_pages_of_the_deliveries_hold_each_of_them_once() -> None:
    async with served("a") as (api, rig):
        path = f"/v1/webhooks/{(await made(api))['id']}/deliveries?limit=2"
        for _ in range(5):
            await tell(rig.store, "a", "planned", rig.clock)
        await rig.clock.advance(1)
        seen, cursor = [], ""
        while True:
            _, page = await ask(api, "GET", path + cursor)
            assert isinstance(page, dict)
            seen += [one["id"] for one in page["data"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
    assert len(seen) == len(set(seen)) == 5
    assert seen == sorted(seen, reverse=True)


class Stream:
    """A client of the stream."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def block(self) -> dict[str, str]:
        """Return the next event or comment; empty at the end."""
        found: dict[str, str] = {}
        while line := await self._response.content.readline():
            text = line.decode().rstrip("\n")
            if not text:
                break
            name, _, value = text.partition(": ")
            found[name or "comment"] = value
        return found

    async def events(self, count: int) -> list[tuple[int, str]]:
        """Return the next events as place and type."""
        found: list[tuple[int, str]] = []
        while len(found) < count:
            block = await self.block()
            assert block
            if "id" in block:
                found.append((int(block["id"]), block["event"]))
        return found


@asynccontextmanager
async def stream(api: ApiRig, path: str = "/v1/stream", **headers: str) -> AsyncIterator[Stream]:
    headers = {**api.auth_of(Scope.READ), **headers}
    async with api.client.get(path, headers=headers) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "text/event-stream"
        opened = Stream(response)
        assert "retry" in await opened.block()
        yield opened


async def test_a_stream_tells_what_happens_from_now_on() -> None:
    async with served("a") as (api, rig):
        await tell(rig.store, "a", "planned", rig.clock)
        async with stream(api) as opened:
            await tell(rig.store, "a", "accepted", rig.clock)
            await tell(rig.store, "a", "done", rig.clock)
            block = await opened.block()
    assert (block["id"], block["event"]) == ("3", "callback.done")
    assert json.loads(block["data"])["data"]["callback_id"] == "a"


async def test_a_stream_goes_on_after_the_last_event_that_was_seen() -> None:
    async with served("a") as (api, rig):
        for _ in range(250):
            await tell(rig.store, "a", "planned", rig.clock)
        async with stream(api, **{"Last-Event-ID": "7"}) as opened:
            found = await opened.events(243)
    assert [place for place, _ in found] == list(range(8, 251))


async def test_a_stream_tells_only_of_the_callback_that_was_asked_for() -> None:
    async with served("a", "b") as (api, rig):
        async with stream(api, "/v1/stream?callback_id=b&queue=support") as opened:
            await tell(rig.store, "a", "planned", rig.clock)
            await tell(rig.store, "b", "planned", rig.clock)
            assert await opened.events(1) == [(2, "callback.planned")]
        async with stream(api, "/v1/stream?queue=other", **{"Last-Event-ID": "0"}) as opened:
            asked = asyncio.create_task(opened.block())
            while not asked.done():
                await rig.clock.advance(15)
            assert await asked == {"comment": "still here"}


async def test_a_stream_with_nothing_to_tell_shows_every_15_seconds_that_it_lives() -> None:
    async with served() as (api, rig), stream(api) as opened:
        began = rig.clock.monotonic()
        asked = asyncio.create_task(opened.block())
        while not asked.done():
            await rig.clock.advance(1)
        assert await asked == {"comment": "still here"}
        assert rig.clock.monotonic() - began >= 14


async def test_streams_end_when_the_service_stops_and_tell_when_to_come_again() -> None:
    async with served() as (api, rig):
        async with stream(api) as opened:
            rig.notices.tail.close()
            assert "retry" in await opened.block()
            assert await opened.block() == {}
        status, _ = await ask(api, "GET", "/v1/stream")
        assert status == 409


async def test_the_place_of_a_client_that_is_gone_is_free_a_second_later() -> None:
    async with served() as (api, rig):
        rig.notices.tail._most_followers = 1
        async with stream(api):
            pass
        while rig.notices.tail._followers:
            await rig.clock.advance(1)
        assert rig.clock.monotonic() < 5
        async with stream(api):
            pass


async def test_a_stream_ends_within_seconds_when_its_key_is_revoked() -> None:
    async with served("a") as (api, rig):
        key_id = api.keys[Scope.READ].split("_")[1]
        async with stream(api) as opened:
            assert await rig.store.revoke_key(key_id, rig.clock.now())
            asked = asyncio.create_task(opened.block())
            began = rig.clock.monotonic()
            while not asked.done():
                await rig.clock.advance(1)
                assert rig.clock.monotonic() - began <= 6
            assert "retry" in await asked
            assert await opened.block() == {}


async def test_who_asks_only_for_the_head_of_a_stream_opens_none() -> None:
    async with served() as (api, rig):
        async with asyncio.timeout(2), api.client.head("/v1/stream", headers=api.auth) as answer:
            assert answer.status == 200
            assert answer.content_type == "text/event-stream"
        assert rig.notices.tail._followers == 0


async def test_no_more_streams_than_allowed_are_open_at_once() -> None:
    async with served() as (api, rig):
        rig.notices.tail._most_followers = 1
        async with stream(api):
            status, body = await ask(api, "GET", "/v1/stream")
            assert status == 409
            assert isinstance(body, dict)
            assert "the most there may be" in body["detail"]


@pytest.mark.parametrize("place", ["x", "-1", "1" * 30, "1" * 5000, "\u0661"])
async def test_a_place_that_is_none_is_refused(place: str) -> None:
    async with served() as (api, _):
        headers = {**api.auth, "Last-Event-ID": place}
        async with api.client.get("/v1/stream", headers=headers) as answer:
            assert answer.status == 422
            assert (await answer.json())["errors"][0]["parameter"] == "Last-Event-ID"
