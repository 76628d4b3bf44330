"""Each rollout names the policy it has, since a program's schools take another one school by school."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table rollout add column policy_digest text")
    op.execute(
        """update rollout set policy_digest = program.policy_digest from program
        where program.program_id = rollout.program_id and rollout.status <> 'starting'"""
    )


def downgrade() -> None:
    op.execute("alter table rollout drop column policy_digest")
