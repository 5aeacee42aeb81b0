"""Prepared callbacks as bytes, between two processes of ours: small, and quick on both sides.

``pickle`` asks every frozen object for a dictionary of its fields and sets them one by one through
Python code; here the fields go as one tuple.
"""

from __future__ import annotations

import copyreg
import io
import pickle
from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any

from gateway.domain.change import NewCallback
from gateway.domain.errors import BadInput
from gateway.domain.model import Callback, Contact, Number, Plan, PreferredWindow, Step

__all__ = ["pack", "unpack"]

_KINDS: tuple[type[Any], ...] = (
    *(NewCallback, Contact, Number, Callback, Plan, PreferredWindow, Step),
)


def _setters(kind: type[Any]) -> tuple[Callable[[Any, Any], None], ...]:
    return tuple(getattr(kind, one.name).__set__ for one in fields(kind))


_SETTERS = {kind: _setters(kind) for kind in _KINDS}


def _build(kind: type[Any], *values: object) -> Any:  # noqa: ANN401 -- an object of that kind
    made = object.__new__(kind)
    for put, value in zip(_SETTERS[kind], values, strict=True):
        put(made, value)
    return made


def _reducer(kind: type[Any]) -> Callable[[Any], Any]:
    get = attrgetter(*(one.name for one in fields(kind)))
    return lambda one: (_build, (kind, *get(one)))


def _problem(problem: BadInput) -> Any:  # noqa: ANN401 -- as pickle wants it
    return _bad, (problem.field, problem.problem, problem.value, problem.remedy)


def _bad(field: str, problem: str, value: str, remedy: str) -> BadInput:
    return BadInput(field, problem, value=value, remedy=remedy)


_TABLE = {
    **copyreg.dispatch_table,
    **{kind: _reducer(kind) for kind in _KINDS},
    BadInput: _problem,
}


def pack(value: object) -> bytes:
    """Return bytes for :func:`unpack`."""
    target = io.BytesIO()
    pickler = pickle.Pickler(target, protocol=5)
    pickler.dispatch_table = _TABLE
    pickler.dump(value)
    return target.getvalue()


def unpack(data: bytes) -> Any:  # noqa: ANN401 -- what was packed
    """Return what was packed. Only for what a process that this one started has written."""
    return pickle.loads(data)  # noqa: S301 -- see above
