"""An index for callbacks whose deadline passed while there was no room to call them.

Without it each look read every scheduled callback, a million of them if need be.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("callback_deadline", "callback", ["state", "deadline"])
