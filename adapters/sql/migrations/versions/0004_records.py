"""What the service keeps beside callbacks, and the indexes its lists need."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ID = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_OPEN = sa.text("state IN ('SCHEDULED', 'DIALING')")
_WAITING = sa.text("next_at IS NOT NULL")


def upgrade() -> None:
    op.add_column(
        "callback", sa.Column("legal_basis", sa.String(), server_default="", nullable=False)
    )
    op.add_column(
        "callback", sa.Column("requested_day", sa.Integer(), server_default="0", nullable=False)
    )
    op.execute("UPDATE callback SET requested_day = requested_at / 86400000000")
    op.create_index("callback_queue", "callback", ["queue", "state", "id"])
    op.create_index("callback_contact", "callback", ["contact_id", "id"])
    op.create_index("callback_day", "callback", ["requested_day", "id"])
    op.create_index(
        "callback_open", "callback", ["contact_id"], sqlite_where=_OPEN, postgresql_where=_OPEN
    )
    op.create_index("contact_number_e164", "contact_number", ["e164"])
    _who_may_and_what_not()
    _what_was_asked()
    _who_is_told()


def _who_may_and_what_not() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("scope IN ('read', 'write', 'admin')", name=op.f("api_key_scope_known")),
        sa.PrimaryKeyConstraint("id", name="api_key_pk"),
    )
    op.create_table(
        "hold",
        sa.Column("target", _ID, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "target = 'all' OR target LIKE 'queue:_%'", name=op.f("hold_target_known")
        ),
        sa.PrimaryKeyConstraint("target", name="hold_pk"),
    )


def _what_was_asked() -> None:
    op.create_table(
        "merged_key",
        sa.Column("key", _ID, nullable=False),
        sa.Column("callback_id", _ID, nullable=False),
        sa.ForeignKeyConstraint(["callback_id"], ["callback.id"], name="merged_key_callback_id_fk"),
        sa.PrimaryKeyConstraint("key", name="merged_key_pk"),
    )
    op.create_table(
        "remembered",
        sa.Column("key", _ID, nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="remembered_pk"),
    )
    op.create_index("remembered_at", "remembered", ["at"])
    op.create_table(
        "interaction",
        sa.Column("id", _ID, nullable=False),
        sa.Column("source", _ID, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.String(), nullable=True),
        sa.Column("contact_id", _ID, nullable=True),
        sa.Column("answered", sa.Boolean(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('inbound_call', 'missed_call', 'reached_elsewhere', 'web_visit', "
            "'mail_opened', 'mail_clicked')",
            name=op.f("interaction_kind_known"),
        ),
        sa.PrimaryKeyConstraint("id", "source", name="interaction_pk"),
    )
    op.create_index("interaction_contact", "interaction", ["contact_id", "at"])
    op.create_index("interaction_number", "interaction", ["number", "at"])


def _who_is_told() -> None:
    op.create_table(
        "webhook",
        sa.Column("id", _ID, nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("disabled", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="webhook_pk"),
    )
    op.create_table(
        "delivery",
        sa.Column("id", _ID, nullable=False),
        sa.Column("webhook_id", _ID, nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhook.id"], name="delivery_webhook_id_fk"),
        sa.PrimaryKeyConstraint("id", name="delivery_pk"),
    )
    op.create_index("delivery_webhook", "delivery", ["webhook_id", "id"])
    op.create_index(
        "delivery_due",
        "delivery",
        ["next_at", "id"],
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )
