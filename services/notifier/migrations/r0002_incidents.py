"""Notices of incidents: of no school, told once when one opens and once when it closes; and which programs rehearse."""

from alembic import op

revision = "notifier_0002"
down_revision = "notifier_0001"
branch_labels = None
depends_on = None

# The constraint has no name of ours, and PostgreSQL's own is cut off.
DROP = """
do $body$ begin
    execute (select format('alter table notice drop constraint %I', conname) from pg_constraint
        where conrelid = 'notice'::regclass and contype = 'u');
end $body$"""
OLD = "program_id, school_id, fact_sequence, role, actor_id, channel, action"
PROGRAM = "create table program (program_id text primary key, rehearsal boolean not null)"


def upgrade() -> None:
    op.execute(DROP)
    op.execute(f"alter table notice add constraint notice_once unique ({OLD}, kind, subject)")
    op.execute(PROGRAM)


def downgrade() -> None:
    op.execute("drop table program")
    op.execute("delete from notice where school_id = ''")
    op.execute("alter table notice drop constraint notice_once")
    op.execute(f"alter table notice add unique ({OLD})")
