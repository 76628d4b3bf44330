"""The tables every domain room has beside the kit's: what it knows of the directory, its things, scopes, emissions.

A room's first Alembic revision calls `create_readings_tables(op)`, which makes the kit's tables too: one call.
A change to these tables is a new function here, called by a new revision of each room.
"""

from services.kit.tables import Operations, create_kit_tables, drop_kit_tables

# Texts sort by byte, so that the order of a subject's events is the same on every server.
_REGISTER = (
    """
create table known_school (
    school_id text collate "C" primary key,
    school_no bigint not null unique,
    district_id text collate "C" not null,
    version bigint not null,
    payload bytea not null
)""",
    "create index known_school_district on known_school (district_id)",
    """
create table known_calendar (
    digest text collate "C" primary key,
    payload bytea not null
)""",
    """
create table calendar_pointer (
    district_id text collate "C" primary key,
    version bigint not null,
    digest text collate "C" not null,
    payload bytea not null
)""",
    "create index calendar_pointer_digest on calendar_pointer (digest)",
    """
create table district_day (
    district_id text collate "C" primary key,
    began_at timestamptz not null
)""",
)

_THINGS = (
    """
create table entity (
    scope_id text collate "C" not null,
    ce_type text collate "C" not null,
    entity_ref text collate "C" not null,
    revision bigint not null,
    retracted boolean not null,
    observed_at timestamptz not null,
    payload bytea not null,
    primary key (scope_id, ce_type, entity_ref)
)""",
    "create sequence scope_version",
    # Marked: something changed at `version`. Dirty while computed_version is behind it.
    """
create table scope (
    kind text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    computed_version bigint not null default 0,
    computed_at timestamptz not null default '-infinity',
    retry_at timestamptz not null default '-infinity',
    primary key (kind, id)
) with (fillfactor = 70)""",
    "create index scope_dirty on scope (computed_at) where version > computed_version",
    """
create table reading_state (
    kind text collate "C" not null,
    scope_id text collate "C" not null,
    signal text collate "C" not null,
    sequence bigint not null,
    emitted_at timestamptz not null,
    observed_at timestamptz,
    content text not null,
    primary key (kind, scope_id, signal)
) with (fillfactor = 70)""",
)

_NAMES = ("reading_state", "scope", "entity", "district_day", "calendar_pointer", "known_calendar", "known_school")


def create_readings_tables(op: Operations) -> None:
    """Creates the kit's tables and those of a domain room in the schema of the search path. Called once a room."""
    create_kit_tables(op)
    for statement in _REGISTER + _THINGS:
        op.execute(statement)


def drop_readings_tables(op: Operations) -> None:
    """Drops them again, the kit's included, for a revision's downgrade."""
    for table in _NAMES:
        op.execute(f"drop table {table}")
    op.execute("drop sequence scope_version")
    drop_kit_tables(op)
