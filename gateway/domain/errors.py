"""Every error Kairos raises on purpose, in one tree.

KairosError
├── BadInput            what somebody gave us cannot be used; says field, masked value, remedy
├── NotNow              right as such, but not in the state it is in; says why and what to do
├── IllegalTransition   a state machine was asked for a step its table does not have
├── StoreError
│   ├── StoreUnavailable   the database cannot be reached or refuses to write (down, disk full)
│   ├── NotFound           there is no such row
│   ├── StoreLocked        another process owns the data directory
│   └── Conflict           a constraint or a newer version stands against this change
└── DialError           a carrier could not take an order; ``kind`` says what to do next
    ├── NotSent            nothing was written to the wire: safe to plan again at once
    ├── Refused            the carrier answered no: nothing was placed
    ├── OutcomeUnknown     written, but no answer: only the resolver may decide
    └── LoginRefused       wrong secret or rights: stop and tell the administrator
"""

from __future__ import annotations

__all__ = [
    "BadInput",
    "Conflict",
    "DialError",
    "IllegalTransition",
    "KairosError",
    "LoginRefused",
    "NotFound",
    "NotNow",
    "NotSent",
    "OutcomeUnknown",
    "Refused",
    "StoreError",
    "StoreLocked",
    "StoreUnavailable",
]


class KairosError(Exception):
    """Kairos could not do what was asked."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class BadInput(KairosError):
    """This input cannot be used."""

    def __init__(self, field: str, problem: str, *, value: str = "", remedy: str = "") -> None:
        """Describe one unusable field; ``value`` must already be masked if it is personal."""
        shown = f" ({value})" if value else ""
        hint = f"; {remedy}" if remedy else ""
        super().__init__(f"{field}{shown}: {problem}{hint}")
        self.field = field
        self.problem = problem
        self.value = value
        self.remedy = remedy


class IllegalTransition(KairosError):
    """The state table has no such step."""


class NotNow(KairosError):
    """This cannot be done in its present state."""

    def __init__(self, problem: str, *, remedy: str = "") -> None:
        super().__init__(f"{problem}; {remedy}" if remedy else problem)
        self.problem = problem
        self.remedy = remedy


class StoreError(KairosError):
    """The store could not keep or read this."""


class StoreUnavailable(StoreError):
    """The database cannot be reached or cannot write."""


class NotFound(StoreError):
    """There is no such row."""


class StoreLocked(StoreError):
    """Another process owns this data directory."""


class Conflict(StoreError):
    """A constraint or a newer version stands against this change."""


class DialError(KairosError):
    """The carrier did not take this order."""


class NotSent(DialError):
    """Nothing was written to the wire."""


class Refused(DialError):
    """The carrier refused the order; nothing was placed."""


class OutcomeUnknown(DialError):
    """The order was written but nobody knows what became of it."""


class LoginRefused(DialError):
    """The carrier refused our login."""
