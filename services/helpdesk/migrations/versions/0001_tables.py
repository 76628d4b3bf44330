"""The room's first tables: the kit's and those of a domain room; it has none of its own."""

from alembic import op

from services.readings.tables import create_readings_tables, drop_readings_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_readings_tables(op)


def downgrade() -> None:
    drop_readings_tables(op)
