"""The bridge's own tables."""

from alembic import op

from services.kit.tables import create_kit_tables, drop_kit_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

COPIES = """
create table school (
    school_id text primary key,
    district_id text not null,
    status text not null,
    version bigint not null,
    document text not null
);
create index school_district on school (district_id);
create table calendar (
    digest text primary key,
    rehearsal boolean not null,
    document text not null
);
create table calendar_pointer (
    district_id text primary key,
    version bigint not null,
    calendar_digest text not null
);
create table policy (
    digest text primary key,
    name text not null,
    version integer not null,
    document text not null
)"""

ROLLOUTS = """
create table program (
    program_id text primary key,
    policy_digest text not null,
    rehearsal boolean not null,
    release_id text,
    created_at timestamptz not null default now(),
    stopped_at timestamptz
);
create table rollout (
    program_id text not null references program,
    school_id text not null,
    district_id text not null,
    profile text not null,
    status text not null default 'starting' check (status in ('starting', 'running', 'stopped')),
    fact_sequence bigint not null default 0,
    phase text,
    outcome text,
    asked text,
    sent_context_version bigint not null default 0,
    sent_calendar_digest text,
    dirty_version bigint not null default 0,
    acked_version bigint not null default 0,
    dirty_at timestamptz,
    urgent boolean not null default false,
    retry_at timestamptz,
    arrived_at timestamptz,
    primary key (program_id, school_id)
);
create index rollout_school on rollout (school_id);
create index rollout_dirty on rollout (urgent, dirty_at) where status = 'running' and dirty_version > acked_version;
create table watch (
    program_id text not null,
    school_id text not null,
    signal text not null,
    scope_kind text not null,
    scope_id text not null,
    refresh_days double precision not null,
    sequence bigint not null default 0,
    reading text,
    worst double precision,
    worst_missing boolean not null default false,
    dirty boolean not null default false,
    sent_sequence bigint not null default 0,
    sent text,
    primary key (program_id, school_id, signal),
    foreign key (program_id, school_id) references rollout
);
create index watch_scope on watch (scope_kind, scope_id, signal)"""

EVIDENCE = """
create table reading (
    scope_kind text not null,
    scope_id text not null,
    signal text not null,
    sequence bigint not null,
    document text not null,
    primary key (scope_kind, scope_id, signal)
);
create table fact (
    program_id text not null,
    school_id text not null,
    fact_sequence bigint not null,
    kind text not null,
    occurred_at timestamptz not null,
    digest text not null,
    document bytea not null,
    recorded_at timestamptz not null default now(),
    primary key (program_id, school_id, fact_sequence)
)"""

TABLES = ("fact", "reading", "watch", "rollout", "program", "policy", "calendar_pointer", "calendar", "school")


def upgrade() -> None:
    create_kit_tables(op)
    for script in (COPIES, ROLLOUTS, EVIDENCE):
        for statement in script.split(";\n"):
            op.execute(statement)


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"drop table {table}")
    drop_kit_tables(op)
