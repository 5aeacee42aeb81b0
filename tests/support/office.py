"""An office over a store, put together as the service does: for tests of what it can be asked."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.memory import ManualClock
from adapters.numbering import PhoneNumberPlan
from adapters.system import RandomIds
from gateway.app.amendments import Amendments
from gateway.app.holds import Holds
from gateway.app.intake import Intake
from gateway.app.interactions import Interactions
from gateway.app.office import Office
from gateway.app.rules import Rules
from gateway.app.spec import QueueSpec
from gateway.app.why import Why
from gateway.domain.windows import CountryRule, Law
from gateway.ports import Store
from tests.support.builders import NoHolidays
from tests.support.harness import ALWAYS, PlainPlanner

__all__ = ["SALES", "SUPPORT", "office_over"]

SUPPORT = QueueSpec(name="support", carriers=("pbx",), route="connect")
SALES = QueueSpec(name="sales", carriers=("pbx",), route="connect", agents=("PJSIP/anna",))


def office_over(
    store: Store,
    clock: ManualClock,
    *,
    rule: CountryRule = ALWAYS,
    queues: Sequence[QueueSpec] = (SUPPORT, SALES),
) -> Office:
    """Make an office for people in Finland and the United States."""
    by_name = {one.name: one for one in queues}
    planner = PlainPlanner()
    law = Law(countries={"FI": rule, "US": rule}, calendar=NoHolidays())
    rules = Rules(planner, law, by_name)
    ids, numbers = (
        RandomIds(lambda: int(clock.now().timestamp() * 1e9)),
        PhoneNumberPlan(["FI", "US"]),
    )
    holds = Holds(store=store, clock=clock, rules=rules)
    intake = Intake(
        store=store,
        clock=clock,
        ids=ids,
        numbers=numbers,
        planner=planner,
        queues=by_name,
        default_queue="support",
        default_country="FI",
    )
    return Office(
        store=store,
        clock=clock,
        ids=ids,
        numbers=numbers,
        default_country="FI",
        rules=rules,
        intake=intake,
        amendments=Amendments(store=store, clock=clock, rules=rules),
        interactions=Interactions(store=store, clock=clock, numbers=numbers, default_country="FI"),
        holds=holds,
        why=Why(store=store, clock=clock, rules=rules, holds=holds),
    )
