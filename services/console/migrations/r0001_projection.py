"""The projection's tables: facts as they came, the picture they add up to, and copies of what other rooms publish."""

from alembic import op

from services.kit.tables import create_kit_tables, drop_kit_tables

revision = "console_0001"
down_revision = None
branch_labels = None
depends_on = None

FACT = """
create table fact (
    program_id text not null,
    school_id text not null,
    fact_sequence bigint not null,
    kind text not null,
    phase text not null,
    occurred_at timestamptz not null,
    digest text not null,
    body bytea not null,
    received_at timestamptz not null,
    primary key (program_id, school_id, fact_sequence)
)"""

PICTURE = """
create table picture (
    program_id text not null,
    school_id text not null,
    fact_sequence bigint not null,
    district_id text,
    phase text not null,
    attempt integer not null,
    outcome text,
    asked text,
    asked_at timestamptz,
    answer_by timestamptz,
    phase_opened_at timestamptz,
    stopped text,
    rehearsal boolean not null,
    simulated boolean not null,
    questioned boolean not null,
    policy_digest text,
    profile text,
    decision_sequence bigint,
    last_fact_at timestamptz not null,
    body jsonb not null,
    verdict jsonb,
    mismatch_count integer not null default 0,
    primary key (program_id, school_id)
)"""

READING = """
create table reading (
    scope_kind text not null,
    scope_id text not null,
    signal text not null,
    version bigint not null,
    observed_at timestamptz,
    body bytea not null,
    primary key (scope_kind, scope_id, signal)
)"""

SCHOOL = """
create table school (
    school_id text primary key,
    version bigint not null,
    district_id text not null,
    name text not null,
    district_name text not null,
    status text not null,
    body bytea not null
)"""

ACTOR = """
create table actor (
    actor_id text not null,
    role text not null,
    scope_kind text not null,
    scope_id text not null,
    version bigint not null,
    active boolean not null,
    stand_in boolean not null,
    primary key (actor_id, role, scope_kind, scope_id)
)"""

DOCUMENT = """
create table document (
    digest text primary key,
    kind text not null,
    version bigint not null,
    body bytea not null
)"""

POINTER = """
create table calendar_pointer (
    district_id text primary key,
    version bigint not null,
    calendar_digest text not null
)"""

# Rollouts under way with the names of their places: what lists and the exporter read.
ROLLOUT = """
create view rollout as
select p.*, coalesce(s.district_name, p.district_id, 'unknown') as district, coalesce(s.name, p.school_id) as school
from picture p left join school s using (school_id) where p.stopped is null"""

INDEXES = (
    "create index fact_kind on fact (program_id, school_id, kind, fact_sequence)",
    "create index picture_district on picture (program_id, district_id)",
    "create index school_name on school (lower(name) text_pattern_ops)",
    "create index school_district on school (district_id)",
)
TABLES = ("fact", "picture", "reading", "school", "actor", "document", "calendar_pointer")


def upgrade() -> None:
    create_kit_tables(op)
    for statement in (FACT, PICTURE, READING, SCHOOL, ACTOR, DOCUMENT, POINTER, ROLLOUT, *INDEXES):
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop view rollout")
    for table in reversed(TABLES):
        op.execute(f"drop table {table}")
    drop_kit_tables(op)
