"""The four tables every room has in its own schema: fence, outbox, dead_letter, parked.

A room's first Alembic revision calls `create_kit_tables(op)`. A change to these tables is a new function
here, called by a new revision of each room; this one is never edited once released.
"""

from typing import Protocol

COUNTS = ("applied", "superseded", "duplicate", "dead", "parked", "ignored")

# fence_conserves is invariant I3 as the database's own law: no transaction can commit a breach of it.
_FENCE = """
create table fence (
    consumer_group text not null,
    topic text not null,
    topic_id text not null,
    partition integer not null,
    first_offset bigint not null,
    next_offset bigint not null,
    applied bigint not null default 0,
    superseded bigint not null default 0,
    duplicate bigint not null default 0,
    dead bigint not null default 0,
    parked bigint not null default 0,
    ignored bigint not null default 0,
    record_at timestamptz,
    updated_at timestamptz not null default now(),
    retired boolean not null default false,
    primary key (consumer_group, topic, topic_id, partition),
    constraint fence_conserves check (
        next_offset - first_offset = applied + superseded + duplicate + dead + parked + ignored),
    constraint fence_counts_natural check (
        least(first_offset, applied, superseded, duplicate, dead, parked, ignored) >= 0)
)"""

_OUTBOX = """
create table outbox (
    id bigint generated always as identity primary key,
    topic text not null,
    key bytea,
    value bytea not null,
    ce_id text not null,
    ce_type text not null,
    ce_source text not null,
    ce_time timestamptz not null,
    created_at timestamptz not null default now()
)"""

_RECORD_COLUMNS = """
    id bigint generated always as identity primary key,
    consumer_group text not null,
    topic text not null,
    topic_id text not null,
    partition integer not null,
    record_offset bigint not null,
    record_at timestamptz not null,
    key bytea,
    value bytea,
    headers bytea not null"""

_DEAD_LETTER = f"""
create table dead_letter ({_RECORD_COLUMNS},
    reason text not null,
    error_type text not null,
    error_message text not null,
    attempt integer not null default 1,
    app_version text not null,
    created_at timestamptz not null default now(),
    replayed_at timestamptz,
    unique (consumer_group, topic, topic_id, partition, record_offset)
)"""

_PARKED = f"""
create table parked ({_RECORD_COLUMNS},
    missing text not null,
    created_at timestamptz not null default now(),
    unique (consumer_group, topic, topic_id, partition, record_offset)
)"""


class Operations(Protocol):
    """What is needed of `alembic.op`."""

    def execute(self, sqltext: str) -> object:
        """Runs one statement in the revision's transaction."""


def create_kit_tables(op: Operations) -> None:
    """Creates the kit's tables in the schema of the search path. Called once, by a room's first revision."""
    for statement in (_FENCE, _OUTBOX, _DEAD_LETTER, _PARKED, "create index parked_missing on parked (missing)"):
        op.execute(statement)


def drop_kit_tables(op: Operations) -> None:
    """Drops them again, for a revision's downgrade."""
    for table in ("parked", "dead_letter", "outbox", "fence"):
        op.execute(f"drop table {table}")
