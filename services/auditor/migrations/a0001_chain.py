"""The audit's chains. An entry is never changed: the database itself refuses, whoever asks without owning the table."""

from alembic import op

from services.kit.tables import create_kit_tables, drop_kit_tables

revision = "auditor_0001"
down_revision = None
branch_labels = None
depends_on = None

ENTRY = """
create table entry (
    chain text not null,
    number bigint not null check (number >= 1),
    kind text not null,
    key text not null unique,
    digest text not null,
    occurred_at timestamptz not null,
    previous text not null,
    hash text not null,
    recorded_at timestamptz not null,
    primary key (chain, number)
)"""

# Which district's chain a school's next fact goes to.
ROLLOUT = """
create table rollout (
    program_id text not null,
    school_id text not null,
    district_id text not null,
    primary key (program_id, school_id)
)"""

REFUSE = """
create function refuse_change() returns trigger language plpgsql as $body$
begin
    raise exception 'audit entries are only ever added: % refused', tg_op;
end
$body$"""

GUARD = """
create trigger only_added before update or delete or truncate on entry
for each statement execute function refuse_change()"""


def upgrade() -> None:
    create_kit_tables(op)
    for statement in (ENTRY, ROLLOUT, REFUSE, GUARD):
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop table rollout")
    op.execute("drop table entry")
    op.execute("drop function refuse_change()")
    drop_kit_tables(op)
