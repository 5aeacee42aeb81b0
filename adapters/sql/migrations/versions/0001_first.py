"""The first schema.

Frozen: later changes are later revisions. Names and texts are those of adapters.sql.tables at
the time; tests compare the migrated database with the declared one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_DISPOSITIONS = (
    "answered_human answered_machine abandoned agent_no_answer busy no_answer rejected "
    "congestion invalid_number failed canceled unresolved"
)
_CALLBACK_STATES = "SCHEDULED DIALING DONE EXHAUSTED EXPIRED CANCELED BLOCKED"
_LEG_STATES = "RESERVED SENDING ACCEPTED RINGING ANSWERED ENDED RELEASED NOT_PLACED UNRESOLVED"


def _among(column: str, words: str) -> str:
    listed = ", ".join(f"'{word}'" for word in words.split())
    return f"{column} IN ({listed})"


def upgrade() -> None:
    _people()
    _callbacks()
    _attempts()
    _legs()
    _journal()


def _people() -> None:
    op.create_table(
        "contact",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), nullable=True),
        sa.Column("country", sa.String(), nullable=True),
        sa.Column("subdivision", sa.String(), nullable=True),
        sa.Column("language", sa.String(), nullable=True),
        sa.Column("industry", sa.String(), nullable=True),
        sa.Column("segment", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="contact_pk"),
    )
    op.create_table(
        "contact_number",
        sa.Column("contact_id", _ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("e164", sa.String(), nullable=False),
        sa.Column("invalid_since", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="contact_number_contact_id_fk"
        ),
        sa.PrimaryKeyConstraint("contact_id", "position", name="contact_number_pk"),
    )
    op.create_index(
        "contact_first_number",
        "contact_number",
        ["e164"],
        unique=False,
        sqlite_where=sa.text("position = 0"),
        postgresql_where=sa.text("position = 0"),
    )
    op.create_table(
        "do_not_call",
        sa.Column("number", _ID, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="do_not_call_pk"),
    )
    op.create_table(
        "guard",
        sa.Column("key", _ID, nullable=False),
        sa.Column("recent", sa.Text(), nullable=False),
        sa.Column("next_allowed_at", sa.BigInteger(), nullable=True),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("n_day", sa.Integer(), nullable=False),
        sa.Column("cap_day", sa.Integer(), nullable=False),
        sa.Column("n_week", sa.Integer(), nullable=False),
        sa.Column("cap_week", sa.Integer(), nullable=False),
        sa.Column("min_gap", sa.Float(), nullable=False),
        sa.CheckConstraint("n_day <= cap_day", name=op.f("guard_day_cap")),
        sa.CheckConstraint("n_week <= cap_week", name=op.f("guard_week_cap")),
        sa.PrimaryKeyConstraint("key", name="guard_pk"),
    )


def _callbacks() -> None:
    op.create_table(
        "callback",
        sa.Column("id", _ID, nullable=False),
        sa.Column("contact_id", _ID, nullable=False),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("state_reason", sa.String(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("plan", sa.Text(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("preferred", sa.Text(), nullable=False),
        sa.Column("worth", sa.Float(), nullable=False),
        sa.Column("cohort", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("answered_late", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("cohort IN ('model', 'control')", name=op.f("callback_cohort_known")),
        sa.CheckConstraint(
            _among("outcome", _DISPOSITIONS),
            name=op.f("callback_outcome_known"),
        ),
        sa.CheckConstraint(
            "state <> 'SCHEDULED' OR due_at IS NOT NULL", name=op.f("callback_scheduled_has_time")
        ),
        sa.CheckConstraint(
            _among("state", _CALLBACK_STATES),
            name=op.f("callback_state_known"),
        ),
        sa.CheckConstraint("version > 0", name=op.f("callback_version_counts")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name="callback_contact_id_fk"),
        sa.PrimaryKeyConstraint("id", name="callback_pk"),
        sa.UniqueConstraint("idempotency_key", name="callback_idempotency_key"),
    )
    op.create_index(
        "callback_due",
        "callback",
        ["queue", "due_at", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'SCHEDULED'"),
        postgresql_where=sa.text("state = 'SCHEDULED'"),
    )


def _attempts() -> None:
    op.create_table(
        "attempt",
        sa.Column("id", _ID, nullable=False),
        sa.Column("callback_id", _ID, nullable=False),
        sa.Column("contact_id", _ID, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("reserved_at", sa.BigInteger(), nullable=False),
        sa.Column("min_gap", sa.Float(), nullable=False),
        sa.Column("placed_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("disposition", sa.String(), nullable=True),
        sa.Column("talk_seconds", sa.Float(), nullable=False),
        sa.CheckConstraint(
            _among("disposition", _DISPOSITIONS),
            name=op.f("attempt_disposition_known"),
        ),
        sa.CheckConstraint("n > 0", name=op.f("attempt_n_counts")),
        sa.ForeignKeyConstraint(["callback_id"], ["callback.id"], name="attempt_callback_id_fk"),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name="attempt_contact_id_fk"),
        sa.PrimaryKeyConstraint("id", name="attempt_pk"),
        sa.UniqueConstraint("callback_id", "n", name="attempt_number_in_callback"),
    )
    op.create_index(
        "attempt_open_callback",
        "attempt",
        ["callback_id"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "attempt_open_contact",
        "attempt",
        ["contact_id"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "attempt_open_number",
        "attempt",
        ["number"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )


def _legs() -> None:
    op.create_table(
        "leg",
        sa.Column("id", _ID, nullable=False),
        sa.Column("attempt_id", _ID, nullable=False),
        sa.Column("callback_id", _ID, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("reserved_at", sa.BigInteger(), nullable=False),
        sa.Column("resolve_by", sa.BigInteger(), nullable=False),
        sa.Column("boot_epoch", sa.String(), nullable=False),
        sa.Column("sending_at", sa.BigInteger(), nullable=True),
        sa.Column("ringing_at", sa.BigInteger(), nullable=True),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("connected_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("disposition", sa.String(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("sends", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "(state IN ('RESERVED', 'RELEASED')) = (sending_at IS NULL)",
            name=op.f("leg_written_ahead"),
        ),
        sa.CheckConstraint(
            _among("disposition", _DISPOSITIONS),
            name=op.f("leg_disposition_known"),
        ),
        sa.CheckConstraint("role IN ('customer', 'agent')", name=op.f("leg_role_known")),
        sa.CheckConstraint(
            _among("state", _LEG_STATES),
            name=op.f("leg_state_known"),
        ),
        sa.CheckConstraint("length(id) = 32", name=op.f("leg_id_length")),
        sa.CheckConstraint("sends <= 1", name=op.f("leg_sent_once")),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name="leg_attempt_id_fk"),
        sa.ForeignKeyConstraint(["callback_id"], ["callback.id"], name="leg_callback_id_fk"),
        sa.PrimaryKeyConstraint("id", name="leg_pk"),
    )
    op.create_index("leg_attempt", "leg", ["attempt_id"], unique=False)


def _journal() -> None:
    op.create_table(
        "step",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("callback_id", _ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.String(), nullable=True),
        sa.Column("leg_id", sa.String(), nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["callback_id"], ["callback.id"], name="step_callback_id_fk"),
        sa.PrimaryKeyConstraint("id", name="step_pk"),
        sqlite_autoincrement=True,
    )
    op.create_index("step_callback", "step", ["callback_id", "id"], unique=False)
