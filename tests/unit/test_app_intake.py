"""One bad request never stops the others of its batch."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.memory import ManualClock, MemoryStore
from adapters.sql import SqlStore
from adapters.system import SystemClock
from gateway.app.intake import CallbackRequest, Intake
from gateway.app.spec import QueueSpec
from gateway.domain.change import Added
from gateway.domain.errors import BadInput
from gateway.ports import Store
from tests.support.builders import Counter, a_contact
from tests.support.harness import Everywhere, PlainPlanner
from tests.support.office import office_over

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
    {"legal_basis": "x" * 501},
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


async def test_a_known_contact_is_named_by_its_id_and_stays_as_it_is(store: Store) -> None:
    office = office_over(store, ManualClock())
    contact = await store.add_contact(a_contact(language="fi"))
    request = CallbackRequest(contact_id=contact.id, queue="sales", legal_basis="contract 42")
    (added,) = await office.intake.take([request])
    assert isinstance(added, Added)
    way = await store.history(added.callback_id)
    assert way is not None
    assert way.contact == contact
    assert way.callback.legal_basis == "contract 42"
    assert way.callback.plan is not None
    assert way.callback.plan.number == contact.numbers[0].e164


async def test_what_is_changed_of_a_known_contact_while_a_request_is_planned_stays_changed(
    store: Store,
) -> None:
    office = office_over(store, ManualClock())
    contact = await store.add_contact(a_contact(zone="Europe/Helsinki"))
    request = CallbackRequest(contact_id=contact.id, queue="sales")
    prepared = await office.intake.prepare([request, replace(request, queue="support")])
    await store.amend_contact(
        contact.id, lambda one: replace(one, zone="Europe/Lisbon", numbers=one.numbers[:1])
    )
    changed = await store.contact(contact.id)
    await office.intake.keep(prepared)
    assert await store.contact(contact.id) == changed
    assert changed is not None
    assert changed.zone == "Europe/Lisbon"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"contact_id": "nobody"}, "contact_id"),
        ({"numbers": ("+358401234567",)}, "numbers"),
        ({"zone": "Europe/Helsinki"}, "zone"),
        ({"name": "Kaisa"}, "name"),
    ],
)
async def test_a_contact_is_either_named_or_described(changes: dict[str, Any], field: str) -> None:
    store = MemoryStore()
    await store.open()
    office = office_over(store, ManualClock())
    contact = await store.add_contact(a_contact())
    request = CallbackRequest(contact_id=contact.id, queue="support")
    (refused,) = await office.intake.take([replace(request, **changes)])
    assert isinstance(refused, BadInput)
    assert refused.field == field
    assert refused.remedy


async def test_who_asks_again_is_told_the_callback_that_waits_already(store: Store) -> None:
    office = office_over(store, ManualClock())
    due: list[datetime] = []
    office.intake.on_due = due.append
    first, again, elsewhere = await office.intake.take([GOOD, GOOD, replace(GOOD, queue="sales")])
    assert isinstance(first, Added)
    assert again == Added(callback_id=first.callback_id, merged=True)
    assert isinstance(elsewhere, Added)
    assert elsewhere.callback_id != first.callback_id
    (later,) = await office.intake.take([GOOD])
    assert later == again
    assert len(due) == 2, "what was merged brings no new time"
