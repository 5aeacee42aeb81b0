"""An index for callbacks whose deadline passed while there was no room to call them.

Without it each look read every scheduled callback, a million of them if need be.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    scheduled = sa.text("state = 'SCHEDULED'")
    op.create_index(
        "callback_deadline",
        "callback",
        ["deadline"],
        sqlite_where=scheduled,
        postgresql_where=scheduled,
    )
