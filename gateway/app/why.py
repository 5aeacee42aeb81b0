"""Answers the question everybody asks first, which is why nothing is dialing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from gateway.app.holds import Holds
from gateway.app.reasons import Reason, Snapshot, Standing, Subject, reasons
from gateway.app.rules import Rules
from gateway.domain.errors import BadInput, NotFound, StoreUnavailable
from gateway.domain.model import Attempt
from gateway.domain.records import CallbackView
from gateway.ports import Clock, Store

__all__ = ["Reason", "Why"]

_OTHER_CALLBACKS = 20
_WITHIN = 10.0


class Why:
    """Gathers what is known and says what stands in the way.

    ``standing`` tells how the gateway of this process stands; None where none runs here.
    """

    def __init__(self, *, store: Store, clock: Clock, rules: Rules, holds: Holds) -> None:
        self.standing: Callable[[], Standing | None] = lambda: None
        self._store = store
        self._clock = clock
        self._rules = rules
        self._holds = holds

    async def why(self, queue: str | None = None, callback_id: str | None = None) -> list[Reason]:
        """Say why nothing of everything, of a queue, or of one callback is dialing.

        An empty list: nothing stands in the way. A unique prefix of an id will do. Raises BadInput
        for no such queue and NotFound for no such callback; a database that is down is an answer.
        """
        queues = dict(self._rules.queues)
        if queue is not None and queue not in queues and callback_id is None:
            known = ", ".join(sorted(queues))
            raise BadInput("queue", "no such queue", value=queue, remedy=f"known are: {known}")
        seen = Snapshot(
            now=self._clock.now(),
            law=self._rules.law,
            queues={queue: queues[queue]} if queue in queues and queue else queues,
            standing=self.standing(),
            holds=tuple(self._holds.standing()),
        )
        try:
            async with asyncio.timeout(_WITHIN):
                seen = await self._looked_up(seen, callback_id)
        except StoreUnavailable as error:
            seen = replace(seen, database_trouble=str(error))
        except TimeoutError:
            seen = replace(seen, database_trouble="it does not answer")
        return reasons(seen)

    async def _looked_up(self, seen: Snapshot, callback_id: str | None) -> Snapshot:
        await self._holds.refresh()
        held = tuple(self._holds.standing())
        if callback_id is not None:
            return replace(seen, holds=held, subject=await self._subject(callback_id))
        due = {name: await self._store.next_due([name]) for name in seen.queues}
        known = {name: at for name, at in due.items() if at is not None}
        return replace(seen, holds=held, due=known)

    async def _subject(self, callback_id: str) -> Subject:
        found = await self._store.history(callback_id)
        if found is None:
            raise NotFound(f"there is no callback {callback_id}")
        contact, attempts = found.contact, list(found.attempts)
        others = await self._store.callbacks(contact_id=contact.id, limit=_OTHER_CALLBACKS)
        for other, _ in others:
            if other.id != found.callback.id and other.attempts:
                attempts += await self._attempts(other.id)
        listed = await self._listed(found.callback.id)
        return Subject(
            callback=found.callback, contact=contact, attempts=tuple(attempts), do_not_call=listed
        )

    async def _listed(self, callback_id: str) -> frozenset[str]:
        """Return which of its numbers are on the do-not-call list, as a decision would see it."""
        listed: list[str] = []

        def look(view: CallbackView) -> None:
            listed.extend(view.do_not_call)

        await self._store.amend(callback_id, look)
        return frozenset(listed)

    async def _attempts(self, callback_id: str) -> tuple[Attempt, ...]:
        found = await self._store.history(callback_id)
        return found.attempts if found else ()
