"""Many at once over the API: batches and pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.records import Scope
from gateway.ports import Store
from tests.support.api_talk import KAISA, Talk, talk_over


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


def _number(n: int) -> str:
    return f"+35840{1000000 + n}"


async def test_each_request_of_a_batch_is_answered_in_its_place(kept: Talk) -> None:
    known = await kept.ask("POST", "/v1/contacts", {"numbers": [_number(7)]})
    items: list[dict[str, Any]] = [
        {"number": KAISA},
        {"nmber": KAISA},
        {"number": "12"},
        {"number": KAISA},
        {"contact_id": known.data["id"]},
        {"contact_id": "nobody"},
        {"number": _number(8), "preferred": [{"start": "9", "end": "10:00"}]},
        {"number": _number(9), "queue": "nowhere"},
    ]
    reply = await kept.ask("POST", "/v1/callbacks/batch", {"items": items})
    assert reply.status == 200
    told = reply.data["results"]
    words = ["created", "refused", "refused", "merged", "created", "refused", "refused", "refused"]
    assert [one["status"] for one in told] == words
    assert told[3]["id"] == told[0]["id"]
    assert (reply.data["created"], reply.data["merged"], reply.data["refused"]) == (2, 1, 5)
    mistakes = [one["problem"] and one["problem"]["errors"][0] for one in told]
    assert [one and one["pointer"] for one in mistakes] == [
        None,
        "/items/1/nmber",
        "/items/2/number",
        None,
        None,
        "/items/5/contact_id",
        "/items/6/preferred/0/start",
        "/items/7/queue",
    ]
    assert mistakes[1]["hint"] == "did you mean 'number'?"
    assert "known are: sales, support" in mistakes[7]["hint"]


async def test_the_same_batch_again_makes_nothing_new(kept: Talk) -> None:
    items = [{"number": _number(n), "idempotency_key": f"row-{n}"} for n in range(20)]
    first = await kept.ask("POST", "/v1/callbacks/batch", {"items": items})
    again = await kept.ask("POST", "/v1/callbacks/batch", {"items": items})
    assert (first.data["created"], again.data["merged"]) == (20, 20)
    ids = [[one["id"] for one in reply.data["results"]] for reply in (first, again)]
    assert ids[0] == ids[1]


async def test_the_keys_of_two_systems_do_not_meet(talk: Talk) -> None:
    one, two = [
        await talk.ask(
            "POST",
            "/v1/callbacks/batch",
            {"items": [{"number": _number(n), "idempotency_key": "row-1"}]},
            scope=scope,
        )
        for n, scope in enumerate((Scope.WRITE, Scope.ADMIN))
    ]
    assert (one.data["created"], two.data["created"]) == (1, 1)


@pytest.mark.parametrize("n", [0, 501])
@pytest.mark.parametrize("path", ["/v1/callbacks/batch", "/v1/events/batch"])
async def test_a_batch_has_one_to_five_hundred_items(talk: Talk, path: str, n: int) -> None:
    reply = await talk.ask("POST", path, {"items": [{}] * n})
    assert (reply.status, reply.errors[0][0]) == (422, "/items")


async def test_a_batch_may_be_larger_than_a_single_request(talk: Talk) -> None:
    items = [{"number": _number(n), "reason": "x" * 500, "name": "y" * 500} for n in range(500)]
    reply = await talk.ask("POST", "/v1/callbacks/batch", {"items": items})
    assert (reply.status, reply.data["created"]) == (200, 500)
    whole = await talk.ask("POST", "/v1/callbacks", {"number": KAISA, "reason": "x" * 300_000})
    assert (whole.status, whole.kind) == (413, "body-too-large")


@settings(max_examples=12, deadline=None)
@given(
    at_first=st.integers(0, 12),
    more=st.lists(st.integers(0, 3), max_size=8),
    limit=st.integers(1, 5),
)
async def test_pages_hold_what_was_there_once_each_while_more_comes_in(
    at_first: int, more: list[int], limit: int
) -> None:
    async with talk_over() as talk:
        numbers = iter(range(1000))
        there = {await talk.call_back(_number(next(numbers))) for _ in range(at_first)}
        seen: list[str] = []
        path: str | None = f"/v1/callbacks?limit={limit}&state=SCHEDULED"
        arriving = iter(more)
        while path is not None:
            page = await talk.ask("GET", path)
            assert len(page.data["data"]) <= limit
            seen += [one["id"] for one in page.data["data"]]
            for _ in range(next(arriving, 0)):
                await talk.call_back(_number(next(numbers)))
            path = _following(page.headers.get("Link"))
            assert (path is None) == (page.data["next"] is None)
        assert len(seen) == len(set(seen))
        assert there <= set(seen)


def _following(link: str | None) -> str | None:
    return link.partition(">")[0].removeprefix("<") if link else None


async def test_every_list_is_cut_into_pages(kept: Talk) -> None:
    for n in range(7):
        await kept.call_back(_number(n))
        await kept.ask("PUT", f"/v1/do-not-call/{_number(n)}")
    for path in ("/v1/callbacks", "/v1/contacts", "/v1/do-not-call"):
        seen: list[str] = []
        cursor: str | None = ""
        for size in (3, 3, 1):
            assert cursor is not None
            page = await kept.ask("GET", f"{path}?limit=3{cursor}")
            assert len(page.data["data"]) == size
            seen += [str(one.get("id") or one["number"]) for one in page.data["data"]]
            cursor = f"&cursor={page.data['next']}" if page.data["next"] else None
        assert cursor is None
        assert len(set(seen)) == 7
        assert seen == sorted(seen, reverse=path != "/v1/do-not-call")


async def test_filters_narrow_together(kept: Talk) -> None:
    one = await kept.call_back(KAISA)
    await kept.clock.advance(3600)
    two = await kept.call_back(KAISA, queue="sales")
    other = await kept.call_back(_number(1))
    await kept.ask("POST", f"/v1/callbacks/{two}/cancel")
    contact = (await kept.ask("GET", f"/v1/callbacks/{one}")).data["contact"]["id"]
    for query, expected in {
        "": {one, two, other},
        "state=SCHEDULED": {one, other},
        "state=SCHEDULED,CANCELED": {one, two, other},
        "queue=sales": {two},
        "number=%2B358401234567": {one, two},
        "number=040%201234567&state=CANCELED": {two},
        f"contact_id={contact}": {one, two},
        "since=2026-03-10T08:30:00Z": {two, other},
        "until=2026-03-10T10:30:00%2B02:00": {one},
        "since=2026-03-10T08:30:00Z&queue=support": {other},
        "queue=nowhere": set(),
        "contact_id=nobody": set(),
    }.items():
        reply = await kept.ask("GET", f"/v1/callbacks?{query}")
        assert {found["id"] for found in reply.data["data"]} == expected, query


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("state=WAITING", "state"),
        ("state=SCHEDULED,", "state"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=many", "limit"),
        ("cursor=guessed", "cursor"),
        ("since=yesterday", "since"),
        ("since=0001-01-01T00:00:00Z", "since"),
        ("number=12", "number"),
        ("contact_id=%25", "contact_id"),
        ("stat=DONE", "stat"),
        ("queue=a&queue=b", "queue"),
    ],
)
async def test_a_filter_that_cannot_be_is_refused_by_name(
    talk: Talk, query: str, where: str
) -> None:
    reply = await talk.ask("GET", f"/v1/callbacks?{query}")
    assert (reply.status, reply.kind) == (422, "invalid-input")
    assert [place for place, _ in reply.errors] == [where]


async def test_what_may_be_done_with_a_batch_is_not_mixed_up_with_a_callback(talk: Talk) -> None:
    batch = await talk.ask("GET", "/v1/callbacks/batch")
    assert (batch.status, batch.headers["Allow"]) == (405, "POST")
    one = await talk.ask("DELETE", "/v1/callbacks/batches")
    assert (one.status, one.headers["Allow"]) == (405, "GET, HEAD, PATCH")
