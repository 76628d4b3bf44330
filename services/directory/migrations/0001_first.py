"""The directory's first tables."""

from alembic import op

from services.kit.tables import create_kit_tables, drop_kit_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    """create table district (
        district_id uuid primary key,
        nces_id text not null,
        state text not null,
        display_name text not null,
        status text not null,
        listed boolean not null,
        state_district_id text,
        version integer not null,
        recorded_at timestamptz not null
    )""",
    """create table school (
        school_id uuid primary key,
        nces_id text not null,
        district_id uuid not null references district,
        state text not null,
        display_name text not null,
        status text not null,
        level text not null,
        students integer,
        teachers double precision,
        state_school_id text,
        version integer not null,
        recorded_at timestamptz not null
    )""",
    "create index district_nces on district (nces_id)",
    "create index school_nces on school (nces_id)",
    "create index school_district on school (district_id)",
    "create index school_state on school (state)",
    """create table alias (
        id bigint generated always as identity primary key,
        kind text not null check (kind in ('school', 'district')),
        entity_id uuid not null,
        id_system text not null,
        identifier text not null,
        valid_from date not null,
        valid_until date
    )""",
    "create unique index alias_nces_current on alias (kind, identifier) where id_system = 'nces' and valid_until is null",
    "create index alias_identifier on alias (identifier)",
    "create index alias_entity on alias (entity_id)",
    """create table import_log (
        id bigint generated always as identity primary key,
        source text not null,
        file_hash text not null,
        kind text not null,
        rows_count integer not null,
        faults_count integer not null,
        changed_count integer not null,
        imported_at timestamptz not null
    )""",
    "create index import_log_hash on import_log (file_hash)",
    """create table calendar (
        digest text primary key,
        district_id uuid not null references district,
        version integer not null,
        document bytea not null,
        recorded_at timestamptz not null,
        unique (district_id, version)
    )""",
    """create table calendar_pointer (
        district_id uuid primary key references district,
        version integer not null,
        calendar_digest text not null references calendar,
        chosen_at timestamptz not null
    )""",
    """create table roster_actor (
        actor_id text not null,
        role text not null,
        scope_kind text not null,
        scope_id text not null,
        roster_version integer not null,
        granted boolean not null,
        active boolean not null,
        stand_in boolean not null,
        valid_from date,
        valid_until date,
        recorded_at timestamptz not null,
        primary key (actor_id, role, scope_kind, scope_id)
    )""",
    "create index roster_scope on roster_actor (scope_kind, scope_id)",
)


def upgrade() -> None:
    create_kit_tables(op)
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    for table in ("roster_actor", "calendar_pointer", "calendar", "import_log", "alias", "school", "district"):
        op.execute(f"drop table {table}")
    drop_kit_tables(op)
