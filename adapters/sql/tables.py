"""The tables, and every constraint the database itself holds against a mistake of ours.

Portable: the same on SQLite and PostgreSQL. Instants are microseconds since 1970 in UTC
(``docs/decisions/0022``), small values that are only read as a whole are JSON. The rows stay
inside this package; :mod:`adapters.sql.mapping` turns them into domain values and back.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from gateway.domain.disposition import Disposition
from gateway.domain.machine import CallbackState, LegState
from gateway.domain.model import Cohort, Role

__all__ = [
    "ATTEMPT",
    "CALLBACK",
    "CONTACT",
    "CONTACT_NUMBER",
    "DO_NOT_CALL",
    "GUARD",
    "ID",
    "LEG",
    "METADATA",
    "SERIAL",
    "STEP",
    "Rows",
    "one_of",
    "partial_index",
    "table_of",
]

METADATA = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "fk": "%(table_name)s_%(column_0_name)s_fk",
        "ck": "%(table_name)s_%(constraint_name)s",
    }
)
# Compared and sorted byte by byte, as Python does, whatever the database's own language is.
ID = String().with_variant(String(collation="C"), "postgresql")
# SQLite counts up only an INTEGER.
SERIAL = BigInteger().with_variant(Integer, "sqlite")


def one_of(column: str, values: Iterable[str], name: str) -> CheckConstraint:
    """Return the constraint that a column holds one of these words."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=name)


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Return an index over the rows for which ``where`` is true."""
    condition = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


class Rows(SQLModel, registry=registry(metadata=METADATA)):
    """What every table of ours derives from."""

    metadata = METADATA


class ContactRow(Rows, table=True):
    """A person."""

    __tablename__ = "contact"
    id: str = Field(sa_type=ID, primary_key=True)
    name: str
    zone: str | None
    country: str | None
    subdivision: str | None
    language: str | None
    industry: str | None
    segment: str | None


class ContactNumberRow(Rows, table=True):
    """One number of a person; ``position`` 0 is the preferred one."""

    __tablename__ = "contact_number"
    __table_args__ = (
        partial_index("contact_first_number", "e164", where="position = 0"),
        Index("contact_number_e164", "e164"),
    )
    contact_id: str = Field(sa_type=ID, primary_key=True, foreign_key="contact.id")
    position: int = Field(primary_key=True)
    e164: str
    invalid_since: int | None = Field(sa_type=BigInteger)


class CallbackRow(Rows, table=True):
    """A request to be called back."""

    __tablename__ = "callback"
    __table_args__ = (
        # Claiming must not slow down with the number of callbacks that are due later.
        partial_index("callback_due", "queue", "due_at", "id", where="state = 'SCHEDULED'"),
        # Nor must looking for those whose deadline passed.
        # (Not partial: SQLite would rather read all that are scheduled, by the index below.)
        Index("callback_deadline", "state", "deadline"),
        UniqueConstraint("idempotency_key", name="callback_idempotency_key"),
        # Lists and counts by state, newest first.
        Index("callback_state", "state", "id"),
        Index("callback_queue", "queue", "state", "id"),
        Index("callback_contact", "contact_id", "id"),
        Index("callback_day", "requested_day", "id"),
        # Whom a new request may join.
        partial_index("callback_open", "contact_id", where="state IN ('SCHEDULED', 'DIALING')"),
        one_of("state", CallbackState, "state_known"),
        one_of("cohort", Cohort, "cohort_known"),
        one_of("outcome", Disposition, "outcome_known"),
        CheckConstraint("state <> 'SCHEDULED' OR due_at IS NOT NULL", name="scheduled_has_time"),
        CheckConstraint("version > 0", name="version_counts"),
    )
    id: str = Field(sa_type=ID, primary_key=True)
    contact_id: str = Field(sa_type=ID, foreign_key="contact.id")
    queue: str
    requested_at: int = Field(sa_type=BigInteger)
    # Days since 1970, in UTC: lists of a span of time go through it day by day.
    requested_day: int = Field(sa_column_kwargs={"server_default": text("0")})
    deadline: int = Field(sa_type=BigInteger)
    state: str
    state_reason: str
    due_at: int | None = Field(sa_type=BigInteger)
    plan: str | None = Field(sa_type=Text)
    reason: str
    preferred: str = Field(sa_type=Text)
    worth: float
    cohort: str
    source: str
    idempotency_key: str | None
    attempts: int
    used: int
    cancel_requested: bool
    answered_late: bool
    outcome: str | None
    closed_at: int | None = Field(sa_type=BigInteger)
    version: int
    legal_basis: str = Field(sa_column_kwargs={"server_default": text("''")})


class AttemptRow(Rows, table=True):
    """A try to reach a person; open until ``closed_at``."""

    __tablename__ = "attempt"
    __table_args__ = (
        UniqueConstraint("callback_id", "n", name="attempt_number_in_callback"),
        # Nobody is called twice at once: not for one callback, not as a person, not at a number.
        *(
            partial_index(f"attempt_open_{what}", column, where="closed_at IS NULL", unique=True)
            for what, column in (
                ("callback", "callback_id"),
                ("contact", "contact_id"),
                ("number", "number"),
            )
        ),
        one_of("disposition", Disposition, "disposition_known"),
        CheckConstraint("n > 0", name="n_counts"),
    )
    id: str = Field(sa_type=ID, primary_key=True)
    callback_id: str = Field(sa_type=ID, foreign_key="callback.id")
    contact_id: str = Field(sa_type=ID, foreign_key="contact.id")
    n: int
    number: str
    reserved_at: int = Field(sa_type=BigInteger)
    min_gap: float
    placed_at: int | None = Field(sa_type=BigInteger)
    closed_at: int | None = Field(sa_type=BigInteger)
    disposition: str | None
    talk_seconds: float


class LegRow(Rows, table=True):
    """An origination. ``sends`` counts how often it was released to the wire: once at most."""

    __tablename__ = "leg"
    __table_args__ = (
        Index("leg_attempt", "attempt_id"),
        CheckConstraint("length(id) = 32", name="id_length"),
        one_of("role", Role, "role_known"),
        one_of("state", LegState, "state_known"),
        one_of("disposition", Disposition, "disposition_known"),
        CheckConstraint(
            "(state IN ('RESERVED', 'RELEASED')) = (sending_at IS NULL)", name="written_ahead"
        ),
        CheckConstraint("sends <= 1", name="sent_once"),
    )
    id: str = Field(sa_type=ID, primary_key=True)
    attempt_id: str = Field(sa_type=ID, foreign_key="attempt.id")
    callback_id: str = Field(sa_type=ID, foreign_key="callback.id")
    n: int
    role: str
    carrier: str
    target: str
    state: str
    node: str
    reserved_at: int = Field(sa_type=BigInteger)
    resolve_by: int = Field(sa_type=BigInteger)
    boot_epoch: str
    sending_at: int | None = Field(sa_type=BigInteger)
    ringing_at: int | None = Field(sa_type=BigInteger)
    answered_at: int | None = Field(sa_type=BigInteger)
    connected_at: int | None = Field(sa_type=BigInteger)
    ended_at: int | None = Field(sa_type=BigInteger)
    channel: str
    disposition: str | None
    evidence: str = Field(sa_type=Text)
    sends: int = Field(sa_column_kwargs={"server_default": text("0")})


class GuardRow(Rows, table=True):
    """How often a person or a number was called lately."""

    __tablename__ = "guard"
    __table_args__ = (
        CheckConstraint("n_day <= cap_day", name="day_cap"),
        CheckConstraint("n_week <= cap_week", name="week_cap"),
    )
    key: str = Field(sa_type=ID, primary_key=True)
    recent: str = Field(sa_type=Text)
    next_allowed_at: int | None = Field(sa_type=BigInteger)
    day: str
    n_day: int
    cap_day: int
    n_week: int
    cap_week: int
    min_gap: float


class DoNotCallRow(Rows, table=True):
    """A number that must not be called."""

    __tablename__ = "do_not_call"
    number: str = Field(sa_type=ID, primary_key=True)
    reason: str
    since: int = Field(sa_type=BigInteger)


class StepRow(Rows, table=True):
    """The journal: rows are added, never changed."""

    __tablename__ = "step"
    __table_args__ = (Index("step_callback", "callback_id", "id"), {"sqlite_autoincrement": True})
    id: int | None = Field(default=None, sa_type=SERIAL, primary_key=True)
    callback_id: str = Field(sa_type=ID, foreign_key="callback.id")
    at: int = Field(sa_type=BigInteger)
    kind: str
    text: str = Field(sa_type=Text)
    attempt_id: str | None
    leg_id: str | None
    data: str = Field(sa_type=Text)


def table_of(name: str) -> Table:
    """Return a declared table."""
    return METADATA.tables[name]


CONTACT = table_of("contact")
CONTACT_NUMBER = table_of("contact_number")
CALLBACK = table_of("callback")
ATTEMPT = table_of("attempt")
LEG = table_of("leg")
GUARD = table_of("guard")
DO_NOT_CALL = table_of("do_not_call")
STEP = table_of("step")
