"""When a newer observation of an unchanged value must be sent, lest the school takes the old one for stale."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table watch add column resend_at timestamptz")
    op.execute("create index watch_resend on watch (resend_at) where resend_at is not null")


def downgrade() -> None:
    op.execute("alter table watch drop column resend_at")
