"""Running Kairos over the API: the panic button, queues, carriers, keys, why, attempts."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.domain.disposition import Disposition
from gateway.domain.events import CallNews
from gateway.domain.pacing import Limits
from gateway.domain.records import Scope
from gateway.ports import CarrierStatus, Store
from gateway.web.api.facts import CarrierFigures
from tests.support.api_talk import KAISA, Talk, talk_over
from tests.support.harness import gateway_of


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    """An office in memory."""
    async with talk_over() as talking:
        yield talking


@pytest.fixture
async def kept(store: Store) -> AsyncIterator[Talk]:
    """An office over each kind of store."""
    async with talk_over(store) as talking:
        yield talking


async def test_everything_is_stopped_and_resumed(kept: Talk) -> None:
    held = await kept.ask("POST", "/v1/stop-all", {"reason": "fire"}, scope=Scope.WRITE)
    assert held.status == 200
    assert (held.data["target"], held.data["reason"], held.data["by"]) == (
        "all",
        "fire",
        "test write",
    )
    again = await kept.ask("POST", "/v1/stop-all", {"reason": "other"})
    assert again.data == held.data
    assert (await kept.ask("GET", "/v1/holds")).data["data"] == [held.data]
    assert (await kept.ask("GET", "/v1/queues/support")).data["hold"] == held.data
    why = await kept.ask("GET", "/v1/why")
    assert any("fire" in one["text"] for one in why.data["data"])
    lifted = await kept.ask("POST", "/v1/resume", scope=Scope.WRITE)
    assert lifted.data == {"lifted": held.data, "standing": []}
    assert (await kept.ask("POST", "/v1/resume")).data == {"lifted": None, "standing": []}


async def test_stopping_everything_needs_no_body(talk: Talk) -> None:
    assert (await talk.ask("POST", "/v1/stop-all")).status == 200


async def test_one_queue_is_held_and_stays_so_when_all_is_resumed(talk: Talk) -> None:
    held = await talk.ask("POST", "/v1/queues/sales/hold", {"reason": "training"})
    assert held.data["target"] == "queue:sales"
    await talk.ask("POST", "/v1/stop-all")
    lifted = await talk.ask("POST", "/v1/resume", {"target": "all"})
    assert lifted.data["standing"] == [held.data]
    queues = (await talk.ask("GET", "/v1/queues")).data["data"]
    assert {one["name"]: bool(one["hold"]) for one in queues} == {"sales": True, "support": False}
    await talk.ask("POST", "/v1/resume", {"target": "queue:sales"})
    assert (await talk.ask("GET", "/v1/holds")).data["data"] == []


async def test_a_hold_of_what_is_not_there_is_refused(talk: Talk) -> None:
    assert (await talk.ask("POST", "/v1/queues/nowhere/hold")).status == 404
    reply = await talk.ask("POST", "/v1/resume", {"target": "everything"})
    assert (reply.status, reply.errors[0][0]) == (422, "/target")


async def test_a_key_that_only_reads_can_neither_hold_nor_resume(talk: Talk) -> None:
    for path in ("/v1/stop-all", "/v1/resume", "/v1/queues/sales/hold"):
        assert (await talk.ask("POST", path, scope=Scope.READ)).status == 403


async def test_queues_tell_how_they_are_set_up(talk: Talk) -> None:
    sales, support = (await talk.ask("GET", "/v1/queues", scope=Scope.READ)).data["data"]
    assert (sales["mode"], sales["agents"]) == ("agent_first", 1)
    assert (support["mode"], support["carriers"]) == ("customer_first", ["pbx"])
    one = await talk.ask("GET", "/v1/queues/support", scope=Scope.READ)
    assert one.data["why"]
    assert (await talk.ask("GET", "/v1/queues/nowhere")).status == 404


async def test_carriers_tell_how_they_stand(talk: Talk) -> None:
    talk.rig.services.carriers = lambda: (
        CarrierFigures(
            status=CarrierStatus(name="pbx", up=False, reason="login refused"),
            limits=Limits(calls_per_second=2.0, concurrent_calls=7, burst=1),
            in_use=3,
        ),
    )
    reply = await talk.ask("GET", "/v1/carriers", scope=Scope.READ)
    assert reply.data["data"] == [
        {
            "name": "pbx",
            "up": False,
            "reason": "login refused",
            "in_use": 3,
            "concurrent_calls": 7,
            "calls_per_second": 2.0,
        }
    ]


async def test_why_tells_of_all_of_a_queue_and_of_a_callback(talk: Talk) -> None:
    one = await talk.call_back(KAISA)
    for query in ("", "?queue=support", f"?callback_id={one}"):
        reply = await talk.ask("GET", f"/v1/why{query}", scope=Scope.READ)
        assert reply.status == 200
        assert all(said["code"] and said["text"] for said in reply.data["data"])
    assert (await talk.ask("GET", f"/v1/callbacks/{one}/why")).data["data"]
    wrong = await talk.ask("GET", "/v1/why?queue=nowhere")
    assert (wrong.status, wrong.errors[0][0]) == (422, "queue")
    assert (await talk.ask("GET", "/v1/why?callback_id=nobody")).status == 404


async def test_a_key_is_made_used_listed_and_revoked(kept: Talk) -> None:
    made = await kept.ask("POST", "/v1/keys", {"name": "crm", "scope": "write"})
    assert made.status == 201
    token, name = made.data["token"], made.data["id"]
    client = kept.rig.client
    header = {"Authorization": f"Bearer {token}"}
    async with client.get("/v1/callbacks", headers=header) as response:
        assert response.status == 200
    async with client.get("/v1/keys", headers=header) as response:
        assert response.status == 403
    listed = await kept.ask("GET", "/v1/keys")
    assert name in [one["id"] for one in listed.data["data"]]
    assert token not in str(listed.data)
    assert (await kept.ask("GET", f"/v1/keys/{name}")).data["revoked_at"] is None
    assert (await kept.ask("DELETE", f"/v1/keys/{name}")).status == 204
    assert (await kept.ask("DELETE", f"/v1/keys/{name}")).status == 404
    assert (await kept.ask("GET", f"/v1/keys/{name}")).data["revoked_at"] is not None
    await kept.clock.advance(3.1)
    async with client.get("/v1/callbacks", headers=header) as response:
        assert response.status == 401


async def test_a_key_ends_when_it_was_said_to(talk: Talk) -> None:
    made = await talk.ask("POST", "/v1/keys", {"name": "x", "scope": "read", "expires_at": "PT1H"})
    assert made.data["expires_at"] == "2026-03-10T09:00:00Z"
    await talk.clock.advance(3601)
    header = {"Authorization": f"Bearer {made.data['token']}"}
    async with talk.rig.client.get("/v1/callbacks", headers=header) as response:
        assert response.status == 401


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"scope": "read"}, "/name"),
        ({"name": "", "scope": "read"}, "/name"),
        ({"name": "x", "scope": "root"}, "/scope"),
        ({"name": "x", "scope": "read", "expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
    ],
)
async def test_a_key_that_cannot_be_is_refused_with_its_place(
    talk: Talk, body: dict[str, object], where: str
) -> None:
    reply = await talk.ask("POST", "/v1/keys", body)
    assert (reply.status, [place for place, _ in reply.errors]) == (422, [where])


@pytest.mark.parametrize("scope", [Scope.READ, Scope.WRITE])
async def test_only_an_administrator_has_to_do_with_keys(talk: Talk, scope: Scope) -> None:
    for method, path in (
        ("GET", "/v1/keys"),
        ("GET", "/v1/keys/x"),
        ("POST", "/v1/keys"),
        ("DELETE", "/v1/keys/x"),
    ):
        assert (await talk.ask(method, path, scope=scope)).status == 403


async def test_the_attempts_of_a_callback_tell_what_the_carrier_said() -> None:
    async with gateway_of() as harness, talk_over(harness.store) as talk:
        [one] = await harness.ask(KAISA)
        under_way = await talk.ask("GET", f"/v1/callbacks/{one}/attempts")
        assert under_way.data["data"][0]["closed_at"] is None
        assert (
            await talk.ask("PATCH", f"/v1/callbacks/{one}", {"worth": 2}, If_Match="*")
        ).status == 409
        canceled = await talk.ask("POST", f"/v1/callbacks/{one}/cancel")
        assert (canceled.data["state"], canceled.data["cancel_requested"]) == ("DIALING", True)
        await harness.tell(CallNews.RINGING, end=Disposition.BUSY, after=2)
        [attempt] = (await talk.ask("GET", f"/v1/callbacks/{one}/attempts")).data["data"]
        assert (attempt["n"], attempt["disposition"], attempt["number"]) == (1, "busy", KAISA)
        [leg] = attempt["legs"]
        assert (leg["carrier"], leg["role"], leg["state"]) == ("pbx", "customer", "ENDED")
        assert leg["ringing_at"] is not None
        assert set(leg["evidence"]) >= {"source", "cause", "tech_cause", "dial_status"}
        masked = await talk.ask("GET", f"/v1/callbacks/{one}/attempts", scope=Scope.READ)
        assert KAISA not in str(masked.data)
        assert (await talk.ask("GET", f"/v1/callbacks/{one}")).data["state"] == "CANCELED"
