"""The acts by which a school that was taken back earns its second chance: a root cause, and a visible fix."""

from schemas.message import CommandReply
from schemas.regress import FixRecorded, RecordFix, RecordRootCause, RootCauseRecorded
from schemas.school import Role
from workflows.policy.acts.refusal import refuse
from workflows.policy.ledger import Ledger
from workflows.policy.people import RANK
from workflows.policy.state import RolloutState

FIXES_MAX = 20
"""Fixes of one relapse. Our judgement, 2026-11-25."""


def check(state: RolloutState, command: RecordRootCause | RecordFix) -> CommandReply | None:
    """Whether there is something to mend, and this role may say so."""
    if state.picture.relapse is None:
        return refuse(
            command, "nothing-to-mend", "a school that was taken back a phase", f"a school in {state.picture.phase.value}",
            "nothing: there is no second chance to earn",
        )  # fmt: skip
    fixes = state.picture.relapse.fixes
    if isinstance(command, RecordFix) and (command.fix in fixes or len(fixes) >= FIXES_MAX):
        return refuse(
            command,
            "fix-known",
            f"a fix not recorded yet, at most {FIXES_MAX}",
            command.fix,
            "nothing: it is on record",
        )
    if isinstance(command, RecordRootCause) and RANK[command.actor.role] < RANK[Role.PRINCIPAL]:
        return refuse(
            command, "role-not-asked", "the principal, or a role above", command.actor.role.value,
            "ask the principal to say why the school fell back",
        )  # fmt: skip
    return None


def do(ledger: Ledger, command: RecordRootCause | RecordFix) -> None:
    """Records it."""
    if isinstance(command, RecordRootCause):
        body = RootCauseRecorded(
            act_id=command.act_id, actor=command.actor, cause=command.cause, note_id=command.note_id
        )
        ledger.write(body)
    else:
        ledger.write(FixRecorded(act_id=command.act_id, actor=command.actor, fix=command.fix))
