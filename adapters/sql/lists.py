"""Pages of callbacks: every filter reads about as much as it shows, however many there are.

Both engines walk an index backwards and stop at the end of the page, if there is one whose
beginning is fixed by the filters and which ends in the id. Where several such walks are needed
(a few states, the contacts of a number) each is a question of its own and the pages are merged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    func,
    select,
    union_all,
)

from adapters.sql.lookup import callbacks_by_id, contacts_by_id
from adapters.sql.mapping import day, micros
from adapters.sql.tables import CALLBACK, CONTACT_NUMBER
from gateway.domain.machine import CallbackState
from gateway.domain.model import Callback, Contact

__all__ = ["Wanted", "list_callbacks"]

_AFTER_ALL = "\U0010ffff"
# So few that reading all of them is quicker than any walk.
_FEW = 5_000
_NEVER = 2**31 - 1  # in days
_WITH_NUMBER = select(CONTACT_NUMBER.c.contact_id).where(CONTACT_NUMBER.c.e164 == bindparam("no"))


def _tops() -> Select[Any]:
    """Ask for the days there are in a span, from one to the next, and the newest id of each."""
    column: Column[int] = CALLBACK.c.requested_day
    last: BindParameter[int] = bindparam("last")
    days = (
        select(func.min(column).label("day"))
        .where(column >= bindparam("first"), column <= last)
        .cte("days", recursive=True)
    )
    following = select(func.min(column)).where(column > days.c.day, column <= last)
    days = days.union_all(select(following.scalar_subquery()).where(days.c.day.is_not(None)))
    newest = select(func.max(CALLBACK.c.id)).where(
        column == days.c.day, CALLBACK.c.id < bindparam("after_")
    )
    return select(days.c.day, newest.scalar_subquery().label("top")).where(days.c.day.is_not(None))


_TOPS = _tops()


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
    people = _people(connection, wanted)
    if people is None and _times(wanted):
        if _are_few(connection, wanted):
            return _read_all(connection, wanted)
        return _day_by_day(connection, wanted)
    walks = list(_walks(wanted, people))
    if not walks:
        return []
    if len(walks) == 1:
        return list(connection.scalars(walks[0]))
    pages = union_all(*(select(one.subquery()) for one in walks)).subquery()
    merged = select(pages.c.id).distinct().order_by(pages.c.id.desc()).limit(wanted.limit)
    return list(connection.scalars(merged))


def _page(wanted: Wanted) -> Select[Any]:
    page = select(CALLBACK.c.id).where(*_times(wanted)).order_by(CALLBACK.c.id.desc())
    return page.where(CALLBACK.c.id < (wanted.after or _AFTER_ALL)).limit(wanted.limit)


def _walks(wanted: Wanted, people: Sequence[str] | None) -> Iterator[Select[Any]]:
    """Return the walks along indexes that together find the page."""
    page = _page(wanted)
    if people is not None:
        others = _others(wanted)
        yield from (page.where(CALLBACK.c.contact_id == one, *others) for one in people)
        return
    states: Sequence[CallbackState] = wanted.states
    if wanted.queue is not None:
        page = page.where(CALLBACK.c.queue == wanted.queue)
        states = states or tuple(CallbackState)
    if states:
        yield from (page.where(CALLBACK.c.state == one.value) for one in states)
    else:
        yield page


def _read_all(connection: Connection, wanted: Wanted) -> list[str]:
    # Sorted here: asked to, PostgreSQL would rather walk along all ids there are.
    query = select(CALLBACK.c.id).where(*_times(wanted), *_others(wanted))
    below = wanted.after or _AFTER_ALL
    found = sorted((one for one in connection.scalars(query) if one < below), reverse=True)
    return found[: wanted.limit]


def _day_by_day(connection: Connection, wanted: Wanted) -> list[str]:
    """Merge the pages of the days asked for, beginning with the day that has the newest id.

    In the order of time alone the newest ids could be anywhere: an import may bring in today what
    was requested last year.
    """
    span = {
        "first": -_NEVER if wanted.since is None else day(wanted.since),
        "last": _NEVER if wanted.until is None else day(wanted.until),
        "after_": wanted.after or _AFTER_ALL,
    }
    tops = [(row.top, row.day) for row in connection.execute(_TOPS, span) if row.top is not None]
    page = _page(wanted).where(CALLBACK.c.requested_day == bindparam("day_"), *_others(wanted))
    found: list[str] = []
    for top, one in sorted(tops, reverse=True):
        if len(found) == wanted.limit and (not found or found[-1] > top):
            break
        found += connection.scalars(page, {"day_": one})
        found = sorted(found, reverse=True)[: wanted.limit]
    return found


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


def _others(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.states:
        found.append(CALLBACK.c.state.in_([one.value for one in wanted.states]))
    if wanted.queue is not None:
        found.append(CALLBACK.c.queue == wanted.queue)
    return found


def _are_few(connection: Connection, wanted: Wanted) -> bool:
    """Tell whether so few are in this queue and these states that all may be looked at."""
    others = _others(wanted)
    if not others:
        return False
    some = select(CALLBACK.c.id).where(*others).limit(_FEW).subquery()
    return (connection.scalar(select(func.count()).select_from(some)) or 0) < _FEW
