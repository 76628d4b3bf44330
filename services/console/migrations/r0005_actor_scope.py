"""Who may act at a school is asked by its scopes: of a state's ten thousand roles, the few there are found at once."""

from alembic import op

revision = "console_0005"
down_revision = "console_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create index actor_scope on actor (scope_id)")


def downgrade() -> None:
    op.execute("drop index actor_scope")
