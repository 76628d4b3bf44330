"""Incidents: one row each, whole, as last published."""

from alembic import op

revision = "console_0004"
down_revision = "console_0003"
branch_labels = None
depends_on = None

INCIDENT = """
create table incident (
    incident_id text primary key,
    program_id text not null,
    revision bigint not null,
    closed boolean not null,
    declared boolean not null,
    body jsonb not null
)"""


def upgrade() -> None:
    op.execute(INCIDENT)


def downgrade() -> None:
    op.execute("drop table incident")
