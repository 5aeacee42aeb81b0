"""The control socket itself: found, missed, dead, hung, far down a long path."""

import asyncio
import socket
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.memory import ManualClock, MemoryStore
from config.api import Api
from config.settings import load_settings
from gateway.app.intake import CallbackRequest
from gateway.app.service import Health
from gateway.bootstrap.parts import build_intake
from gateway.bootstrap.rules import build_rules_of
from gateway.domain.change import Added
from gateway.domain.errors import BadInput, StoreUnavailable
from gateway.ports import Store
from gateway.web import client, control
from gateway.web.api.services import Services
from gateway.web.client import ControlError, running_service
from gateway.web.control import control_server
from tests.integration.service_command import Place
from tests.support.api import services_over
from tests.support.office import office_over


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    store = MemoryStore()
    await store.open()
    yield store
    await store.close()


def services(folder: Path, store: Store) -> Services:
    """What the API works with, with the way in as it is for the command."""
    Place(folder)
    settings = load_settings(folder / "kairos.yaml")
    clock = ManualClock()
    office = replace(
        office_over(store, clock),
        intake=build_intake(settings, build_rules_of(settings), store),
    )
    return services_over(office, clock)


async def test_requests_are_answered_each_in_its_place(tmp_path: Path, store: MemoryStore) -> None:
    good = CallbackRequest(numbers=("+442079460123",), idempotency_key="a")
    bad = CallbackRequest(numbers=("12",))
    async with control_server(tmp_path, services(tmp_path, store)) as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        async with running_service(tmp_path) as service:
            assert service is not None
            first, wrong, again = await service.take([good, bad, good])
            many = await service.take([good] * (control.MOST_CALLBACKS + 1))
    assert isinstance(first, Added)
    assert isinstance(wrong, BadInput)
    assert wrong.field == "number"
    assert again == Added(callback_id=first.callback_id, merged=True)
    assert len(many) == control.MOST_CALLBACKS + 1
    assert not path.exists()


async def test_a_path_longer_than_an_address_is_reached(tmp_path: Path, store: MemoryStore) -> None:
    folder = tmp_path / ("long-" * 20) / ("longer-" * 10)
    folder.mkdir(parents=True)
    async with (
        control_server(folder, services(tmp_path, store)),
        running_service(folder) as service,
    ):
        assert service is not None
        assert (await service.health())["open_attempts"] == 0


async def test_no_socket_and_a_dead_socket_mean_that_nothing_runs(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        assert service is None
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / control.SOCKET_NAME))
    dead.close()
    async with running_service(tmp_path) as service:
        assert service is None


async def test_a_service_that_hangs_is_told_from_one_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_HEALTH_WITHIN", 0.1)
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(tmp_path / control.SOCKET_NAME))
        hung.listen()
        with pytest.raises(ControlError, match="did not answer in time"):
            async with running_service(tmp_path):
                pass


async def test_a_database_that_is_down_is_said_through_the_socket(
    tmp_path: Path, store: MemoryStore
) -> None:
    await store.close()
    request = CallbackRequest(numbers=("+442079460123",))
    async with (
        control_server(tmp_path, services(tmp_path, store)),
        running_service(tmp_path) as service,
    ):
        assert service is not None
        with pytest.raises(StoreUnavailable):
            await service.take([request])


async def test_a_body_that_trickles_in_is_cut_off(tmp_path: Path, store: MemoryStore) -> None:
    parts = services(tmp_path, store)
    parts.settings = Api(body_timeout=0.1)
    async with control_server(tmp_path, parts) as path:
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(
            b"POST /v1/import HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 10\r\n\r\n{"
        )
        assert b" 408 " in await asyncio.wait_for(reader.read(), 5)
        writer.close()
        await writer.wait_closed()


async def test_a_defect_is_answered_without_its_insides(tmp_path: Path, store: MemoryStore) -> None:
    def broken() -> Health:
        raise ZeroDivisionError("+442079460123")

    parts = services(tmp_path, store)
    parts.health = broken
    async with control_server(tmp_path, parts) as path:
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b"GET /v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        await writer.wait_closed()
    assert b" 500 " in answer
    assert b"ZeroDivision" not in answer
    assert b"2079" not in answer
