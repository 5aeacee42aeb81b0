"""Every field of every value finds its way into a row and back."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from types import NoneType, SimpleNamespace
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Table

from adapters.sql import mapping, tables, values
from gateway.domain.change import Change
from gateway.domain.errors import BadInput
from gateway.domain.model import (
    Attempt,
    Callback,
    Contact,
    Evidence,
    Guard,
    Leg,
    Number,
    Plan,
    PreferredWindow,
    Step,
)
from tests.support.builders import a_contact, an_attempt

texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=5)
instants = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- hypothesis adds the zone
numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)
KNOWN: dict[type, st.SearchStrategy[Any]] = {
    str: texts,
    datetime: instants,
    float: numbers,
    int: st.integers(0, 2**31),
    bool: st.booleans(),
}


def drawn(hint: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 -- a type hint
    """Return how to draw what a field of this type may hold."""
    if hint in KNOWN:
        return KNOWN[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    inner = [one for one in get_args(hint) if one not in {NoneType, Ellipsis}]
    if get_origin(hint) is tuple:
        return st.lists(drawn(inner[0]), max_size=3).map(tuple)
    return st.none() | drawn(inner[0])


def any_of(kind: type, **given_: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw a value with every field drawn, so that no default hides a forgotten one."""
    hints = get_type_hints(kind)
    return st.builds(
        kind,
        **{name: given_[name] if name in given_ else drawn(hint) for name, hint in hints.items()},
    )


windows = any_of(PreferredWindow, weekdays=st.frozensets(st.integers(0, 6)))
plans = any_of(Plan)
steps = any_of(Step, data=st.dictionaries(texts, st.none() | texts | st.integers()))
CASES: list[tuple[Any, Callable[[Any], Any], Callable[[Any], Any], Table, set[str]]] = [
    (
        any_of(Callback, plan=st.none() | plans, preferred=st.lists(windows).map(tuple)),
        mapping.callback_row,
        values.read_callback,
        tables.CALLBACK,
        set(),
    ),
    (
        any_of(Attempt),
        lambda one: mapping.prepare(Change(at=one.reserved_at, attempt=one)).attempt,
        values.read_attempt,
        tables.ATTEMPT,
        set(),
    ),
    (
        any_of(Leg, evidence=any_of(Evidence)),
        lambda one: mapping.prepare(Change(at=one.reserved_at, legs=(one,))).legs[0],
        values.read_leg,
        tables.LEG,
        {"sends"},
    ),
    (any_of(Guard), mapping.guard_row, values.read_guard, tables.GUARD, set()),
    (steps, mapping.step_row, values.read_step, tables.STEP, {"id"}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[3].name)
@given(data=st.data())
def test_a_value_survives_its_row(case: Any, data: st.DataObject) -> None:  # noqa: ANN401 -- a table of cases
    strategy, to_row, from_row, table, internal = case
    value = data.draw(strategy)
    row = to_row(value)
    assert set(row) == {column.name for column in table.columns} - internal
    assert from_row(SimpleNamespace(**row)) == value


@given(any_of(Contact, numbers=st.lists(any_of(Number), max_size=3).map(tuple)))
def test_a_contact_survives_its_rows(contact: Contact) -> None:
    rows = [SimpleNamespace(**row) for row in mapping.number_rows(contact)]
    found = [values.read_number(row) for row in rows]  # type: ignore[arg-type]
    own: Any = SimpleNamespace(**mapping.contact_row(contact))
    assert values.read_contact(own, found) == contact


def test_an_instant_without_its_zone_is_refused() -> None:
    with pytest.raises(BadInput, match="zone"):
        mapping.micros(datetime(2026, 1, 1))  # noqa: DTZ001 -- this is what is refused


@pytest.mark.parametrize("text", ["\0", "a\ud800"])
def test_what_no_database_takes_is_named_without_being_shown(text: str) -> None:
    number = f"+35840{text}"
    with pytest.raises(BadInput, match="number") as caught:
        mapping.prepare(Change(at=an_attempt().reserved_at, attempt=an_attempt(number=number)))
    assert "+358" not in str(caught.value)
    with pytest.raises(BadInput, match="e164"):
        mapping.number_rows(a_contact(number))
