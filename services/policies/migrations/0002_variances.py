"""Variances: who asked to loosen which line for whom, and what was answered."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """create table variance (
            variance_id text primary key,
            policy_name text not null,
            scope_kind text not null,
            scope_id text not null,
            content bytea not null
        )"""
    )


def downgrade() -> None:
    op.execute("drop table variance")
