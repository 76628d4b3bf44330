"""The policies' first tables."""

from alembic import op

from services.kit.tables import create_kit_tables, drop_kit_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_kit_tables(op)
    op.execute(
        """create table document (
            digest text primary key,
            name text not null,
            version integer not null,
            title text not null,
            content bytea not null,
            stored_at timestamptz not null,
            unique (name, version)
        )"""
    )


def downgrade() -> None:
    op.execute("drop table document")
    drop_kit_tables(op)
