"""Reading the configuration again over the API."""

from __future__ import annotations

from config.changes import ReloadResult
from gateway.domain.records import Scope
from tests.support.api import api_rig

RESULT = ReloadResult(
    applied=("queues.sales.deadline",), needs_restart=("api.port",), warnings=("w",)
)


async def test_the_answer_says_what_was_applied_and_what_was_not() -> None:
    async def reload() -> ReloadResult:
        return RESULT

    async with api_rig() as rig:
        rig.services.reload = reload
        async with rig.client.post("/v1/reload", headers=rig.auth) as response:
            assert response.status == 200
            assert await response.json() == {
                "applied": ["queues.sales.deadline"],
                "needs_restart": ["api.port"],
                "problems": [],
                "warnings": ["w"],
            }


async def test_only_an_administrator_may_ask() -> None:
    async with api_rig() as rig:
        headers = rig.auth_of(Scope.WRITE)
        async with rig.client.post("/v1/reload", headers=headers) as response:
            assert response.status == 403


async def test_a_service_without_a_file_says_so() -> None:
    async with api_rig() as rig, rig.client.post("/v1/reload", headers=rig.auth) as response:
        assert response.status == 200
        assert (await response.json())["problems"][0].startswith("this service cannot read")
