"""What those who watch over the service are told, and the key that the first start shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from adapters.memory import ManualClock, MemoryStore
from gateway.app.service import Health
from gateway.bootstrap.doors import first_key
from gateway.domain.disposition import Disposition
from gateway.domain.records import HOLD_ALL, Hold, Scope
from gateway.ports import CarrierStatus
from gateway.web.api.keys import Keys, make_key
from tests.support.api import ApiRig, api_rig
from tests.support.api_talk import talk_over
from tests.support.builders import NOW
from tests.support.harness import gateway_of


@pytest.fixture
async def api() -> AsyncIterator[ApiRig]:
    async with api_rig() as rig:
        yield rig


async def figures(api: ApiRig) -> dict[str, float]:
    """Every sample, by its name and labels as they are written."""
    await api.clock.advance(5)
    async with api.client.get("/metrics", headers=api.auth_of(Scope.READ)) as answer:
        assert answer.status == 200
        text = await answer.text()
    return {
        one.name + "".join(f"[{one.labels[key]}]" for key in sorted(one.labels)): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


async def test_liveness_needs_no_key_and_no_database(api: ApiRig) -> None:
    await api.store.close()
    async with api.client.get("/healthz") as answer:
        assert (answer.status, await answer.json()) == (200, {"status": "ok"})


async def test_readiness_says_why_not_and_comes_back(api: ApiRig) -> None:
    async with api.client.get("/readyz") as answer:
        assert (answer.status, await answer.json()) == (200, {"ready": True, "reasons": []})
    await api.store.close()
    await api.clock.advance(1.1)
    async with api.client.get("/readyz") as answer:
        found = await answer.json()
    assert (answer.status, [one["code"] for one in found["reasons"]]) == (503, ["database"])
    await api.store.open()
    await api.clock.advance(1.1)
    api.services.readiness.is_stopping = lambda: True
    async with api.client.get("/readyz") as answer:
        found = await answer.json()
    assert (answer.status, [one["code"] for one in found["reasons"]]) == (503, ["stopping"])


async def test_a_database_that_hangs_is_not_waited_for(
    api: ApiRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang() -> int:
        await asyncio.Event().wait()
        return 0

    monkeypatch.setattr("gateway.web.api.health._LOOK_WITHIN", 0.05)
    monkeypatch.setattr(api.store, "journal_end", hang)
    async with api.client.get("/readyz") as answer:
        assert answer.status == 503


async def test_figures_need_a_key(api: ApiRig) -> None:
    async with api.client.get("/metrics") as answer:
        assert answer.status == 401


async def test_figures_tell_how_the_service_stands(api: ApiRig) -> None:
    carrier = CarrierStatus(name="pbx", up=False, reason="gone")
    health = Health(carriers=(carrier,), database_trouble="", open_attempts=3, refused=())
    api.services.metrics._health = lambda: health
    await api.store.hold(Hold(target=HOLD_ALL, reason="storm", by="anna", since=api.clock.now()))
    await api.client.get("/v1/counts", headers=api.auth)
    found = await figures(api)
    assert found["kairos_carrier_up[pbx]"] == 0
    assert found["kairos_open_attempts"] == 3
    assert (found["kairos_holds[all]"], found["kairos_holds[queue]"]) == (1, 0)
    assert found["kairos_callbacks[scheduled]"] == 0
    assert found["kairos_database_trouble"] == 0
    assert found["kairos_http_request_duration_seconds_count[readCounts][2xx]"] == 1
    assert found["kairos_build_info[0]"] == 1
    assert found["kairos_webhook_deliveries_due"] == 0


async def test_figures_count_attempts_by_what_became_of_them(api: ApiRig) -> None:
    await figures(api)  # from here on is counted
    async with gateway_of(api.store, clock=api.clock) as one:
        await one.ask("+358401000001", "+358401000002")
        await one.tell(end=Disposition.BUSY, n=0)
        await one.tell(end=Disposition.NO_ANSWER, n=1)
        found = await figures(api)
        assert found["kairos_attempts_total[busy]"] == 1
        assert found["kairos_attempts_total[no_answer]"] == 1
        assert found["kairos_answer_seizure_ratio"] == 0
        assert not any("358401" in name for name in found)


async def test_figures_say_so_when_the_database_is_away(api: ApiRig) -> None:
    await figures(api)
    await api.store.close()
    await api.clock.advance(5)
    text = (await api.services.metrics.render()).decode()
    assert "kairos_database_trouble 1.0" in text


class TestFirstKey:
    async def test_is_shown_once_and_works_and_is_not_in_the_log(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        clock = ManualClock()
        store = MemoryStore(clock)
        await store.open()
        with structlog.testing.capture_logs() as logged:
            await first_key(store, clock, tmp_path, "http://localhost:8080")
            await first_key(store, clock, tmp_path, "http://localhost:8080")
        printed = capsys.readouterr().out
        [key] = [word for word in printed.split() if word.startswith("kai_")]
        found = await Keys(store, clock).check(key)
        assert found is not None
        assert found.scope is Scope.ADMIN
        assert "http://localhost:8080/docs" in printed
        assert key not in str(logged)
        assert [one["key_id"] for one in logged] == [found.id]

    async def test_goes_to_a_private_file_where_output_is_kept_as_a_log(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        clock = ManualClock()
        store = MemoryStore(clock)
        await store.open()
        monkeypatch.setattr("gateway.bootstrap.doors._is_journal", lambda: True)
        await first_key(store, clock, tmp_path, "http://localhost:8080")
        file = tmp_path / "first-api-key"
        assert file.stat().st_mode & 0o777 == 0o600
        assert await Keys(store, clock).check(file.read_text().strip()) is not None
        assert "kai_" not in capfd.readouterr().out

    async def test_keys_that_are_not_used_are_forgotten(self) -> None:
        clock = ManualClock()
        store = MemoryStore(clock)
        await store.open()
        keys = Keys(store, clock)
        for n in range(1100):
            assert await keys.check(f"kai_{n:012d}_{'x' * 43}") is None
        assert len(keys._known) == 1024


async def test_known_keys_see_the_figures_and_stop_everything_while_the_database_is_away() -> None:
    async with talk_over() as talk:
        assert (await talk.ask("GET", "/v1/holds")).status == 200
        await talk.rig.store.close()
        await talk.clock.advance(600)
        async with talk.rig.client.get("/metrics", headers=talk.rig.auth) as answer:
            assert answer.status == 200
            assert "kairos_database_trouble 1.0" in await answer.text()
        told = await talk.ask("POST", "/v1/stop-all", {"reason": "evacuated"})
        assert (told.status, told.headers["Retry-After"]) == (503, "2")
        assert talk.office.holds.why("support") == "all calls are held by test admin: evacuated"
        unknown = {"Authorization": f"Bearer {make_key(name='x', scope=Scope.ADMIN, now=NOW).text}"}
        async with talk.rig.client.get("/metrics", headers=unknown) as answer:
            assert answer.status == 503
        await talk.clock.advance(3600)
        assert (await talk.ask("GET", "/v1/holds")).status == 503
