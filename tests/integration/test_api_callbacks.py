"""Callbacks over the API: asked for, read, changed, followed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from gateway.domain.records import Scope
from gateway.domain.windows import CountryRule, Hours
from gateway.ports import Store
from tests.support.api_talk import KAISA, Talk, talk_over
from tests.support.builders import NOW

_OFFICE_HOURS = CountryRule(weekly={day: (Hours(8 * 60, 20 * 60),) for day in range(5)})


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


async def test_a_callback_is_asked_for_and_read_again(kept: Talk) -> None:
    reply = await kept.ask(
        "POST",
        "/v1/callbacks",
        {
            "number": "040 123 4567",
            "name": "Kaisa",
            "reason": "invoice",
            "deadline": "PT4H",
            "preferred": [{"weekdays": ["monday"], "start": "09:00", "end": "24:00"}],
            "worth": 3,
            "legal_basis": "contract 12",
            "source": "web form",
            "requested_at": "2026-03-10T09:30:00+02:00",
        },
    )
    assert reply.status == 201
    assert reply.data["merged"] is False
    assert reply.headers["Location"] == f"/v1/callbacks/{reply.data['id']}"
    read = await kept.ask("GET", reply.headers["Location"])
    assert read.status == 200
    told = read.data
    assert told["contact"]["numbers"] == [KAISA]
    assert told["contact"]["name"] == "Kaisa"
    assert told["deadline"] == "2026-03-10T12:00:00Z"
    assert told["requested_at"] == "2026-03-10T07:30:00Z"
    assert told["preferred"] == [{"weekdays": ["monday"], "start": "09:00", "end": "24:00"}]
    assert (told["worth"], told["source"], told["legal_basis"]) == (3, "web form", "contract 12")
    assert (told["state"], told["queue"]) == ("SCHEDULED", "support")


async def test_a_second_request_of_the_same_contact_is_merged_and_says_so(kept: Talk) -> None:
    first = await kept.ask("POST", "/v1/callbacks", {"number": KAISA})
    second = await kept.ask("POST", "/v1/callbacks", {"number": "+358 40 123 4567"})
    assert (second.status, second.data) == (200, {**first.data, "merged": True})
    assert (first.data["state"], first.data["due_at"]) == ("SCHEDULED", "2026-03-10T08:00:00Z")
    journal = await kept.ask("GET", f"/v1/callbacks/{first.data['id']}/journal")
    assert "merged" in [one["kind"] for one in journal.data["data"]]


async def test_another_queue_calls_the_same_contact_too(talk: Talk) -> None:
    first = await talk.call_back(KAISA)
    assert await talk.call_back(KAISA, queue="sales") != first


async def test_a_repeated_request_with_its_key_is_answered_again_and_not_carried_out(
    kept: Talk,
) -> None:
    body = {"number": KAISA, "reason": "invoice"}
    first = await kept.ask("POST", "/v1/callbacks", body, Idempotency_Key="once")
    again = await kept.ask("POST", "/v1/callbacks", body, Idempotency_Key="once")
    assert (again.status, again.data) == (first.status, first.data)
    assert again.headers["Idempotent-Replayed"] == "true"
    other = await kept.ask("POST", "/v1/callbacks", {"number": KAISA}, Idempotency_Key="once")
    assert (other.status, other.kind) == (422, "idempotency-key-reused")
    listed = await kept.ask("GET", "/v1/callbacks")
    assert len(listed.data["data"]) == 1


async def test_the_key_of_a_request_still_counts_when_its_callback_is_closed(talk: Talk) -> None:
    body = {"number": KAISA}
    first = await talk.ask("POST", "/v1/callbacks", body, Idempotency_Key="once")
    await talk.ask("POST", f"/v1/callbacks/{first.data['id']}/cancel")
    again = await talk.ask("POST", "/v1/callbacks", body, Idempotency_Key="once")
    assert again.data["id"] == first.data["id"]


async def test_a_known_contact_is_called_by_its_id(kept: Talk) -> None:
    made = await kept.ask("POST", "/v1/contacts", {"numbers": [KAISA, "+358401234500"]})
    asked = await kept.ask("POST", "/v1/callbacks", {"contact_id": made.data["id"]})
    read = await kept.ask("GET", asked.headers["Location"])
    assert read.data["contact"]["id"] == made.data["id"]
    assert read.data["contact"]["numbers"] == [KAISA, "+358401234500"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"numbr": KAISA}, "/numbr"),
        ({}, ""),
        ({"number": KAISA, "numbers": [KAISA]}, ""),
        ({"number": "+35812"}, "/number"),
        ({"number": "+4915112345678"}, "/number"),
        ({"number": 358401234567}, "/number"),
        ({"numbers": []}, "/numbers"),
        ({"contact_id": "nobody"}, "/contact_id"),
        ({"contact_id": "nobody", "name": "Kaisa"}, "/name"),
        ({"number": KAISA, "queue": "nowhere"}, "/queue"),
        ({"number": KAISA, "zone": "Europe/Nowhere"}, "/zone"),
        ({"number": KAISA, "deadline": "2020-01-01T00:00:00Z"}, "/deadline"),
        ({"number": KAISA, "deadline": "2026-03-11 10:00"}, "/deadline"),
        ({"number": KAISA, "deadline": "2026-03-11T10:00:00"}, "/deadline"),
        ({"number": KAISA, "deadline": "4h"}, "/deadline"),
        ({"number": KAISA, "deadline": "P1M"}, "/deadline"),
        ({"number": KAISA, "deadline": "PT0S"}, "/deadline"),
        ({"number": KAISA, "worth": -1}, "/worth"),
        ({"number": KAISA, "worth": "5"}, "/worth"),
        ({"number": KAISA, "reason": "two\nlines"}, "/reason"),
        ({"number": KAISA, "name": "x" * 501}, "/name"),
        ({"number": KAISA, "country": "Finland"}, "/country"),
        ({"number": KAISA, "preferred": [{"start": "9", "end": "10:00"}]}, "/preferred/0/start"),
        ({"number": KAISA, "preferred": [{"start": "11:00", "end": "10:00"}]}, "/preferred/0"),
        (
            {
                "number": KAISA,
                "preferred": [{"weekdays": ["funday"], "start": "09:00", "end": "10:00"}],
            },
            "/preferred/0/weekdays/0",
        ),
    ],
)
async def test_what_cannot_be_used_is_refused_with_its_place(
    talk: Talk, body: dict[str, object], where: str
) -> None:
    reply = await talk.ask("POST", "/v1/callbacks", body)
    assert (reply.status, reply.kind) == (422, "invalid-input")
    assert where in [place for place, _ in reply.errors]
    assert (await talk.ask("GET", "/v1/callbacks")).data["data"] == []


async def test_what_is_no_moment_is_told_that_a_duration_would_do(talk: Talk) -> None:
    reply = await talk.ask("POST", "/v1/callbacks", {"number": KAISA, "deadline": "4h"})
    [problem] = reply.data["errors"]
    assert problem["hint"] == "or a duration from now on, like PT4H or P2D"
    there_is_none = {"number": KAISA, "deadline": "2026-02-30T10:00:00Z"}
    [problem] = (await talk.ask("POST", "/v1/callbacks", there_is_none)).data["errors"]
    assert problem["detail"] == "there is no such day or hour"


async def test_a_misspelt_field_is_refused_with_the_right_spelling(talk: Talk) -> None:
    reply = await talk.ask("POST", "/v1/callbacks", {"number": KAISA, "quue": "support"})
    assert reply.errors == [("/quue", "did you mean 'queue'?")]


async def test_a_number_in_a_problem_is_masked(talk: Talk) -> None:
    reply = await talk.ask("POST", "/v1/callbacks", {"number": "+35840123456789"})
    assert reply.status == 422
    assert "40123456" not in str(reply.data)


async def test_a_key_that_only_reads_sees_no_names_and_only_the_end_of_numbers(talk: Talk) -> None:
    one = await talk.call_back(KAISA, name="Kaisa")
    for path in (f"/v1/callbacks/{one}", "/v1/callbacks", f"/v1/callbacks/{one}/journal"):
        seen = await talk.ask("GET", path, scope=Scope.READ)
        assert seen.status == 200
        assert "Kaisa" not in str(seen.data)
        assert KAISA not in str(seen.data)
    masked = await talk.ask("GET", f"/v1/callbacks/{one}", scope=Scope.READ)
    assert masked.data["contact"]["numbers"] == ["…67"]
    whole = await talk.ask("GET", f"/v1/callbacks/{one}", scope=Scope.WRITE)
    assert whole.data["contact"]["numbers"] == [KAISA]


async def test_a_key_that_only_reads_changes_nothing(talk: Talk) -> None:
    one = await talk.call_back()
    for method, path in (
        ("POST", "/v1/callbacks"),
        ("POST", "/v1/callbacks/batch"),
        ("PATCH", f"/v1/callbacks/{one}"),
        ("POST", f"/v1/callbacks/{one}/cancel"),
        ("POST", f"/v1/callbacks/{one}/reschedule"),
        ("POST", f"/v1/callbacks/{one}/call-now"),
    ):
        reply = await talk.ask(method, path, {}, scope=Scope.READ)
        assert (reply.status, reply.kind) == (403, "scope-too-small")


async def test_what_was_not_changed_is_not_sent_again(kept: Talk) -> None:
    one = await kept.call_back()
    read = await kept.ask("GET", f"/v1/callbacks/{one}")
    same = await kept.ask("GET", f"/v1/callbacks/{one}", If_None_Match=read.etag)
    assert (same.status, same.data) == (304, None)
    await kept.ask("POST", f"/v1/callbacks/{one}/reschedule", {"at": "PT1H"})
    anew = await kept.ask("GET", f"/v1/callbacks/{one}", If_None_Match=read.etag)
    assert anew.status == 200
    assert anew.etag != read.etag


async def test_a_changed_contact_changes_the_etag_of_its_callback(talk: Talk) -> None:
    one = await talk.call_back()
    read = await talk.ask("GET", f"/v1/callbacks/{one}")
    contact = await talk.ask("GET", f"/v1/contacts/{read.data['contact']['id']}")
    await talk.ask(
        "PATCH", f"/v1/contacts/{contact.data['id']}", {"name": "Kaisa"}, If_Match=contact.etag
    )
    anew = await talk.ask("GET", f"/v1/callbacks/{one}", If_None_Match=read.etag)
    assert anew.status == 200
    changed = await talk.ask("PATCH", f"/v1/callbacks/{one}", {"worth": 2}, If_Match=read.etag)
    assert changed.status == 200  # the callback itself is as it was read


async def test_a_change_needs_the_version_it_is_about(kept: Talk) -> None:
    one = await kept.call_back()
    path = f"/v1/callbacks/{one}"
    without = await kept.ask("PATCH", path, {"reason": "other"})
    assert (without.status, without.kind) == (428, "if-match-needed")
    read = await kept.ask("GET", path)
    changed = await kept.ask("PATCH", path, {"reason": "other"}, If_Match=read.etag)
    assert (changed.status, changed.data["reason"]) == (200, "other")
    assert changed.etag == (await kept.ask("GET", path)).etag
    stale = await kept.ask("PATCH", path, {"reason": "third"}, If_Match=read.etag)
    assert (stale.status, stale.kind) == (412, "version-differs")
    assert (await kept.ask("GET", path)).data["reason"] == "other"


async def test_a_change_leaves_what_it_does_not_name(talk: Talk) -> None:
    one = await talk.call_back(reason="invoice", worth=4)
    changed = await talk.ask(
        "PATCH", f"/v1/callbacks/{one}", {"queue": "sales", "deadline": "P3D"}, If_Match="*"
    )
    told = changed.data
    assert (told["queue"], told["reason"], told["worth"]) == ("sales", "invoice", 4)
    assert told["deadline"] == "2026-03-13T08:00:00Z"


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, ""),
        ({"reason": None}, "/reason"),
        ({"worth": -1}, "/worth"),
        ({"queue": ""}, "/queue"),
        ({"queue": "nowhere"}, "/queue"),
        ({"deadline": "2026-03-10T07:00:00Z"}, "/deadline"),
        ({"state": "DONE"}, "/state"),
    ],
)
async def test_a_change_that_cannot_be_is_refused_with_its_place(
    talk: Talk, body: dict[str, object], where: str
) -> None:
    one = await talk.call_back()
    reply = await talk.ask("PATCH", f"/v1/callbacks/{one}", body, If_Match="*")
    assert (reply.status, reply.kind) == (422, "invalid-input")
    assert [place for place, _ in reply.errors] == [where]


async def test_a_callback_is_canceled_once_and_stays_so(kept: Talk) -> None:
    one = await kept.call_back()
    path = f"/v1/callbacks/{one}/cancel"
    canceled = await kept.ask("POST", path, {"reason": "solved by mail"})
    assert (canceled.status, canceled.data["state"]) == (200, "CANCELED")
    assert "solved by mail" in canceled.data["state_reason"]
    assert (await kept.ask("POST", path)).data["state"] == "CANCELED"


async def test_a_closed_callback_is_not_rescheduled_but_says_what_to_do(talk: Talk) -> None:
    one = await talk.call_back()
    await talk.ask("POST", f"/v1/callbacks/{one}/cancel")
    for what, body in (("reschedule", {"at": "PT1H"}), ("call-now", {})):
        reply = await talk.ask("POST", f"/v1/callbacks/{one}/{what}", body)
        assert (reply.status, reply.kind) == (409, "not-now")
        assert "request a new callback" in reply.data["detail"]


async def test_a_callback_is_rescheduled_to_an_instant_or_a_duration(talk: Talk) -> None:
    one = await talk.call_back()
    path = f"/v1/callbacks/{one}/reschedule"
    at = (NOW + timedelta(hours=2)).isoformat()
    assert (await talk.ask("POST", path, {"at": at})).data["due_at"] == "2026-03-10T10:00:00Z"
    later = await talk.ask("POST", path, {"at": "P5D", "deadline": "P6D"})
    assert later.data["due_at"] == "2026-03-15T08:00:00Z"
    assert later.data["plan"]["decider"] == "human:test admin"


async def test_a_time_the_law_forbids_is_refused_with_the_next_allowed_one() -> None:
    async with talk_over(rule=_OFFICE_HOURS) as talk:
        one = await talk.call_back(deadline="P5D")
        reply = await talk.ask("POST", f"/v1/callbacks/{one}/reschedule", {"at": "PT14H"})
        assert reply.status == 422
        [(where, hint)] = reply.errors
        assert where == "/at"
        assert "calls are allowed again" in hint
        await talk.clock.advance(14 * 3600)
        now = await talk.ask("POST", f"/v1/callbacks/{one}/call-now")
        assert (now.status, now.kind) == (409, "not-now")
        assert "calls are allowed again" in now.data["detail"]


async def test_call_now_makes_it_due_now(talk: Talk) -> None:
    one = await talk.call_back()
    await talk.ask("POST", f"/v1/callbacks/{one}/reschedule", {"at": "PT4H"})
    reply = await talk.ask("POST", f"/v1/callbacks/{one}/call-now")
    assert (reply.status, reply.data["due_at"]) == (200, "2026-03-10T08:00:00Z")


@pytest.mark.parametrize(
    "path",
    ["", "/attempts", "/journal", "/why"],
)
async def test_what_is_not_there_is_not_found(talk: Talk, path: str) -> None:
    await talk.call_back()
    for name in ("cb000", "cb%25", "c", "x" * 200):
        reply = await talk.ask("GET", f"/v1/callbacks/{name}{path}")
        assert (reply.status, reply.kind) == (404, "not-found")


async def test_what_is_not_there_cannot_be_changed(talk: Talk) -> None:
    for method, path, body in (
        ("PATCH", "", {"worth": 2}),
        ("POST", "/cancel", {}),
        ("POST", "/reschedule", {"at": "PT1H"}),
        ("POST", "/call-now", {}),
    ):
        reply = await talk.ask(method, f"/v1/callbacks/cb000{path}", body, If_Match="*")
        assert (reply.status, reply.kind) == (404, "not-found")
