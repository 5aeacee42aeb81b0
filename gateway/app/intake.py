"""Takes callback requests in: normalise, plan, keep. One bad request never stops the others."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.app.asking import ask
from gateway.app.outcome import planned
from gateway.app.rules import Rules
from gateway.app.spec import QueueSpec
from gateway.domain.change import Added, NewCallback
from gateway.domain.errors import BadInput
from gateway.domain.machine import CallbackState
from gateway.domain.model import Callback, Contact, Number, PreferredWindow, Step, mask
from gateway.domain.windows import parse_zone
from gateway.ports import Clock, Ids, NumberPlan, Planner, PlanQuestion, Store

__all__ = ["CallbackRequest", "Intake"]

_MAX_TEXT = 500
_AT_A_STRETCH = 32
_OF_THE_CONTACT = (
    "numbers",
    "name",
    "zone",
    "country",
    "subdivision",
    "language",
    "industry",
    "segment",
)
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f]")
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackRequest:
    """What somebody asks for. ``numbers`` as people write them, preferred first.

    ``contact_id`` names a known contact instead; what describes the contact is then left out.
    ``deadline`` is an instant; None takes the queue's default. ``zone``, ``country`` and
    ``subdivision`` are taken from the first number where they are not given. ``legal_basis``: why
    the contact may be called, in the asker's words.
    """

    numbers: tuple[str, ...] = field(default=(), repr=False)
    contact_id: str | None = None
    name: str = field(default="", repr=False)
    queue: str = ""
    reason: str = ""
    requested_at: datetime | None = None
    deadline: datetime | None = None
    zone: str | None = None
    country: str | None = None
    subdivision: str | None = None
    language: str | None = None
    industry: str | None = None
    segment: str | None = None
    preferred: tuple[PreferredWindow, ...] = ()
    worth: float = 1.0
    source: str = "api"
    legal_basis: str = ""
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class _Fixed:
    """Rules that nobody reloads."""

    planner: Planner
    queues: Mapping[str, QueueSpec]


class Intake:
    """The one way in for callbacks. ``on_due`` hears when a new callback is due."""

    def __init__(  # noqa: PLR0913 -- collaborators by keyword, built in one place
        self,
        *,
        store: Store,
        clock: Clock,
        ids: Ids,
        numbers: NumberPlan,
        planner: Planner,
        queues: Mapping[str, QueueSpec],
        default_queue: str,
        default_country: str | None,
        check_subdivision: Callable[[str, str], None] = lambda _country, _subdivision: None,
        on_due: Callable[[datetime], None] = lambda _due: None,
    ) -> None:
        self.on_due = on_due
        self._store = store
        self._clock = clock
        self._ids = ids
        self._numbers = numbers
        self._rules: Rules | _Fixed = _Fixed(planner, queues)
        self._default_queue = default_queue
        self._default_country = default_country
        self._check_subdivision = check_subdivision

    def go_by(self, rules: Rules) -> None:
        """Plan by these rules from now on, and follow when they are replaced."""
        self._rules = rules

    async def take(self, requests: Sequence[CallbackRequest]) -> list[Added | BadInput]:
        """Take requests in, durable on return; a bad one is answered in its place.

        Raises StoreUnavailable if nothing could be kept.
        """
        return await self.keep(await self.prepare(requests))

    async def prepare(self, requests: Sequence[CallbackRequest]) -> list[NewCallback | BadInput]:
        """Read and plan requests, to be kept soon: here, or by the process this one works for."""
        prepared: list[NewCallback | BadInput] = []
        # One second for all that come within it: what comes together is planned together.
        now = self._clock.now().replace(microsecond=0)
        for n, request in enumerate(requests, start=1):
            if n % _AT_A_STRETCH == 0:
                await asyncio.sleep(0)  # calls under way are not kept waiting by a long list
            try:
                prepared.append(await self._prepare(request, now))
            except BadInput as problem:
                prepared.append(problem)
        return prepared

    async def keep(self, prepared: Sequence[NewCallback | BadInput]) -> list[Added | BadInput]:
        """Keep what was prepared, durable on return; each is answered in its place.

        ``Added.merged``: there was one like it already, and its id is the one that is returned.
        Raises StoreUnavailable if nothing could be kept.
        """
        entries = [one for one in prepared if isinstance(one, NewCallback)]
        answers = await self._store.add(entries) if entries else ()
        for entry, answer in zip(entries, answers, strict=True):
            if entry.callback.due_at is not None and not answer.merged:
                self.on_due(entry.callback.due_at)
        added = iter(answers)
        return [one if isinstance(one, BadInput) else next(added) for one in prepared]

    async def _prepare(self, request: CallbackRequest, now: datetime) -> NewCallback:
        queue = self._queue(request.queue)
        contact = await self._known(request) or self._contact(request)
        callback = Callback(
            id=self._ids.callback_id(),
            contact_id=contact.id,
            queue=queue.name,
            requested_at=_instant("requested_at", request.requested_at or now),
            deadline=self._deadline(request, queue, now),
            state=CallbackState.SCHEDULED,
            reason=_text("reason", request.reason),
            preferred=request.preferred,
            worth=_finite("worth", request.worth),
            source=_text("source", request.source),
            legal_basis=_text("legal_basis", request.legal_basis),
            idempotency_key=_maybe_text("idempotency_key", request.idempotency_key),
            version=0,  # planned at once: that is its first version
        )
        came = Step(
            callback_id=callback.id,
            at=now,
            kind="requested",
            text=f"to {mask(contact.numbers[0].e164)} in {contact.zone or 'an unknown zone'}",
            data={"source": request.source, "country": contact.country or ""},
        )
        question = PlanQuestion(contact=contact, callback=callback, now=now)
        after, step = planned(callback, await ask(self._rules.planner, question), now)
        known = request.contact_id is not None
        return NewCallback(contact=contact, callback=after, steps=(came, step), known=known)

    def _queue(self, name: str) -> QueueSpec:
        wanted = name or self._default_queue
        queues = self._rules.queues
        if wanted not in queues:
            known = ", ".join(sorted(queues))
            raise BadInput("queue", "no such queue", value=wanted, remedy=f"known are: {known}")
        return queues[wanted]

    async def _known(self, request: CallbackRequest) -> Contact | None:
        """Return the contact that is named by its id; None if the request describes one."""
        if request.contact_id is None:
            return None
        for name in _OF_THE_CONTACT:
            if getattr(request, name):
                remedy = "leave it out, and change the contact itself"
                raise BadInput(name, "cannot be given together with contact_id", remedy=remedy)
        contact = await self._store.contact(request.contact_id)
        if contact is None:
            remedy = "give one that is known, or numbers instead"
            raise BadInput("contact_id", "no such contact", remedy=remedy)
        if not contact.numbers:
            raise BadInput("contact_id", "the contact has no number", remedy="give it one first")
        return contact

    def _contact(self, request: CallbackRequest) -> Contact:
        if not request.numbers:
            raise BadInput("number", "missing", remedy="give at least one telephone number")
        country = _maybe_text("country", request.country) or self._default_country
        facts = [self._numbers.parse(text, country) for text in request.numbers]
        first = facts[0]
        zone = request.zone or (first.zones[0] if len(first.zones) == 1 else None)
        if request.zone and parse_zone(request.zone) is None:
            remedy = "use an IANA name such as Europe/Helsinki"
            raise BadInput("zone", "no such time zone", value=request.zone, remedy=remedy)
        if zone is None:
            problem = f"the number may be in any of {len(first.zones)} time zones"
            raise BadInput("zone", problem, remedy="say which, e.g. America/New_York")
        home = request.country or first.country
        if request.subdivision:
            self._check_subdivision(home or "", request.subdivision)
        numbers = tuple(dict.fromkeys(one.e164 for one in facts))
        return Contact(
            id=self._ids.contact_id(),
            numbers=tuple(Number(e164=number) for number in numbers),
            name=_text("name", request.name),
            zone=zone,
            country=home.upper() if home else None,
            subdivision=request.subdivision,
            language=_maybe_text("language", request.language),
            industry=_maybe_text("industry", request.industry),
            segment=_maybe_text("segment", request.segment),
        )

    def _deadline(self, request: CallbackRequest, queue: QueueSpec, now: datetime) -> datetime:
        deadline = request.deadline or now + timedelta(seconds=queue.deadline_after)
        if _instant("deadline", deadline) <= now:
            problem = "lies in the past"
            raise BadInput(
                "deadline", problem, value=deadline.isoformat(), remedy="give a later one"
            )
        return deadline


def _instant(field_name: str, value: datetime) -> datetime:
    if value.tzinfo is None:
        raise BadInput(field_name, "has no time zone", remedy="write it like 2026-01-31T17:00Z")
    return value


def _finite(field_name: str, value: float) -> float:
    if not math.isfinite(value):
        raise BadInput(field_name, "is not a finite number", remedy="leave it out or give a number")
    return value


def _maybe_text(field_name: str, value: str | None) -> str | None:
    return None if value is None else _text(field_name, value)


def _text(field_name: str, value: str) -> str:
    if len(value) > _MAX_TEXT:
        raise BadInput(field_name, f"longer than {_MAX_TEXT} characters", remedy="shorten it")
    if value.isascii() and value.isprintable():  # nearly always, and at once
        return value
    if _CONTROL.search(value):
        raise BadInput(field_name, "holds control characters", remedy="remove line breaks")
    if _HALF.search(value):
        raise BadInput(field_name, "holds half a character", remedy="write it in UTF-8")
    return value
