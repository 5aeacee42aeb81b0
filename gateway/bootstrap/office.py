"""Puts together what people can ask for, over a store and, where one runs, a gateway."""

from __future__ import annotations

from gateway.app.amendments import Amendments
from gateway.app.holds import Holds
from gateway.app.intake import Intake
from gateway.app.interactions import Interactions
from gateway.app.office import Office
from gateway.app.rules import Rules
from gateway.app.service import Gateway
from gateway.app.why import Why
from gateway.ports import Clock, Ids, NumberPlan, Store

__all__ = ["build_office"]


def build_office(
    *,
    store: Store,
    clock: Clock,
    ids: Ids,
    numbers: NumberPlan,
    default_country: str | None,
    intake: Intake,
    rules: Rules,
    gateway: Gateway | None = None,
) -> Office:
    """Build the office; with a gateway, what is asked for reaches its calls at once.

    ``rules`` must be those of the gateway. Without one all is kept in the store, and whoever
    serves it next goes by that.
    """
    holds = gateway.holds if gateway else Holds(store=store, clock=clock, rules=rules)
    office = Office(
        store=store,
        clock=clock,
        ids=ids,
        numbers=numbers,
        default_country=default_country,
        rules=rules,
        intake=intake,
        amendments=Amendments(store=store, clock=clock, rules=rules),
        interactions=Interactions(
            store=store, clock=clock, numbers=numbers, default_country=default_country
        ),
        holds=holds,
        why=Why(store=store, clock=clock, rules=rules, holds=holds),
    )
    if gateway is not None:
        gateway.connect(office)
    return office
