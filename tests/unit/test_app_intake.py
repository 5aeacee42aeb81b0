"""One bad request never stops the others of its batch."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.memory import ManualClock
from adapters.sql import SqlStore
from adapters.system import SystemClock
from gateway.app.intake import CallbackRequest, Intake
from gateway.app.spec import QueueSpec
from gateway.domain.change import Added
from gateway.domain.errors import BadInput
from tests.support.builders import Counter
from tests.support.harness import Everywhere, PlainPlanner

SUPPORT = QueueSpec(name="support", carriers=("pbx",), route="connect")
GOOD = CallbackRequest(numbers=("+358401234567",))
TEXTS = (
    "name",
    "reason",
    "source",
    "language",
    "industry",
    "segment",
    "country",
    "idempotency_key",
)
BAD: list[dict[str, Any]] = [
    *({name: text} for name in TEXTS for text in ("half \ud800", "zero \0", "line\nbreak")),
    {"requested_at": datetime(2026, 3, 10, 8, 0)},  # noqa: DTZ001 -- just that
    {"worth": float("nan")},
    {"worth": float("inf")},
]


@pytest.mark.parametrize("bad", BAD, ids=repr)
async def test_what_cannot_be_kept_is_refused_in_its_place(
    tmp_path: Path, bad: dict[str, Any]
) -> None:
    store = SqlStore(f"sqlite:///{tmp_path / 'kairos.sqlite'}", clock=SystemClock())
    await store.open()
    try:
        intake = Intake(
            store=store,
            clock=ManualClock(),
            ids=Counter(),
            numbers=Everywhere(),
            planner=PlainPlanner(),
            queues={"support": SUPPORT},
            default_queue="support",
            default_country="FI",
        )
        first, second = await intake.take([replace(GOOD, **bad), GOOD])
        assert isinstance(second, Added)
        assert isinstance(first, BadInput)
        assert first.field == next(iter(bad))
        assert first.remedy
    finally:
        await store.close()
