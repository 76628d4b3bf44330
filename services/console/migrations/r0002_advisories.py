"""The console's advisories: published from here, and read back from their topic after a restore."""

from alembic import op

revision = "console_0002"
down_revision = "console_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """create table advisory (
            advisory_id text primary key,
            version bigint not null,
            withdrawn boolean not null,
            body bytea not null
        )"""
    )


def downgrade() -> None:
    op.execute("drop table advisory")
