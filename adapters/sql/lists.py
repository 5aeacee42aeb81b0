"""Pages of callbacks: every filter reads about as much as it shows, however many there are.

Both engines walk an index backwards and stop at the end of the page, if there is one whose
beginning is fixed by the filters and which ends in the id. Where several such walks are needed
(a few states, the contacts of a number) each is a question of its own and the pages are merged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, select, union_all

from adapters.sql.lookup import callbacks_by_id, contacts_by_id
from adapters.sql.mapping import micros
from adapters.sql.tables import CALLBACK, CONTACT_NUMBER
from gateway.domain.machine import CallbackState
from gateway.domain.model import Callback, Contact

__all__ = ["Wanted", "list_callbacks"]

_AFTER_ALL = "\U0010ffff"
# So few that sorting them all is quicker than any walk.
_FEW = 5_000
_WITH_NUMBER = select(CONTACT_NUMBER.c.contact_id).where(CONTACT_NUMBER.c.e164 == bindparam("no"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A page of callbacks, as the port describes it."""

    states: tuple[CallbackState, ...] = ()
    queue: str | None = None
    contact_id: str | None = None
    number: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: str = ""
    limit: int = 50


def list_callbacks(connection: Connection, wanted: Wanted) -> list[tuple[Callback, Contact]]:
    """List callbacks by id, newest first, from below the id ``after`` on."""
    ids = _ids(connection, wanted)
    callbacks = callbacks_by_id(connection, ids)
    contacts, _ = contacts_by_id(connection, {one.contact_id for one in callbacks.values()})
    return [(callbacks[one], contacts[callbacks[one].contact_id]) for one in ids]


def _ids(connection: Connection, wanted: Wanted) -> list[str]:
    walks = list(_walks(connection, wanted))
    if not walks:
        return []
    if len(walks) == 1:
        return list(connection.scalars(walks[0]))
    pages = union_all(*(select(one.subquery()) for one in walks)).subquery()
    merged = select(pages.c.id).distinct().order_by(pages.c.id.desc()).limit(wanted.limit)
    return list(connection.scalars(merged))


def _walks(connection: Connection, wanted: Wanted) -> Iterator[Select[Any]]:
    """Return the walks along indexes that together find the page."""
    page = select(CALLBACK.c.id).where(*_times(wanted)).order_by(CALLBACK.c.id.desc())
    page = page.where(CALLBACK.c.id < (wanted.after or _AFTER_ALL)).limit(wanted.limit)
    chosen = [one.value for one in wanted.states]
    people = _people(connection, wanted)
    if people is not None:
        others = _others(wanted, chosen)
        yield from (page.where(CALLBACK.c.contact_id == one, *others) for one in people)
    elif _are_few(connection, wanted):
        yield page.where(*_others(wanted, chosen))
    elif wanted.queue is not None:
        page = page.where(CALLBACK.c.queue == wanted.queue)
        states = chosen or [one.value for one in CallbackState]
        yield from (page.where(CALLBACK.c.state == one) for one in states)
    elif chosen:
        yield from (page.where(CALLBACK.c.state == one) for one in chosen)
    else:
        yield page


def _people(connection: Connection, wanted: Wanted) -> list[str] | None:
    """Return whose callbacks are asked for; None for everybody's."""
    if wanted.number is None:
        return None if wanted.contact_id is None else [wanted.contact_id]
    found = set(connection.scalars(_WITH_NUMBER, {"no": wanted.number}))
    return sorted(found if wanted.contact_id is None else found & {wanted.contact_id})


def _times(wanted: Wanted) -> list[ColumnElement[bool]]:
    column = CALLBACK.c.requested_at
    since = [] if wanted.since is None else [column >= micros(wanted.since)]
    return since if wanted.until is None else [*since, column < micros(wanted.until)]


def _others(wanted: Wanted, states: list[str]) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [CALLBACK.c.state.in_(states)] if states else []
    return found if wanted.queue is None else [*found, CALLBACK.c.queue == wanted.queue]


def _are_few(connection: Connection, wanted: Wanted) -> bool:
    """Tell whether so few were requested in the time asked for that all may be looked at."""
    times = _times(wanted)
    if not times:
        return False
    some = select(CALLBACK.c.requested_at).where(*times).limit(_FEW).subquery()
    return (connection.scalar(select(func.count()).select_from(some)) or 0) < _FEW
