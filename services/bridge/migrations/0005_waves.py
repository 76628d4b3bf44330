"""Programs in waves: how they admit, who waits, their own facts; and who may stop the line."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UP = (
    "alter table program add column waves text, add column waves_digest text, "
    "add column picture text, add column picture_sequence bigint not null default 0, "
    "add column sent_moved text",
    "alter table rollout drop constraint rollout_status_check",
    "alter table rollout add constraint rollout_status_check "
    "check (status in ('waiting', 'starting', 'running', 'stopped', 'left'))",
    "alter table rollout add column wave_number integer, add column seat integer, "
    "add column demand bigint[] not null default '{}', "
    "add column fact_at timestamptz, add column unmet_since timestamptz",
    "create index rollout_starting on rollout (program_id) where status = 'starting'",
    """create table program_fact (
        program_id text not null,
        fact_sequence bigint not null,
        kind text not null,
        occurred_at timestamptz not null,
        digest text not null,
        document bytea not null,
        recorded_at timestamptz not null default now(),
        primary key (program_id, fact_sequence)
    )""",
    """create table actor (
        actor_id text not null,
        role text not null,
        scope_kind text not null,
        scope_id text not null,
        roster_version bigint not null,
        active boolean not null,
        stand_in boolean not null,
        primary key (actor_id, role, scope_kind, scope_id)
    )""",
)


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop table actor")
    op.execute("drop table program_fact")
    op.execute("drop index rollout_starting")
    op.execute(
        "alter table rollout drop column wave_number, drop column seat, drop column demand, drop column fact_at, "
        "drop column unmet_since"
    )
    op.execute("update rollout set status = 'stopped' where status in ('waiting', 'left')")
    op.execute("alter table rollout drop constraint rollout_status_check")
    op.execute(
        "alter table rollout add constraint rollout_status_check check (status in ('starting', 'running', 'stopped'))"
    )
    op.execute(
        "alter table program drop column waves, drop column waves_digest, drop column picture, "
        "drop column picture_sequence, drop column sent_moved"
    )
