"""The room's first tables."""

from alembic import op

from services.readings.tables import create_readings_tables, drop_readings_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_readings_tables(op)
    # A device has no payload: what counts of it is eight columns, so that tens of thousands a second fit.
    op.execute("""
create table device (
    school_no bigint not null,
    entity_ref text collate "C" not null,
    revision bigint not null,
    retracted boolean not null,
    enrolled boolean not null,
    last_seen_on date not null,
    observed_at timestamptz not null,
    origin smallint not null,
    simulated boolean not null,
    primary key (school_no, entity_ref)
) with (fillfactor = 80)""")


def downgrade() -> None:
    op.execute("drop table device")
    drop_readings_tables(op)
