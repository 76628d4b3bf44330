"""The last sequence told of each school's accountable leaders, so that it only rises."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute('create table leader_told (school_id text collate "C" primary key, sequence bigint not null)')


def downgrade() -> None:
    op.execute("drop table leader_told")
