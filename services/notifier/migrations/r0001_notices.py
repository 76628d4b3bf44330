"""The notifier's tables: copies of schools and roles, restricted contacts, notices, and every try to deliver one."""

from alembic import op

from services.kit.tables import create_kit_tables, drop_kit_tables

revision = "notifier_0001"
down_revision = None
branch_labels = None
depends_on = None

SCHOOL = """
create table school (
    school_id text primary key,
    version bigint not null,
    district_id text not null,
    state text not null,
    name text not null,
    district_name text not null
)"""

HOLDER = """
create table holder (
    actor_id text not null,
    role text not null,
    scope_kind text not null,
    scope_id text not null,
    version bigint not null,
    active boolean not null,
    primary key (actor_id, role, scope_kind, scope_id)
)"""

# Restricted: an address says who somebody is. It never leaves this table but on its way to the receiver.
CONTACT = """
create table contact (
    actor_id text not null,
    channel text not null,
    kind text not null check (kind in ('apprise', 'pagerduty')),
    address text not null,
    time_zone text not null,
    quiet_from time,
    quiet_until time,
    recorded_at timestamptz not null,
    primary key (actor_id, channel)
)"""

NOTICE = """
create table notice (
    notice_id bigint generated always as identity primary key,
    program_id text not null,
    school_id text not null,
    fact_sequence bigint not null,
    kind text not null,
    role text not null,
    actor_id text not null,
    channel text not null,
    action text not null check (action in ('tell', 'acknowledge', 'resolve')),
    subject text not null,
    gate text not null,
    criterion_ids text[] not null,
    urgent boolean not null,
    simulated boolean not null,
    due_at timestamptz,
    occurred_at timestamptz not null,
    created_at timestamptz not null,
    not_before timestamptz not null,
    state text not null check (state in ('waiting', 'sending', 'delivered', 'given-up', 'no-holder', 'no-contact',
        'too-old')),
    attempts integer not null default 0,
    settled_at timestamptz,
    unique (program_id, school_id, fact_sequence, role, actor_id, channel, action)
)"""

DELIVERY = """
create table delivery (
    delivery_id bigint generated always as identity primary key,
    actor_id text not null,
    channel text not null,
    action text not null,
    notice_ids bigint[] not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    outcome text not null check (outcome in ('under-way', 'delivered', 'failed', 'unknown')),
    error text
)"""

INDEXES = (
    "create index notice_waiting on notice (not_before) where state = 'waiting'",
    "create index notice_subject on notice (subject)",
    "create index holder_scope on holder (role, scope_id) where active",
)
TABLES = ("school", "holder", "contact", "notice", "delivery")


def upgrade() -> None:
    create_kit_tables(op)
    for statement in (SCHOOL, HOLDER, CONTACT, NOTICE, DELIVERY, *INDEXES):
        op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.execute(f"drop table {table}")
    drop_kit_tables(op)
