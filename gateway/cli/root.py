"""What the commands ask of the composition root, as protocols: they build nothing themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from config.changes import ReloadResult
from config.settings import Settings
from gateway.app.intake import CallbackRequest
from gateway.app.service import Gateway
from gateway.cli.data_root import DataRoot, Loader
from gateway.cli.desk import Desk, Reader
from gateway.domain.change import Added
from gateway.domain.errors import BadInput
from gateway.ports import NumberPlan

__all__ = [
    "Desk",
    "PbxKind",
    "PbxLogin",
    "PbxReport",
    "PracticePbx",
    "PracticePerson",
    "Reader",
    "Rehearsal",
    "Root",
    "Running",
    "Service",
    "Taker",
    "Way",
]

PbxKind = Literal["real", "simulated", "auto"]


class Taker(Protocol):
    """Takes callback requests in."""

    async def take(self, requests: Sequence[CallbackRequest]) -> Sequence[Added | BadInput]:
        """Answer each request in its place, durable on return."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way in for callbacks. ``running``: through the service that runs on this data.

    ``loader`` takes large tables, where they need not go through the service.
    """

    taker: Taker
    running: bool
    loader: Loader | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """Checks and plans everything and keeps nothing: a way in, and what it would have kept."""

    taker: Taker
    reader: Reader


class Running(Protocol):
    """The service that runs, asked over its socket."""

    async def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        """Ask for an operation of the API and return its answer as data; None where it has none.

        Raises NotFound, NotNow, BadInput, Conflict, StoreUnavailable, or another KairosError.
        """
        ...

    async def health(self) -> Mapping[str, Any]:
        """Ask how it stands."""
        ...


class Service(Protocol):
    """A gateway with everything it needs, built and not yet running."""

    @property
    def gateway(self) -> Gateway:
        """The application."""
        ...

    @property
    def reader(self) -> Reader:
        """What it keeps."""
        ...

    @property
    def intake(self) -> Taker:
        """The way in."""
        ...

    async def run(self, stop: asyncio.Event, on_ready: Callable[[], None]) -> None:
        """Serve until ``stop`` is set, then drain. ``on_ready``: everything is up, calls may go."""
        ...

    async def reload(self) -> ReloadResult:
        """Read the configuration again and apply what can be applied. Never raises."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PracticePbx:
    """A switch that reaches nobody. ``about`` says which it is and why it was taken.

    ``carrier`` are the settings of the carrier that leads to it.
    """

    kind: Literal["real", "simulated"]
    about: str
    carrier: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PracticePerson:
    """Somebody who lives in the practice world only."""

    number: str
    zone: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxLogin:
    """Which manager port to look at, and as whom.

    ``places`` are contexts of its dialplan with an extension in each, to be looked for.
    """

    host: str
    port: int
    username: str
    secret: str = field(repr=False)
    tls: bool = False
    cafile: Path | None = None
    server_hostname: str | None = None
    places: tuple[tuple[str, str], ...] = ()


class PbxReport(Protocol):
    """What a look at a manager port found. ``problem`` is empty where it may be used."""

    @property
    def reached(self) -> str:
        """How far one got: name, port, tls, greeting, login, rights, or all."""
        ...

    @property
    def problem(self) -> str:
        """What was in the way there."""
        ...

    @property
    def addresses(self) -> tuple[str, ...]:
        """What the host's name stands for."""
        ...

    @property
    def version(self) -> str:
        """The version of Asterisk."""
        ...

    @property
    def vulnerable(self) -> bool:
        """Whether a manager user can take this Asterisk over (CVE-2024-42365)."""
        ...

    @property
    def boot_epoch(self) -> str:
        """When it was started, by its own clock."""
        ...

    @property
    def missing(self) -> tuple[str, ...]:
        """Classes of ``write`` that the user lacks."""
        ...

    @property
    def heard_boot(self) -> bool:
        """Whether the user may read ``system``."""
        ...

    @property
    def clock_ahead(self) -> float | None:
        """By how many seconds its clock is ahead of ours."""
        ...

    @property
    def places(self) -> Mapping[tuple[str, str], bool]:
        """Which places its dialplan has; those it did not tell about are missing."""
        ...


class Root(DataRoot, Protocol):
    """The composition root, as the commands see it."""

    def settings(self, path: Path) -> Settings:
        """Read and check a configuration. Raises ConfigError."""
        ...

    def reader(self, settings: Settings) -> AbstractAsyncContextManager[Reader]:
        """Open what is kept, for reading. Raises StoreUnavailable."""
        ...

    def way_in(self, settings: Settings) -> AbstractAsyncContextManager[Way]:
        """Open the way in: through the running service, or by owning the data while it lasts."""
        ...

    def checker(self, settings: Settings) -> AbstractAsyncContextManager[Taker]:
        """Return a taker that checks and plans everything and keeps nothing."""
        ...

    def rehearsal(self, settings: Settings) -> AbstractAsyncContextManager[Rehearsal]:
        """Return a taker that keeps nothing, with what it would have kept."""
        ...

    def desk(self, settings: Settings) -> AbstractAsyncContextManager[Desk]:
        """Open the desk: through the running service, or by owning the data while it lasts."""
        ...

    def numbers(self, settings: Settings) -> NumberPlan:
        """Return the number plan of these settings."""
        ...

    def service(self, settings: Settings) -> AbstractAsyncContextManager[Service]:
        """Build a gateway. Raises StoreLocked, StoreUnavailable."""
        ...

    def running(self, settings: Settings) -> AbstractAsyncContextManager[Running | None]:
        """Connect to the service that runs on this data; None if none does.

        Raises KairosError where something listens and does not answer.
        """
        ...

    async def look_at_pbx(self, login: PbxLogin) -> PbxReport:
        """Look at a manager port: nothing is dialed, nothing is changed there."""
        ...

    def practice_people(self, *, seed: int, size: int) -> Sequence[PracticePerson]:
        """Return the people of the practice world."""
        ...

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
        ...
