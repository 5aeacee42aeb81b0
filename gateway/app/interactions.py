"""What contacts do of themselves: they call in, are reached otherwise, look at a page.

Whoever was talked to need not be called back: their open callbacks are completed. All else is
kept, for what it tells about the contact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from gateway.domain import amend
from gateway.domain.errors import BadInput, NotFound
from gateway.domain.machine import CallbackState
from gateway.domain.model import Callback
from gateway.domain.records import Interaction, InteractionKind
from gateway.ports import Clock, NumberPlan, Store

__all__ = ["InteractionRequest", "Interactions", "Taken"]

_log = structlog.get_logger()
_MAX_ID, _MAX_SOURCE = 200, 100
_K = InteractionKind
_MISSED = "missed_call"


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionRequest:
    """Something a contact did, as somebody tells it.

    ``id`` is the teller's own, unique per ``source``. Who it was: ``number`` as people write it,
    or ``contact_id``. ``at`` is an instant; None: now. ``answered``: somebody talked to them.
    """

    id: str
    source: str
    kind: InteractionKind
    at: datetime | None = None
    number: str | None = field(default=None, repr=False)
    contact_id: str | None = None
    answered: bool = False
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of an interaction: whether it was known, which callbacks it completed."""

    duplicate: bool = False
    completed: tuple[str, ...] = ()


class Interactions:
    """The way in for what contacts do. ``on_change`` hears of every callback it changed."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        numbers: NumberPlan,
        default_country: str | None,
        on_change: Callable[[Callback], None] = lambda _callback: None,
    ) -> None:
        self.on_change = on_change
        self._store = store
        self._clock = clock
        self._numbers = numbers
        self._default_country = default_country

    async def take(self, requests: Sequence[InteractionRequest]) -> list[Taken | BadInput]:
        """Keep these, durable on return, and answer each in its place.

        An answered inbound call, and a contact reached elsewhere, complete the contact's callbacks
        that were asked for before it: at once, or, while one is being called, when that call ends.
        Where several contacts share the number nobody knows who it was: it is noted, no more.
        Telling the same again does nothing, but for what an interruption left undone. Raises
        StoreUnavailable; then all may be told again.
        """
        now = self._clock.now()
        read = [self._read(one, now) for one in requests]
        good = [one for one in read if isinstance(one, Interaction)]
        fresh = iter(await self._store.add_interactions(good) if good else ())
        answers: list[Taken | BadInput] = []
        for request, one in zip(requests, read, strict=True):
            if isinstance(one, BadInput):
                answers.append(one)
                continue
            is_new = next(fresh)
            # Without a time of its own a repetition would be about callbacks it knows nothing of.
            completed = await self._follow(one, now) if is_new or request.at else ()
            answers.append(Taken(duplicate=not is_new, completed=completed))
        return answers

    def _read(self, request: InteractionRequest, now: datetime) -> Interaction | BadInput:
        try:
            return self._checked(request, now)
        except BadInput as problem:
            return problem

    def _checked(self, request: InteractionRequest, now: datetime) -> Interaction:
        for name, value, most in (
            ("id", request.id, _MAX_ID),
            ("source", request.source, _MAX_SOURCE),
        ):
            if not value or len(value) > most or not value.isprintable():
                remedy = f"give 1 to {most} printable characters"
                raise BadInput(name, "cannot be used", remedy=remedy)
        if (request.number is None) == (request.contact_id is None):
            raise BadInput("number", "says not who it was", remedy="give it, or contact_id instead")
        if request.at is not None and request.at.tzinfo is None:
            raise BadInput("at", "has no time zone", remedy="write it like 2026-01-31T17:00Z")
        number = request.number
        if number is not None:
            number = self._numbers.parse(number, self._default_country).e164
        return Interaction(
            id=request.id,
            source=request.source,
            kind=request.kind,
            at=min(request.at or now, now),
            number=number,
            contact_id=request.contact_id,
            answered=request.answered,
            data=dict(request.data),
        )

    async def _follow(self, one: Interaction, now: datetime) -> tuple[str, ...]:
        """Do what follows from an interaction; returns the callbacks it completed."""
        reached = _reached(one)
        if not reached and one.kind not in {_K.INBOUND_CALL, _K.MISSED_CALL}:
            return ()
        waiting = [
            callback
            for callback in await self._open_callbacks(one)
            if callback.requested_at <= one.at
        ]
        if reached and await self._is_known(one):
            return await self._complete(waiting, one, now)
        kind, text = _MISSED, "the contact called in and nobody was free to answer"
        if reached:
            kind, text = one.kind.value, "one of several contacts with this number was reached"
        for callback in waiting:
            await self._note(callback, kind, text, now)
        return ()

    async def _is_known(self, one: Interaction) -> bool:
        """Whether it can be told who it was: of those who share a number it may be any."""
        if one.contact_id is not None:
            return True
        return len(await self._store.contacts(number=one.number, limit=2)) == 1

    async def _open_callbacks(self, one: Interaction) -> list[Callback]:
        if one.contact_id is not None:
            return list(await self._store.open_callbacks(contact_id=one.contact_id))
        return list(await self._store.open_callbacks(number=one.number))

    async def _complete(
        self, waiting: Sequence[Callback], one: Interaction, now: datetime
    ) -> tuple[str, ...]:
        completed: list[str] = []
        for callback in waiting:
            try:
                after = await self._store.amend(
                    callback.id, lambda view: amend.complete(view, reason=_words(one), now=now)
                )
            except NotFound:
                continue
            if after.state is CallbackState.DONE or after.answered_late:
                completed.append(after.id)
                _log.info("callback.reached", callback_id=after.id, kind=one.kind.value)
                self.on_change(after)
        return tuple(completed)

    async def _note(self, callback: Callback, kind: str, text: str, now: datetime) -> None:
        try:
            await self._store.amend(
                callback.id, lambda view: amend.noted(view, kind=kind, text=text, now=now)
            )
        except NotFound:
            return


def _reached(one: Interaction) -> bool:
    """Whether somebody talked to the contact."""
    return one.kind is _K.REACHED_ELSEWHERE or (one.kind is _K.INBOUND_CALL and one.answered)


def _words(one: Interaction) -> str:
    source = amend.plain(one.source)
    if one.kind is _K.INBOUND_CALL:
        return f"the contact called in and was talked to, says {source}"
    return f"the contact was reached otherwise, says {source}"
