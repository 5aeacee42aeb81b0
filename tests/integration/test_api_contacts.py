"""Contacts, the do-not-call list and events over the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.domain.records import InteractionKind, Scope
from gateway.ports import Store
from tests.support.api_talk import KAISA, Talk, talk_over

OTHER = "+358401234500"


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


async def test_a_contact_is_kept_and_found_by_any_of_its_numbers(kept: Talk) -> None:
    made = await kept.ask(
        "POST",
        "/v1/contacts",
        {
            "numbers": ["040 1234567", OTHER, KAISA],
            "name": "Kaisa",
            "language": "fi-FI",
            "industry": "care",
            "segment": "gold",
        },
    )
    assert made.status == 201
    assert [one["number"] for one in made.data["numbers"]] == [KAISA, OTHER]
    assert (made.data["zone"], made.data["country"]) == ("Europe/Helsinki", "FI")
    read = await kept.ask("GET", made.headers["Location"])
    assert (read.data, read.etag) == (made.data, made.etag)
    found = await kept.ask("GET", "/v1/contacts?number=%2B358401234500")
    assert found.data["data"] == [made.data]
    assert (await kept.ask("GET", "/v1/contacts?number=0409999999")).data["data"] == []


async def test_a_contact_with_the_same_first_number_is_the_same_contact(kept: Talk) -> None:
    first = await kept.ask("POST", "/v1/contacts", {"numbers": [KAISA]})
    second = await kept.ask("POST", "/v1/contacts", {"numbers": [KAISA, OTHER], "name": "Kaisa"})
    assert (second.status, second.data["id"]) == (200, first.data["id"])
    assert (await kept.ask("GET", first.headers["Location"])).data["name"] == "Kaisa"


async def test_a_contact_is_changed_by_whoever_read_it_last(kept: Talk) -> None:
    made = await kept.ask("POST", "/v1/contacts", {"numbers": [KAISA], "name": "Kaisa"})
    path = made.headers["Location"]
    assert (await kept.ask("PATCH", path, {"name": "K."})).status == 428
    changed = await kept.ask(
        "PATCH", path, {"numbers": [OTHER], "zone": "Europe/Paris"}, If_Match=made.etag
    )
    assert changed.status == 200
    assert [one["number"] for one in changed.data["numbers"]] == [OTHER]
    assert (changed.data["zone"], changed.data["name"]) == ("Europe/Paris", "Kaisa")
    stale = await kept.ask("PATCH", path, {"name": "X"}, If_Match=made.etag)
    assert (stale.status, stale.kind) == (412, "version-differs")
    emptied = await kept.ask("PATCH", path, {"segment": None}, If_Match=changed.etag)
    assert (emptied.status, emptied.data["segment"]) == (200, None)
    same = await kept.ask("GET", path, If_None_Match=emptied.etag)
    assert same.status == 304


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "/numbers"),
        ({"numbers": []}, "/numbers"),
        ({"numbers": ["+358401234567", "12"]}, "/numbers/1"),
        ({"numbers": [KAISA], "zone": "Mars/Base"}, "/zone"),
        ({"numbers": [KAISA], "language": "12"}, "/language"),
        ({"numbers": [KAISA], "nmae": "x"}, "/nmae"),
        ({"numbers": [KAISA] * 11}, "/numbers"),
    ],
)
async def test_a_contact_that_cannot_be_is_refused_with_its_place(
    talk: Talk, body: dict[str, Any], where: str
) -> None:
    reply = await talk.ask("POST", "/v1/contacts", body)
    assert (reply.status, [place for place, _ in reply.errors]) == (422, [where])
    made = await talk.ask("POST", "/v1/contacts", {"numbers": [OTHER]})
    if body:
        change = {key: value for key, value in body.items() if value != [KAISA]}
        reply = await talk.ask("PATCH", made.headers["Location"], change, If_Match="*")
        assert (reply.status, [place for place, _ in reply.errors]) == (422, [where])


async def test_a_contact_nobody_knows_is_not_found(talk: Talk) -> None:
    for method, path, body in (
        ("GET", "", None),
        ("GET", "/interactions", None),
        ("PATCH", "", {"name": "x"}),
    ):
        reply = await talk.ask(method, f"/v1/contacts/nobody{path}", body, If_Match="*")
        assert (reply.status, reply.kind) == (404, "not-found")


async def test_a_key_that_only_reads_sees_neither_names_nor_numbers(talk: Talk) -> None:
    made = await talk.ask("POST", "/v1/contacts", {"numbers": [KAISA], "name": "Kaisa"})
    await talk.ask("POST", "/v1/events", _event(data={"page": "/kaisa"}))
    await talk.ask("PUT", f"/v1/do-not-call/{KAISA}")
    for path in (
        "/v1/contacts",
        made.headers["Location"],
        f"{made.headers['Location']}/interactions",
        "/v1/do-not-call",
        f"/v1/do-not-call/{KAISA}",
    ):
        seen = await talk.ask("GET", path, scope=Scope.READ)
        assert seen.status == 200
        assert "…67" in str(seen.data)
        assert "aisa" not in str(seen.data)
        assert KAISA not in str(seen.data)


async def test_a_number_is_put_on_the_do_not_call_list_and_taken_off(kept: Talk) -> None:
    path = "/v1/do-not-call/040%20123%204567"
    assert (await kept.ask("GET", path)).status == 404
    put = await kept.ask("PUT", path, {"reason": "asked so"})
    assert put.status == 200
    assert put.data["number"] == KAISA
    again = await kept.ask("PUT", path, {"reason": "again"})
    read = await kept.ask("GET", f"/v1/do-not-call/{KAISA}")
    assert put.data["reason"] == again.data["reason"] == read.data["reason"] == "asked so"
    assert [one["number"] for one in (await kept.ask("GET", "/v1/do-not-call")).data["data"]] == [
        KAISA
    ]
    assert (await kept.ask("DELETE", path)).status == 204
    gone = await kept.ask("DELETE", path)
    assert (gone.status, gone.kind) == (404, "not-found")


@pytest.mark.parametrize("last", range(10))
async def test_a_number_is_found_on_the_list_among_its_neighbours(talk: Talk, last: int) -> None:
    start = "+35840123456"
    for n in range(10):
        if n != last:
            await talk.ask("PUT", f"/v1/do-not-call/{start}{n}")
    assert (await talk.ask("GET", f"/v1/do-not-call/{start}{last}")).status == 404
    await talk.ask("PUT", f"/v1/do-not-call/{start}{last}")
    assert (await talk.ask("GET", f"/v1/do-not-call/{start}{last}")).data["number"][-1] == str(last)


async def test_a_number_of_a_country_that_is_not_called_can_be_put_on_the_list(talk: Talk) -> None:
    assert (await talk.ask("PUT", "/v1/do-not-call/+4915112345678")).status == 200


@pytest.mark.parametrize("text", ["12", "----", "+0000000000"])
async def test_what_is_no_number_is_not_put_on_the_list(talk: Talk, text: str) -> None:
    reply = await talk.ask("PUT", f"/v1/do-not-call/{text}")
    assert reply.status in {404, 422}


def _event(**changes: Any) -> dict[str, Any]:
    event = {"id": "1", "source": "pbx", "kind": "reached_elsewhere", "number": KAISA}
    return {key: value for key, value in {**event, **changes}.items() if value is not None}


async def test_who_was_reached_elsewhere_is_not_called_back(kept: Talk) -> None:
    one, two = await kept.call_back(KAISA), await kept.call_back(KAISA, queue="sales")
    other = await kept.call_back(OTHER)
    told = await kept.ask("POST", "/v1/events", _event())
    assert told.status == 200
    assert told.data["duplicate"] is False
    assert set(told.data["completed"]) == {one, two}
    for name, state in ((one, "DONE"), (two, "DONE"), (other, "SCHEDULED")):
        assert (await kept.ask("GET", f"/v1/callbacks/{name}")).data["state"] == state
    again = await kept.ask("POST", "/v1/events", _event())
    assert again.data["duplicate"] is True


@pytest.mark.parametrize("kind", list(InteractionKind))
@pytest.mark.parametrize("answered", [True, False])
async def test_only_talking_to_somebody_completes_a_callback(
    talk: Talk, kind: InteractionKind, answered: bool
) -> None:
    one = await talk.call_back(KAISA)
    told = await talk.ask("POST", "/v1/events", _event(kind=kind.value, answered=answered))
    talked = kind is InteractionKind.REACHED_ELSEWHERE or (
        kind is InteractionKind.INBOUND_CALL and answered
    )
    assert told.data["completed"] == ([one] if talked else [])


async def test_what_was_heard_of_a_contact_is_kept_newest_first(kept: Talk) -> None:
    made = await kept.ask("POST", "/v1/contacts", {"numbers": [KAISA]})
    contact = made.data["id"]
    for n in range(3):
        await kept.clock.advance(60)
        event = _event(id=str(n), kind="web_visit", number=None, contact_id=contact)
        await kept.ask("POST", "/v1/events", {**event, "data": {"page": n}})
    path = f"/v1/contacts/{contact}/interactions"
    heard = await kept.ask("GET", path)
    assert [one["data"] for one in heard.data["data"]] == [{"page": 2}, {"page": 1}, {"page": 0}]
    assert len((await kept.ask("GET", f"{path}?limit=2")).data["data"]) == 2


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"kind": "fax"}, "/kind"),
        ({"number": None}, ""),
        ({"contact_id": "ct1"}, ""),
        ({"number": "12"}, "/number"),
        ({"id": ""}, "/id"),
        ({"source": None}, "/source"),
        ({"at": "noon"}, "/at"),
        ({"data": {"x": "y" * 5000}}, ""),
        ({"data": {"x": float("nan")}}, ""),
        ({"answerd": True}, "/answerd"),
    ],
)
async def test_an_event_that_cannot_be_is_refused_with_its_place(
    talk: Talk, changes: dict[str, Any], where: str
) -> None:
    reply = await talk.ask("POST", "/v1/events", _event(**changes))
    assert (reply.status, [place for place, _ in reply.errors]) == (422, [where])
    many = await talk.ask("POST", "/v1/events/batch", {"items": [_event(), _event(**changes)]})
    good, bad = many.data["results"]
    assert good["taken"]["duplicate"] is False
    assert bad["taken"] is None
    assert [one["pointer"] for one in bad["problem"]["errors"]] == [f"/items/1{where}"]
