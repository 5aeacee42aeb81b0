"""What people do to callbacks that were taken in: cancel, another time, at once, other wishes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog

from gateway.app.asking import ask
from gateway.app.outcome import planned
from gateway.app.rules import Rules
from gateway.domain import amend
from gateway.domain.change import Change, Stop
from gateway.domain.errors import BadInput, Conflict, NotFound
from gateway.domain.machine import CallbackState
from gateway.domain.model import Attempt, Callback
from gateway.domain.patch import UNSET, Patch, applied, changed_step, needs_plan
from gateway.domain.records import CallbackView
from gateway.ports import Amend, Clock, PlanQuestion, Store

__all__ = ["UNSET", "Amendments", "Patch"]

_log = structlog.get_logger()
_TRIES = 5


class Amendments:
    """Changes to callbacks. Each is durable on return and returns the callback as it is then.

    ``by`` names who wants it, for the journal. Every method raises NotFound, NotNow (right as
    such, but not in its state), BadInput and StoreUnavailable; errors name the remedy.
    ``on_due`` hears of every new time, ``on_amended`` of every callback that was changed.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        rules: Rules,
        on_due: Callable[[datetime], None] = lambda _due: None,
        on_amended: Callable[[Callback], None] = lambda _callback: None,
    ) -> None:
        self.on_due = on_due
        self.on_amended = on_amended
        self._store = store
        self._clock = clock
        self._rules = rules

    async def cancel(self, callback_id: str, *, by: str, reason: str = "") -> Callback:
        """Cancel at once, or, while it is being called, as soon as that call ends.

        Canceling again changes nothing. NotNow if it was closed otherwise.
        """
        now = self._clock.now()
        return await self._amend(
            callback_id, lambda view: amend.cancel(view, by=by, reason=reason, now=now), "cancel"
        )

    async def reschedule(
        self,
        callback_id: str,
        at: datetime,
        *,
        by: str,
        deadline: datetime | None = None,
        ignore_preferred: bool = False,
    ) -> Callback:
        """Plan the next attempt for ``at`` (an instant), inside law and deadline.

        ``deadline`` is a new one to go with it; ``ignore_preferred`` allows a time that the
        contact did not wish for. BadInput names the next allowed time.
        """
        now, law = self._clock.now(), self._rules.law
        pin = amend.Pin(at=at, by=by, deadline=deadline, any_time=ignore_preferred)
        return await self._amend(
            callback_id,
            lambda view: amend.reschedule(view, pin, law=law, now=now),
            "reschedule",
        )

    async def call_now(
        self, callback_id: str, *, by: str, ignore_preferred: bool = False
    ) -> Callback:
        """Make it due now; caps and gaps may still put it off. BadInput if the law says no."""
        now, law = self._clock.now(), self._rules.law
        return await self._amend(
            callback_id,
            lambda view: amend.call_now(view, by=by, law=law, now=now, any_time=ignore_preferred),
            "call_now",
        )

    async def change(
        self, callback_id: str, patch: Patch, *, by: str, version: int | None = None
    ) -> Callback:
        """Change what was asked for; the time is planned anew where the change needs it.

        Raises Conflict if its version is not ``version`` (None: any).
        """
        for _ in range(_TRIES):
            seen = await self._store.history(callback_id)
            if seen is None or seen.callback.id != callback_id:
                raise NotFound(f"there is no callback {callback_id}")
            view = CallbackView(
                callback=seen.callback, contact=seen.contact, attempts=seen.attempts
            )
            _must_be(version, view.callback)
            change = await self._changed(view, patch, by)
            try:
                return await self._amend(callback_id, _as_seen(view, change), "change")
            except Conflict:
                if version is not None:
                    raise
        raise Conflict("it changes all the time; try again")

    async def _changed(self, view: CallbackView, patch: Patch, by: str) -> Change | None:
        now, rules = self._clock.now(), self._rules
        callback = amend.must_be_waiting(view)
        after = applied(callback, patch, rules.queues, now)
        if after == callback:
            return None
        step = changed_step(callback, after, patch, by, now)
        if not needs_plan(callback, after, view.contact, rules.law):
            moved = after.moved(callback.state)
            return Change(at=now, callback=moved, steps=(step,))
        question = PlanQuestion(
            contact=view.contact, callback=after, now=now, history=_closed(view.attempts)
        )
        answer = await ask(rules.planner, question)
        if isinstance(answer, Stop):
            wanted = ("deadline", "preferred", "queue")
            field = next((one for one in wanted if one in patch.given), "callback")
            remedy = "change it otherwise, or cancel the callback"
            raise BadInput(field, f"leaves no time to call: {answer.reason}", remedy=remedy)
        moved, plan = planned(after, answer, now)
        return Change(at=now, callback=moved, steps=(step, plan))

    async def _amend(self, callback_id: str, decide: Amend, what: str) -> Callback:
        after = await self._store.amend(callback_id, decide)
        _log.info(f"callback.{what}", callback_id=after.id, state=after.state.value)
        self.on_amended(after)
        if after.state is CallbackState.SCHEDULED and after.due_at is not None:
            self.on_due(after.due_at)
        return after


def _must_be(version: int | None, callback: Callback) -> None:
    if version is not None and callback.version != version:
        raise Conflict(
            f"it was changed meanwhile (version {callback.version}, not {version}); read it again"
        )


def _as_seen(seen: CallbackView, change: Change | None) -> Amend:
    """Decide for the change if the callback is still as it was when that was thought out."""

    def decide(view: CallbackView) -> Change | None:
        _must_be(seen.callback.version, view.callback)
        return change

    return decide


def _closed(attempts: tuple[Attempt, ...]) -> tuple[Attempt, ...]:
    return tuple(one for one in attempts if one.closed_at is not None)
