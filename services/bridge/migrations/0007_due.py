"""Until when what moves no verdict waits for company; null, as before: not at all."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table rollout add column due_at timestamptz")


def downgrade() -> None:
    op.execute("alter table rollout drop column due_at")
