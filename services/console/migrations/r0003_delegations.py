"""The copy of the roster learns delegations: for whom, from and until when."""

from alembic import op

revision = "console_0003"
down_revision = "console_0002"
branch_labels = None
depends_on = None

UP = (
    "alter table actor add column acting_for text not null default ''",
    "alter table actor add column begins_at timestamptz",
    "alter table actor add column ends_at timestamptz",
    "alter table actor drop constraint actor_pkey",
    "alter table actor add primary key (actor_id, role, scope_kind, scope_id, acting_for)",
)
DOWN = (
    "delete from actor where acting_for <> ''",
    "alter table actor drop constraint actor_pkey",
    "alter table actor add primary key (actor_id, role, scope_kind, scope_id)",
    "alter table actor drop column ends_at",
    "alter table actor drop column begins_at",
    "alter table actor drop column acting_for",
)


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWN:
        op.execute(statement)
