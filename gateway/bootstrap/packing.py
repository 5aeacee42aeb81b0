"""Rows of an import as bytes, between two processes of ours."""

from __future__ import annotations

import copyreg
import io
import pickle
from typing import Any

from gateway.domain.errors import BadInput

__all__ = ["pack", "unpack"]


def _told(problem: BadInput) -> Any:  # noqa: ANN401 -- as pickle wants it
    return _bad, (problem.field, problem.problem, problem.value, problem.remedy)


def _bad(field: str, problem: str, value: str, remedy: str) -> BadInput:
    return BadInput(field, problem, value=value, remedy=remedy)


_TABLE = {**copyreg.dispatch_table, BadInput: _told}


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
