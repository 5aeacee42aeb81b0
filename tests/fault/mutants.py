"""A gateway with one of its guards turned off: ``python -m tests.fault.mutants NAME serve ...``.

For the question whether the auditor would notice. Each mutant is the real gateway but for one
patch, made in its own process before it starts; nothing of the product knows of this file.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import adapters.asterisk.dialer
from adapters.asterisk import AsteriskDialer
from adapters.sql import SqlStore
from gateway.app.ledger import Ledger
from gateway.app.resolve import Resolver
from gateway.app.sender import Sender
from gateway.cli import main
from gateway.domain.change import Change
from gateway.domain.errors import DialError
from gateway.domain.events import CallEvent, Finding
from gateway.domain.machine import LegEvent, LegState
from gateway.domain.model import Leg
from gateway.ports import DialOrder

_MAY_NOT_HAVE_RUNG: Final = frozenset({LegState.SENDING, LegState.ACCEPTED})
_LATER: Final = 0.5
_tasks: set[asyncio.Task[Any]] = set()


def _later(work: Callable[[], Awaitable[object]]) -> None:
    async def wait() -> None:
        await asyncio.sleep(_LATER)
        await work()

    task = asyncio.get_running_loop().create_task(wait())
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


def sent_before_it_is_durable() -> None:
    """The order goes to the wire first; that it does is committed half a second later."""
    durable = SqlStore.start_sending

    async def start_sending(
        self: SqlStore, leg_ids: Sequence[str], now: datetime
    ) -> frozenset[str]:
        _later(lambda: durable(self, leg_ids, now))
        return frozenset(leg_ids)

    SqlStore.start_sending = start_sending  # type: ignore[method-assign]


def released_at_start() -> None:
    """What was open when the gateway died counts as not placed, as a job queue would have it."""

    def resume(self: Resolver) -> None:
        for flight in self._desk.registry:
            for leg in flight.legs:
                if leg.state is LegState.RESERVED:
                    self._desk.settle(leg.id, LegEvent.RELEASE, text="released")
                elif leg.state in _MAY_NOT_HAVE_RUNG:
                    self._desk.settle(leg.id, LegEvent.PROVE_NOT_PLACED, text="its lease ran out")

    Resolver.resume = resume  # type: ignore[method-assign]


def sent_again_at_start() -> None:
    """An order without an answer is sent again, under the same channel id."""
    run = Sender.run

    async def run_again(self: Sender) -> None:
        while not self._dialer.status().up:  # noqa: ASYNC110 - it has no event for that
            await asyncio.sleep(0.01)
        for flight in self._desk.registry:
            for leg in flight.legs:
                if leg.carrier == self._dialer.name and leg.state in _MAY_NOT_HAVE_RUNG:
                    self._spawn(self._originate(self._order(flight, leg, "")), "again")
        await run(self)

    Sender.run = run_again  # type: ignore[method-assign]


def sent_again_after_a_cut() -> None:
    """An order whose answer was cut off is given up and the person called once more, at once."""

    async def originate(self: Sender, order: DialOrder) -> None:
        try:
            await self._dialer.originate(order)
        except DialError:
            flight = self._desk.registry.of_leg(order.leg_id)
            if flight is not None and flight.leg(order.leg_id).state in _MAY_NOT_HAVE_RUNG:
                text = "the link broke"
                self._desk.settle(order.leg_id, LegEvent.PROVE_NOT_PLACED, text=text)

    Sender._originate = originate  # type: ignore[method-assign]


def absence_is_proof() -> None:
    """A call that is not alive now was never placed: nobody asks the event log."""

    async def findings(self: AsteriskDialer, legs: Sequence[Leg]) -> Mapping[str, Finding]:
        return {
            leg.id: Finding(leg_id=leg.id, placed=False)
            for leg in legs
            if leg.state in _MAY_NOT_HAVE_RUNG
        }

    AsteriskDialer.findings = findings  # type: ignore[method-assign]


def unheard_ends_are_believed() -> None:
    """The last word of the PBX decides about a call that was answered while nobody listened."""

    def ended(self: Resolver, event: CallEvent) -> bool:
        return False

    Resolver.ended = ended  # type: ignore[method-assign]


def every_start_is_the_same() -> None:
    """A PBX that was restarted is taken for the one that got the order."""
    vars(adapters.asterisk.dialer)["boot_epoch"] = lambda _status: "always"


def closed_in_two_steps() -> None:
    """An attempt is closed in one transaction, its callback planned again in a later one."""
    write = Ledger.write

    def split(self: Ledger, change: Change) -> None:
        if change.callback is None or change.attempt is None or change.attempt.closed_at is None:
            write(self, change)
            return
        write(self, replace(change, callback=None))

        async def rest() -> None:
            write(self, Change(at=change.at, callback=change.callback))

        _later(rest)

    Ledger.write = split  # type: ignore[method-assign]


@dataclass(frozen=True, slots=True)
class Mutation:
    """A guard turned off; ``course`` is what must happen for it to show."""

    turn_off: Callable[[], None]
    course: str = "gateway killed"

    @property
    def name(self) -> str:
        return self.turn_off.__name__

    @property
    def about(self) -> str:
        return str(self.turn_off.__doc__)


MUTATIONS: Final = (
    Mutation(sent_before_it_is_durable),
    Mutation(released_at_start),
    Mutation(sent_again_at_start),
    Mutation(sent_again_after_a_cut, "link cut"),
    Mutation(absence_is_proof),
    Mutation(closed_in_two_steps),
    Mutation(unheard_ends_are_believed),
    Mutation(every_start_is_the_same, "PBX killed"),
)


def program(name: str) -> tuple[str, ...]:
    """Return what to run instead of ``kairos``; ``untouched`` turns nothing off."""
    return (sys.executable, "-m", "tests.fault.mutants", name)


if __name__ == "__main__":
    wanted = sys.argv.pop(1)
    for mutation in MUTATIONS:
        if mutation.name == wanted:
            mutation.turn_off()
    main()
