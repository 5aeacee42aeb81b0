"""What the commands get: everything built on demand, entered in order, closed in reverse.

Each part is loaded when it is asked for, so that a command that only reads starts at once.
"""
# ruff: noqa: PLC0415 -- see above

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from config.lastgood import find
from config.problems import ConfigError
from config.settings import Settings, load_settings
from gateway.bootstrap.data import DataParts
from gateway.bootstrap.rules import build_rules_of
from gateway.cli.root import (
    Desk,
    PbxKind,
    PbxLogin,
    PbxReport,
    PracticePbx,
    PracticePerson,
    Reader,
    Rehearsal,
    Running,
    Service,
    Taker,
    Way,
)
from gateway.ports import NumberPlan

__all__ = ["Kairos"]


class Kairos(DataParts):
    """Hands the commands what they ask for; see :class:`gateway.cli.root.Root`."""

    def settings(self, path: Path) -> Settings:
        """Read and check a configuration, the rule files it names included. Raises ConfigError."""
        try:
            settings = load_settings(path)
            build_rules_of(settings)
        except ConfigError as error:
            copy = find(path)
            remedy = f"What last worked is kept; go on with it by: --config {copy}" if copy else ""
            raise ConfigError(error.problems, remedy) from None
        return settings

    def reader(self, settings: Settings) -> AbstractAsyncContextManager[Reader]:
        """Open what is kept, for reading."""
        from adapters.sql import open_reader

        return open_reader(settings.database_url.get_secret_value())

    @asynccontextmanager
    async def way_in(self, settings: Settings) -> AsyncIterator[Way]:
        """Open the way in: through the running service, or by owning the data while it lasts."""
        from gateway.bootstrap.loading import DirectLoader
        from gateway.bootstrap.parts import build_intake
        from gateway.bootstrap.service import open_store
        from gateway.web.client import running_service

        rules = build_rules_of(settings)
        async with running_service(settings.data_dir) as client:
            if client is not None:
                yield Way(taker=client, running=True)
                return
        async with open_store(settings) as store:
            intake = build_intake(settings, rules, store)
            yield Way(taker=intake, running=False, loader=DirectLoader(settings, store, intake))

    @asynccontextmanager
    async def checker(self, settings: Settings) -> AsyncIterator[Taker]:
        """Return a taker that checks and plans everything and keeps nothing."""
        async with self.rehearsal(settings) as both:
            yield both.taker

    @asynccontextmanager
    async def rehearsal(self, settings: Settings) -> AsyncIterator[Rehearsal]:
        """Return a taker that keeps nothing, with what it would have kept."""
        from adapters.memory import MemoryStore
        from gateway.bootstrap.parts import build_intake

        store = MemoryStore()
        await store.open()
        try:
            intake = build_intake(settings, build_rules_of(settings), store)
            yield Rehearsal(taker=intake, reader=store)
        finally:
            await store.close()

    @asynccontextmanager
    async def desk(self, settings: Settings) -> AsyncIterator[Desk]:
        """Open the desk: through the running service, or by owning the data while it lasts."""
        from gateway.bootstrap.desk import open_desk
        from gateway.web.client import running_service
        from gateway.web.desk import SocketDesk

        async with running_service(settings.data_dir) as client:
            if client is not None:
                yield SocketDesk(client)
                return
        async with open_desk(settings, build_rules_of(settings)) as desk:
            yield desk

    def numbers(self, settings: Settings) -> NumberPlan:
        """Return the number plan of these settings."""
        from gateway.bootstrap.parts import build_numbers

        return build_numbers(settings)

    def service(self, settings: Settings) -> AbstractAsyncContextManager[Service]:
        """Build a gateway over its open store."""
        from gateway.bootstrap.service import service

        return service(settings)

    def running(self, settings: Settings) -> AbstractAsyncContextManager[Running | None]:
        """Connect to the service that runs on this data; None if none does."""
        from gateway.web.client import running_service

        return running_service(settings.data_dir)

    async def look_at_pbx(self, login: PbxLogin) -> PbxReport:
        """Look at a manager port: nothing is dialed, nothing is changed there."""
        from adapters.asterisk import Secret, Target, probe

        return await probe(
            Target(
                host=login.host,
                port=login.port,
                username=login.username,
                secret=Secret(login.secret),
                tls=login.tls,
                cafile=login.cafile,
                server_hostname=login.server_hostname,
                places=login.places,
            )
        )

    def practice_people(self, *, seed: int, size: int) -> Sequence[PracticePerson]:
        """Return the people of the practice world."""
        from gateway.bootstrap.practice import practice_people

        return practice_people(seed=seed, size=size)

    def practice_pbx(
        self,
        kind: PbxKind,
        folder: Path,
        *,
        seed: int,
        size: int,
        speed: float,
        say: Callable[[str], None],
    ) -> AbstractAsyncContextManager[PracticePbx]:
        """Start a switch with these people behind it, and end it for certain."""
        from gateway.bootstrap.practice import practice_pbx

        return practice_pbx(kind, folder, seed=seed, size=size, speed=speed, say=say)
