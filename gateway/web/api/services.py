"""What the API works with; built by the composition root, shared by every door."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from config.api import Api
from config.changes import ReloadResult
from gateway.app.notices import Notices
from gateway.app.office import Office
from gateway.app.service import Health
from gateway.ports import Clock
from gateway.web.api.facts import CarrierFigures
from gateway.web.api.health import Readiness
from gateway.web.api.keys import Keys
from gateway.web.api.limits import RateLimits
from gateway.web.api.metrics import Metrics

__all__ = ["Services"]


@dataclass(kw_only=True)
class Services:
    """What the API works with. Part of it is for handlers, part for the frame around them.

    Whoever needs something more for their operations adds a field here and fills it in
    ``gateway/bootstrap/service.py``.
    """

    office: Office
    clock: Clock
    settings: Api
    health: Callable[[], Health]
    keys: Keys
    limits: RateLimits
    readiness: Readiness
    metrics: Metrics
    version: str = "0"
    carriers: Callable[[], Sequence[CarrierFigures]] = tuple
    """How the carriers stand now."""
    check_subdivision: Callable[[str, str], None] = lambda _country, _subdivision: None
    """Raises BadInput for a state or province that its country does not have."""
    notices: Notices | None = None
    """What tells others: webhooks and streams."""
    reload: Callable[[], Awaitable[ReloadResult]] | None = None
    """Reads the configuration again; None where it was not read from a file."""
