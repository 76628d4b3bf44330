"""What people do to a school: one file an act, each with its check and its deed. Called by progress and the shell.

A refusal names what was expected, what was seen, and the next step. It changes nothing.
"""

from datetime import datetime
from typing import assert_never

from schemas.approval import WithdrawApproval
from schemas.document import ApproveDocument, FileDocument
from schemas.message import (
    AcknowledgeEscalation,
    ActOnEscalation,
    AddHold,
    AnswerAsk,
    CloseWorkItem,
    Command,
    CommandReply,
    GiveSignOff,
    OpenWorkItem,
    ReleaseHold,
)
from schemas.migration import MigratePolicy
from schemas.regress import RecordFix, RecordRootCause
from schemas.trust import AdvanceByHand
from schemas.waiver import ConfirmOverride, GrantWaiver, OverrideGate, ProposeWaiver, RevokeWaiver
from workflows.policy.acts import (
    advancing,
    answering,
    delegating,
    documenting,
    escalating,
    holding,
    mending,
    migrating,
    overriding,
    signing,
    waiving,
    withdrawing,
    working,
)
from workflows.policy.acts.refusal import refuse
from workflows.policy.ledger import Ledger
from workflows.policy.people import covers
from workflows.policy.state import RolloutState, accepted_before, is_repeat, mark_of


def check(state: RolloutState, command: Command, now: datetime) -> CommandReply | None:
    """The refusal of a command as things stand; None: it is in order, or was accepted before. Never blocks."""
    if accepted_before(state, command.act_id) is not None:
        if is_repeat(state, command):
            return None
        return refuse(
            command, "act-id-taken", f"an id of its own for {mark_of(command)}",
            f"{command.act_id}, which was {state.act_marks[command.act_id]}", "act again under a new id",
        )  # fmt: skip
    if state.picture.stopped is not None:
        return refuse(
            command, "rollout-stopped", "a rollout under way", f"stopped: {state.picture.stopped}",
            "start the school in a program first",
        )  # fmt: skip
    scope = command.actor.scope
    if not covers(scope, state.context, state.school_id, state.program_id):
        return refuse(
            command, "scope-does-not-cover-school", f"a scope that holds school {state.school_id}",
            f"{scope.kind.value} {scope.id}", "act as somebody whose role covers this school",
        )  # fmt: skip
    refusal = delegating.check(command, now)
    if refusal is not None:
        return refusal
    return _of_its_kind(state, command, now)


def _of_its_kind(state: RolloutState, command: Command, now: datetime) -> CommandReply | None:
    match command:
        case GiveSignOff():
            return signing.check(state, command)
        case AnswerAsk():
            return answering.check(state, command)
        case AddHold():
            return holding.check_add(state, command, now)
        case ReleaseHold():
            return holding.check_release(state, command)
        case ProposeWaiver():
            return waiving.check_propose(state, command, now)
        case GrantWaiver():
            return waiving.check_grant(state, command, now)
        case RevokeWaiver():
            return waiving.check_revoke(state, command)
        case OverrideGate():
            return overriding.check_propose(state, command)
        case ConfirmOverride():
            return overriding.check_confirm(state, command, now)
        case RecordRootCause() | RecordFix():
            return mending.check(state, command)
        case AcknowledgeEscalation():
            return escalating.check_acknowledge(state, command)
        case ActOnEscalation():
            return escalating.check_act(state, command)
        case OpenWorkItem():
            return working.check_open(state, command)
        case CloseWorkItem():
            return working.check_close(state, command)
        case WithdrawApproval():
            return withdrawing.check(state, command)
        case MigratePolicy():
            return migrating.check(state, command)
        case AdvanceByHand():
            return advancing.check(state, command, now)
        case FileDocument():
            return documenting.check_file(state, command)
        case ApproveDocument():
            return documenting.check_approve(state, command)
        case _:
            assert_never(command)


def do(ledger: Ledger, command: Command) -> None:
    """What a command in order leads to, in facts. The caller has checked it."""
    match command:
        case GiveSignOff():
            signing.do(ledger, command)
        case AnswerAsk():
            answering.do(ledger, command)
        case AddHold():
            holding.add(ledger, command)
        case ReleaseHold():
            holding.release(ledger, command)
        case ProposeWaiver():
            waiving.propose(ledger, command)
        case GrantWaiver():
            waiving.grant(ledger, command)
        case RevokeWaiver():
            waiving.revoke(ledger, command)
        case OverrideGate():
            overriding.propose(ledger, command)
        case ConfirmOverride():
            overriding.confirm(ledger, command)
        case RecordRootCause() | RecordFix():
            mending.do(ledger, command)
        case AcknowledgeEscalation():
            escalating.acknowledge(ledger, command)
        case ActOnEscalation():
            escalating.act(ledger, command)
        case OpenWorkItem():
            working.open_item(ledger, command)
        case CloseWorkItem():
            working.close_item(ledger, command)
        case WithdrawApproval():
            withdrawing.do(ledger, command)
        case MigratePolicy():
            migrating.do(ledger, command)
        case AdvanceByHand():
            advancing.do(ledger, command)
        case FileDocument():
            documenting.file(ledger, command)
        case ApproveDocument():
            documenting.approve(ledger, command)
        case _:
            assert_never(command)
