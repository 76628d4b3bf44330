"""What each school's plan says, by field."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table school add column plan jsonb not null default '{}'")


def downgrade() -> None:
    op.execute("alter table school drop column plan")
