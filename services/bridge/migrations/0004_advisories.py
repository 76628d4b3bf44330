"""Advisories by id, and which of them each rollout was told of."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """create table advisory (
            advisory_id text primary key,
            version bigint not null,
            scope_kind text not null,
            scope_id text not null,
            withdrawn boolean not null,
            expires_at timestamptz,
            document text not null
        )"""
    )
    op.execute("alter table rollout add column wave text")
    op.execute("alter table rollout add column advisories_version bigint not null default 0")
    op.execute("alter table rollout add column sent_advisories_version bigint not null default 0")


def downgrade() -> None:
    for column in ("sent_advisories_version", "advisories_version", "wave"):
        op.execute(f"alter table rollout drop column {column}")
    op.execute("drop table advisory")
