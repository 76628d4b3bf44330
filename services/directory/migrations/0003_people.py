"""Delegations beside roles; and the restricted tables: who an actor is, and what notes say.

`person` and `note` have no topic, and nobody but their owner may read them: names, addresses and free text about
people stay here.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STATEMENTS = (
    "alter table roster_actor add column acting_for text not null default ''",
    "alter table roster_actor drop constraint roster_actor_pkey",
    "alter table roster_actor add primary key (actor_id, role, scope_kind, scope_id, acting_for)",
    """create table person (
        actor_id text primary key,
        source text not null,
        sourced_id text not null,
        given_name text not null,
        family_name text not null,
        email text not null,
        recorded_at timestamptz not null,
        unique (source, sourced_id)
    )""",
    """create table note (
        note_id text primary key,
        body text not null,
        written_at timestamptz not null
    )""",
    "revoke all on person, note from public",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop table note")
    op.execute("drop table person")
    op.execute("delete from roster_actor where acting_for <> ''")
    op.execute("alter table roster_actor drop constraint roster_actor_pkey")
    op.execute("alter table roster_actor drop column acting_for")
    op.execute("alter table roster_actor add primary key (actor_id, role, scope_kind, scope_id)")
