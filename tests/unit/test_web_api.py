"""The frame around every request: who may, what is refused and how, what is remembered."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import structlog
from multidict import CIMultiDict

from config.api import Api, RateLimit
from gateway.domain.records import Scope
from gateway.web.api.keys import make_key
from tests.support import api_operations
from tests.support.api import ApiRig, api_rig

type_of = "/docs/problems/{}".format


@pytest.fixture
async def api() -> AsyncIterator[ApiRig]:
    async with api_rig() as rig:
        yield rig


async def ask(
    api: ApiRig, method: str, path: str, *, scope: Scope | None = Scope.ADMIN, **more: Any
) -> tuple[int, Any, CIMultiDict[str]]:
    """Send a request; return status, answer and headers."""
    headers = {**(api.auth_of(scope) if scope else {}), **more.pop("headers", {})}
    async with api.client.request(method, path, headers=headers, **more) as answer:
        raw = await answer.read()
        data = json.loads(raw) if raw and "json" in answer.content_type else raw
        return answer.status, data, answer.headers.copy()


async def test_counts_are_told_to_a_valid_key(api: ApiRig) -> None:
    status, data, headers = await ask(api, "GET", "/v1/counts")
    assert (status, data["callbacks"]["SCHEDULED"]) == (200, 0)
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Server"] == "Kairos"
    assert "Access-Control-Allow-Origin" not in headers


class TestKeys:
    async def test_no_key_is_told_how_to_send_one(self, api: ApiRig) -> None:
        status, problem, headers = await ask(api, "GET", "/v1/counts", scope=None)
        assert (status, problem["type"]) == (401, type_of("key-not-valid"))
        assert headers["Content-Type"].startswith("application/problem+json")
        assert headers["WWW-Authenticate"].startswith("Bearer")

    @pytest.mark.parametrize("sent", ["", "Bearer", "Basic eA==", "Bearer kai_x_y", "kai_a_b"])
    async def test_what_is_no_key_is_refused(self, api: ApiRig, sent: str) -> None:
        headers = {"Authorization": sent}
        assert (await ask(api, "GET", "/v1/counts", scope=None, headers=headers))[0] == 401

    async def test_the_id_of_one_key_with_the_secret_of_another_is_refused(
        self, api: ApiRig
    ) -> None:
        one, other = (api.keys[scope].split("_", 2) for scope in (Scope.READ, Scope.ADMIN))
        headers = {"Authorization": f"Bearer kai_{other[1]}_{one[2]}"}
        assert (await ask(api, "GET", "/v1/counts", scope=None, headers=headers))[0] == 401

    async def test_a_scope_includes_those_before_it_and_no_more(self, api: ApiRig) -> None:
        body = {"json": {"text": "x"}}
        assert (await ask(api, "GET", "/v1/counts", scope=Scope.WRITE))[0] == 200
        assert (await ask(api, "POST", "/v1/echo", scope=Scope.WRITE, **body))[0] == 201
        status, problem, headers = await ask(api, "POST", "/v1/echo", scope=Scope.READ, **body)
        assert (status, problem["type"]) == (403, type_of("scope-too-small"))
        assert "insufficient_scope" in headers["WWW-Authenticate"]
        assert (await ask(api, "DELETE", "/v1/things/t01", scope=Scope.WRITE))[0] == 403

    async def test_a_revoked_key_is_refused_within_five_seconds(self, api: ApiRig) -> None:
        assert (await ask(api, "GET", "/v1/counts"))[0] == 200
        await api.store.revoke_key(api.keys[Scope.ADMIN].split("_")[1], api.clock.now())
        await api.clock.advance(4.9)
        assert (await ask(api, "GET", "/v1/counts"))[0] == 401

    async def test_a_key_ends_with_its_time(self, api: ApiRig) -> None:
        now = api.clock.now()
        made = make_key(
            name="short", scope=Scope.READ, now=now, expires_at=now + timedelta(seconds=60)
        )
        await api.store.add_key(made.key)
        headers = {"Authorization": f"Bearer {made.text}"}
        assert (await ask(api, "GET", "/v1/counts", scope=None, headers=headers))[0] == 200
        await api.clock.advance(60)
        assert (await ask(api, "GET", "/v1/counts", scope=None, headers=headers))[0] == 401

    async def test_guessing_costs_the_guesser_and_nobody_else(self, api: ApiRig) -> None:
        assert (await ask(api, "GET", "/v1/counts"))[0] == 200
        wrong = {"Authorization": "Bearer kai_aaaaaaaaaaaa_" + "x" * 43}
        seen = [
            (await ask(api, "GET", "/v1/counts", scope=None, headers=wrong))[0] for _ in range(12)
        ]
        assert seen == [401] * 10 + [429] * 2
        assert (await ask(api, "GET", "/v1/counts"))[0] == 200
        await api.clock.advance(6.1)
        assert (await ask(api, "GET", "/v1/counts", scope=None, headers=wrong))[0] == 401

    def test_a_key_is_in_no_text_about_it(self, api: ApiRig) -> None:
        made = make_key(name="x", scope=Scope.READ, now=api.clock.now())
        secret = made.text.split("_", 2)[2]
        assert secret not in repr(made) + repr(made.key)
        assert made.key.digest not in repr(made) + repr(made.key)


class TestRates:
    async def test_what_is_left_is_told_and_more_is_refused_until_it_is_time(self) -> None:
        limit = RateLimit(requests_per_second=2, burst=3)
        async with api_rig(settings=Api(port=0, rate_limit=limit)) as api:
            answers = [await ask(api, "GET", "/v1/counts") for _ in range(4)]
            assert [one[0] for one in answers] == [200, 200, 200, 429]
            assert [one[2]["RateLimit"] for one in answers] == [
                '"key";r=2;t=1',
                '"key";r=1;t=1',
                '"key";r=0;t=2',
                '"key";r=0;t=1',
            ]
            assert answers[0][2]["RateLimit-Policy"] == '"key";q=3;w=2'
            assert answers[3][2]["Retry-After"] == "1"
            assert (await ask(api, "GET", "/v1/counts", scope=Scope.READ))[0] == 200
            await api.clock.advance(1)
            assert (await ask(api, "GET", "/v1/counts"))[0] == 200


class TestProblems:
    @pytest.mark.parametrize(
        ("method", "path", "status", "slug"),
        [
            ("GET", "/nothing", 404, "not-found"),
            ("GET", "/v1/things/%00", 404, "not-found"),
            ("GET", "/v1/things/unknown", 404, "not-found"),
            ("POST", "/v1/counts", 405, "method-not-allowed"),
        ],
    )
    async def test_wrong_addresses(
        self, api: ApiRig, method: str, path: str, status: int, slug: str
    ) -> None:
        found, problem, headers = await ask(api, method, path)
        assert (found, problem["type"], problem["status"]) == (status, type_of(slug), status)
        assert problem["request_id"] == headers["X-Request-Id"]
        assert headers.get("Allow") == ("GET, HEAD" if status == 405 else None)

    @pytest.mark.parametrize(
        ("what", "status", "slug", "detail"),
        [
            ("bad-input", 422, "invalid-input", "number (…23): has too few digits; write"),
            ("not-now", 409, "not-now", "it is being dialed; wait until the call ended"),
            ("not-found", 404, "not-found", "there is no callback x"),
            ("conflict", 409, "conflict", "it was changed meanwhile"),
            ("unavailable", 503, "unavailable", "The database is down"),
            ("store", 503, "unavailable", "The database is down"),
            ("timeout", 504, "took-too-long", "The answer was not there"),
            ("defect", 500, "internal", "This is a defect"),
        ],
    )
    async def test_errors_of_the_domain(
        self, api: ApiRig, what: str, status: int, slug: str, detail: str
    ) -> None:
        found, problem, headers = await ask(api, "PUT", f"/v1/raise/{what}")
        assert (found, problem["type"]) == (status, type_of(slug))
        assert problem["detail"].startswith(detail)
        assert "2079460123" not in json.dumps(problem)
        assert (headers.get("Retry-After") is not None) == (status == 503)

    async def test_a_field_of_the_domain_is_found_in_the_body(self, api: ApiRig) -> None:
        problem = (await ask(api, "PUT", "/v1/raise/bad-input"))[1]
        assert problem["errors"] == [
            {
                "pointer": "/numbers",
                "detail": "has too few digits (…23)",
                "hint": "write all of them",
            }
        ]

    async def test_a_conflict_under_a_condition_is_a_failed_condition(self, api: ApiRig) -> None:
        headers = {"If-Match": '"v1"'}
        assert (await ask(api, "PUT", "/v1/raise/conflict", headers=headers))[0] == 412

    async def test_the_log_names_the_request_and_nobody(self, api: ApiRig) -> None:
        with structlog.testing.capture_logs() as logged:
            headers = {"X-Request-Id": "my-request-1"}
            answer = await ask(api, "PUT", "/v1/raise/defect", headers=headers)
            await ask(api, "GET", "/v1/things?cursor=%2B442079460123")
        assert answer[2]["X-Request-Id"] == "my-request-1"
        told = [one for one in logged if one["event"] == "http.request"]
        assert [(one["operation"], one["status"], one["log_level"]) for one in told] == [
            ("raise", 500, "info"),
            ("listThings", 422, "debug"),
        ]
        assert "2079460123" not in json.dumps(told)

    async def test_an_odd_request_id_is_replaced(self, api: ApiRig) -> None:
        headers = {"X-Request-Id": "x y\tz"}
        answer = await ask(api, "GET", "/healthz", scope=None, headers=headers)
        assert len(answer[2]["X-Request-Id"]) == 16


class TestBodies:
    @pytest.mark.parametrize(
        ("raw", "status", "slug"),
        [
            (b"{", 400, "bad-json"),
            (b"\xff\xfe", 400, "bad-json"),
            (b'{"text": "\\ud800"}', 400, "bad-json"),
            (b'{"text": "\\u0000"}', 422, "invalid-input"),
            (b"[" * 100_000, 400, "bad-json"),
            (b"", 422, "invalid-input"),
            (b"[]", 422, "invalid-input"),
            (b'{"text": "' + b"x" * 300_000 + b'"}', 413, "body-too-large"),
        ],
    )
    async def test_what_cannot_be_read(
        self, api: ApiRig, raw: bytes, status: int, slug: str
    ) -> None:
        headers = {"Content-Type": "application/json"}
        found, problem, _ = await ask(api, "POST", "/v1/echo", data=raw, headers=headers)
        assert (found, problem["type"]) == (status, type_of(slug))

    @pytest.mark.parametrize(
        "headers",
        [
            {"Content-Type": "text/plain"},
            {"Content-Type": "application/json; charset=latin-1"},
            {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        ],
    )
    async def test_other_kinds_of_body_are_refused(
        self, api: ApiRig, headers: dict[str, str]
    ) -> None:
        found = await ask(
            api, "POST", "/v1/echo", data=b'{"text": "x"}', headers=headers, compress=False
        )
        assert (found[0], found[1]["type"]) == (415, type_of("media-type"))

    async def test_a_body_that_nobody_asked_for_is_refused(self, api: ApiRig) -> None:
        found = await ask(api, "DELETE", "/v1/things/t01", json={})
        assert (found[0], found[1]["type"]) == (400, type_of("unexpected-body"))

    async def test_all_mistakes_are_told_at_once_each_with_its_place(self, api: ApiRig) -> None:
        body = {
            "txt": "x",
            "count": "5",
            "inner": {"weight": 1, "lable": "y"},
            "tags": [{"weight": 1}, {"weight": "secret"}],
        }
        status, problem, _ = await ask(api, "POST", "/v1/echo", json=body)
        assert status == 422
        found = {one["pointer"]: one for one in problem["errors"]}
        assert found.keys() == {"/text", "/txt", "/count", "/inner/lable", "/tags/1/weight"}
        assert found["/text"]["detail"] == "is missing"
        assert found["/text"]["hint"] == "What to say."
        assert found["/txt"]["hint"] == "did you mean 'text'?"
        assert found["/inner/lable"]["hint"] == "did you mean 'label'?"
        assert "secret" not in json.dumps(problem)

    async def test_parameters_are_checked_like_bodies(self, api: ApiRig) -> None:
        query = [("limit", "500"), ("limt", "5"), ("cursor", "a"), ("cursor", "b")]
        problem = (await ask(api, "GET", "/v1/things", params=query))[1]
        found = {one["parameter"]: one for one in problem["errors"]}
        assert found.keys() == {"limit", "limt", "cursor"}
        assert found["limt"]["hint"] == "did you mean 'limit'?"
        assert found["cursor"]["detail"] == "is given more than once"

    async def test_an_unknown_parameter_is_refused_where_there_are_none(self, api: ApiRig) -> None:
        problem = (await ask(api, "GET", "/v1/counts?x=1"))[1]
        assert problem["errors"][0]["parameter"] == "x"


class TestPages:
    async def test_pages_follow_each_other_to_the_end(self, api: ApiRig) -> None:
        path, seen = "/v1/things?limit=3&state=a&state=b", []
        for _ in range(4):
            _, data, headers = await ask(api, "GET", path)
            seen.append([one["id"] for one in data["data"]])
            if data["next"] is None:
                assert "Link" not in headers
                break
            path = headers["Link"].split(">")[0].removeprefix("<")
            assert headers["Link"].endswith('; rel="next"')
            assert "state=a&state=b" in path
        assert seen == [["t00", "t01", "t02"], ["t03", "t04", "t05"], ["t06"]]

    @pytest.mark.parametrize("cursor", ["x", "%2B%2B", "AAAA", "YzE6", "Yz"])
    async def test_an_odd_cursor_is_refused_by_name(self, api: ApiRig, cursor: str) -> None:
        status, data, _ = await ask(api, "GET", f"/v1/things?cursor={cursor}")
        if cursor == "YzE6":  # the beginning
            assert status == 200
        else:
            assert (status, data["errors"][0]["parameter"]) == (422, "cursor")


class TestVersions:
    async def test_what_did_not_change_is_not_sent_again(self, api: ApiRig) -> None:
        _, _, headers = await ask(api, "GET", "/v1/things/t01")
        assert headers["ETag"] == '"v3"'
        for tag, status in (('"v3"', 304), ('W/"v3", "v9"', 304), ("*", 304), ('"v2"', 200)):
            got = await ask(api, "GET", "/v1/things/t01", headers={"If-None-Match": tag})
            assert got[0] == status, tag

    @pytest.mark.parametrize(
        ("tag", "status"),
        [
            (None, 428),
            ('"v3"', 200),
            ("*", 200),
            ('"v2"', 412),
            ('W/"v3"', 412),
            ("v3", 412),
            ('"v3", "v4"', 422),
        ],
    )
    async def test_a_change_names_the_version_it_is_of(
        self, api: ApiRig, tag: str | None, status: int
    ) -> None:
        headers = {"If-Match": tag} if tag else {}
        found = await ask(api, "PATCH", "/v1/things/t01", json={"name": "x"}, headers=headers)
        assert found[0] == status


class TestRepeating:
    async def test_a_repetition_is_answered_alike_and_done_once(self, api: ApiRig) -> None:
        more: dict[str, Any] = {"json": {"text": "x"}, "headers": {"Idempotency-Key": "k1"}}
        first, again = [await ask(api, "POST", "/v1/echo", **more) for _ in range(2)]
        assert (first[0], first[1]) == (again[0], again[1])
        assert (first[1]["n"], again[2]["Location"]) == (1, first[2]["Location"])
        assert again[2]["ETag"] == first[2]["ETag"]
        assert again[2]["Idempotent-Replayed"] == "true"
        assert "Idempotent-Replayed" not in first[2]

    async def test_keys_of_different_people_do_not_meet(self, api: ApiRig) -> None:
        more: dict[str, Any] = {"json": {"text": "x"}, "headers": {"Idempotency-Key": "k1"}}
        await ask(api, "POST", "/v1/echo", **more)
        other = await ask(api, "POST", "/v1/echo", scope=Scope.WRITE, **more)
        assert other[1]["n"] == 2

    async def test_a_key_used_for_another_request_is_refused(self, api: ApiRig) -> None:
        headers = {"Idempotency-Key": "k1"}
        await ask(api, "POST", "/v1/echo", json={"text": "x"}, headers=headers)
        found = await ask(api, "POST", "/v1/echo", json={"text": "y"}, headers=headers)
        assert (found[0], found[1]["type"]) == (422, type_of("idempotency-key-reused"))

    async def test_what_was_refused_may_be_sent_again_mended(self, api: ApiRig) -> None:
        headers = {"Idempotency-Key": "k1"}
        assert (await ask(api, "POST", "/v1/echo", json={}, headers=headers))[0] == 422
        broken = await ask(api, "POST", "/v1/echo", json={"text": "broken"}, headers=headers)
        assert broken[0] == 503
        found = await ask(api, "POST", "/v1/echo", json={"text": "x"}, headers=headers)
        assert found[0] == 201

    async def test_a_repetition_while_the_first_runs_is_told_to_wait(
        self, api: ApiRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gate = asyncio.Event()
        monkeypatch.setattr(api_operations, "GATE", gate)
        more: dict[str, Any] = {"json": {"text": "slow"}, "headers": {"Idempotency-Key": "k1"}}
        first = asyncio.create_task(ask(api, "POST", "/v1/echo", **more))
        await api_operations.begun(api.services)
        second = await ask(api, "POST", "/v1/echo", **more)
        assert (second[0], second[1]["type"]) == (409, type_of("idempotency-in-progress"))
        gate.set()
        assert (await first)[0] == 201

    @pytest.mark.parametrize("key", ["", "x" * 256, "two words", "ä"])
    async def test_an_odd_key_is_refused_by_name(self, api: ApiRig, key: str) -> None:
        headers = {"Idempotency-Key": key}
        found = await ask(api, "POST", "/v1/echo", json={"text": "x"}, headers=headers)
        assert (found[0], found[1]["errors"][0]["parameter"]) == (422, "Idempotency-Key")


async def test_a_media_type_that_takes_long_to_read_is_refused_at_once(api: ApiRig) -> None:
    headers = {**api.auth, "Content-Type": "application/json; " + "a=b;" * 1500}
    began = time.perf_counter()
    async with api.client.post("/v1/callbacks", data="{}", headers=headers) as answer:
        assert answer.status == 415
    assert time.perf_counter() - began < 0.2
