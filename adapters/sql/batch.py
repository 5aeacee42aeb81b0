"""What waits to be written, and how a batch of it is run inside one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, ClassVar

from sqlalchemy import Connection

from adapters.sql.changes import apply, groups, look_up
from adapters.sql.database import begin, rollback
from adapters.sql.errors import Declined, translated
from adapters.sql.mapping import Prepared
from gateway.domain.change import Decide, Demand
from gateway.domain.errors import BadInput, Conflict

__all__ = ["Claim", "Operation", "Order", "Outcome", "Submitted", "Writing", "run"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Submitted:
    """A change that may wait a little for company."""

    change: Prepared
    future: asyncio.Future[Any]
    urgent: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Order:
    """Work whose caller waits for it."""

    work: Callable[[Connection], Any]
    future: asyncio.Future[Any]
    urgent: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Claim:
    """Due callbacks wanted; always the last of its batch, for its caller judges in between."""

    now: datetime
    demands: Sequence[Demand]
    decide: Decide
    future: asyncio.Future[Any]
    urgent: ClassVar[bool] = True


Writing = Submitted | Order
Operation = Writing | Claim


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an operation: a result or the error to raise."""

    result: object = None
    error: Exception | None = None


def run(connection: Connection, operations: Sequence[Writing]) -> list[Outcome]:
    """Run operations in their order, in a transaction that the caller commits.

    Raises StoreUnavailable; what a constraint or bad input refuses is told in its outcome. The
    transaction must be fresh: where one operation is refused it is begun anew.
    """
    try:
        return _together(connection, operations)
    except (BadInput, Conflict):
        # A single one goes again too: the row in its way may be another node's, now to be seen.
        rollback(connection)
    with translated():
        begin(connection)
    return [_alone(connection, operation) for operation in operations]


def _together(connection: Connection, operations: Sequence[Writing]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    with translated():
        for is_change, members in groupby(operations, lambda one: isinstance(one, Submitted)):
            if is_change:
                changes = [one.change for one in members if isinstance(one, Submitted)]
                outcomes += _write(connection, changes)
            else:
                orders = [one for one in members if isinstance(one, Order)]
                outcomes += [_carry_out(connection, one) for one in orders]
    return outcomes


def _carry_out(connection: Connection, order: Order) -> Outcome:
    try:
        return Outcome(order.work(connection))
    except Declined as declined:
        return Outcome(error=declined.error)


def _write(connection: Connection, changes: Sequence[Prepared]) -> Iterator[Outcome]:
    for group in groups(changes):
        known = look_up(connection, group)
        yield from (Outcome(error=refused) for refused in apply(connection, group, known))


def _alone(connection: Connection, operation: Writing) -> Outcome:
    try:
        with connection.begin_nested():
            [outcome] = _together(connection, [operation])
    except (BadInput, Conflict) as error:
        return Outcome(error=error)
    return outcome
