"""The frame around every request: who may, what is refused and how, what is remembered."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.support.api import ApiRig, api_rig


@pytest.fixture
async def api() -> AsyncIterator[ApiRig]:
    async with api_rig() as rig:
        yield rig


async def test_counts_are_told_to_a_valid_key(api: ApiRig) -> None:
    async with api.client.get("/v1/counts", headers=api.auth) as answer:
        assert answer.status == 200
        assert (await answer.json())["callbacks"]["SCHEDULED"] == 0
        assert answer.headers["Cache-Control"] == "no-store"


async def test_no_key_is_told_how_to_send_one(api: ApiRig) -> None:
    async with api.client.get("/v1/counts") as answer:
        assert answer.status == 401
        assert answer.content_type == "application/problem+json"
        problem = await answer.json()
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert problem["type"] == "/docs/problems/key-not-valid"
    assert isinstance(api.client, aiohttp.ClientSession)
