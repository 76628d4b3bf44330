"""Windows declared for a whole state: a district whose calendar comes later has them too."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """create table statewide_window (
            state text not null,
            name text not null,
            entry text not null,
            recorded_at timestamptz not null,
            primary key (state, name)
        )"""
    )


def downgrade() -> None:
    op.execute("drop table statewide_window")
