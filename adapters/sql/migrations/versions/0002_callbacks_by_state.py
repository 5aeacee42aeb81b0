"""An index for lists and counts by state.

Without it a page of the few dialing callbacks among a million read all of them.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("callback_state", "callback", ["state", "id"])
