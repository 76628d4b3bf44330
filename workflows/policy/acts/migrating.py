"""The act of giving a school another policy: a state role's, and taken when the next phase opens."""

from schemas.gate import SEMANTICS, SEMANTICS_OLDEST
from schemas.message import CommandReply
from schemas.migration import MigratePolicy, PolicyMigrationAccepted
from schemas.school import GateId, ScopeKind
from workflows.policy.acts.refusal import refuse
from workflows.policy.ledger import Ledger
from workflows.policy.people import RANK
from workflows.policy.state import RolloutState

STATE_RANK = 3
"""Of the roles that act for a state (`people.RANK`)."""
WIDE = (ScopeKind.STATE, ScopeKind.PROGRAM)


def check(state: RolloutState, command: MigratePolicy) -> CommandReply | None:
    """Whether this actor may give this school this policy."""
    policy, pending = command.policy, state.pending_policy
    if RANK[command.actor.role] < STATE_RANK or command.actor.scope.kind not in WIDE:
        return refuse(
            command, "role-may-not-migrate", "a state role over the state or the program",
            f"{command.actor.role.value} of {command.actor.scope.kind.value}", "ask the state director",
        )  # fmt: skip
    if not SEMANTICS_OLDEST <= policy.semantics <= SEMANTICS:
        return refuse(
            command, "semantics-unknown", f"semantics {SEMANTICS_OLDEST} to {SEMANTICS}", str(policy.semantics),
            "deploy workers that decide it first",
        )  # fmt: skip
    absent = [gate.value for gate in GateId if gate not in policy.gates]
    if absent:
        return refuse(
            command, "policy-incomplete", "gates G0 to G4", f"none for {', '.join(absent)}", "store a whole policy",
        )  # fmt: skip
    if pending is not None and pending == policy:
        return refuse(
            command, "migration-pending", "another policy than the pending one", _name(state, pending=True),
            "wait: the school takes it when its next phase opens",
        )  # fmt: skip
    if pending is None and policy == state.policy:
        return refuse(
            command, "policy-pinned", "another policy than the pinned one", _name(state, pending=False),
            "nothing is to be done",
        )  # fmt: skip
    return None


def _name(state: RolloutState, *, pending: bool) -> str:
    policy = state.pending_policy if pending and state.pending_policy else state.policy
    return f"{policy.name} v{policy.version}, {policy.profile}"


def do(ledger: Ledger, command: MigratePolicy) -> None:
    """The policy is pending from now; the pinned one takes a pending one back."""
    policy = command.policy
    back = policy == ledger.state.policy
    ledger.change(pending_policy=None if back else policy)
    ledger.write(
        PolicyMigrationAccepted(
            act_id=command.act_id,
            actor=command.actor,
            reason=command.reason,
            policy_name=policy.name,
            policy_version=policy.version,
            policy_digest=policy.digest,
            profile=policy.profile,
            pending=not back,
        )
    )
