"""From which gate on a change of a signal is a reason to speak to the school; 0, as before, from the first."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table watch add column first_gate smallint not null default 0")


def downgrade() -> None:
    op.execute("alter table watch drop column first_gate")
