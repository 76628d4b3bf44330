"""A salt beside each note, so that its digest can be told to the audit and nobody finds a short text by trying.

Null: not told yet. The room's preparation tells those.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table note add column salt text")


def downgrade() -> None:
    op.execute("alter table note drop column salt")
