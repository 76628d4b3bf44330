"""The policy of the machine's school, twice: as a document for the code, and as plain numbers for machine_model.py."""

from schemas.calendar import WindowKind
from schemas.consent import ApprovalGroup
from schemas.freeze import Freeze
from schemas.gate import Dwell, Gate, PolicyDocument, SchoolPolicy, SignOffs, Threshold
from schemas.guard import Guard
from schemas.ladder import Ladder, Rung, RungKind
from schemas.model import digest_of
from schemas.school import GateId, Role
from tests.harness.scenario import LIFE, document_of, gate_of
from workflows.policy.authoring.document import resolve

BOARD = (Role.DISTRICT_TECHNOLOGY, Role.PRINCIPAL, Role.DISTRICT_CURRICULUM)
SIGNERS = (Role.PRINCIPAL, Role.DISTRICT_TECHNOLOGY)
HOLD_DAYS, REGRESS_DAYS, RECOVER_DAYS, CONFIRM_DAYS = 1, 3, 1, 2
LINES: dict[GateId, dict[str, tuple[str, float, float | None]]] = {
    GateId.CHARTER: {},
    GateId.INFRASTRUCTURE: {
        "capacity": ("network.mbps-per-student", 1.0, 0.7),
        "page-load": ("network.page-load-p95-seconds", 3.0, None),
    },
    GateId.BETA: {"model": ("beta.model-mismatch-count", 0.0, None)},
    GateId.TRAINING: {"hand-outs": ("training.untrained-handout-count", 0.0, None)},
    GateId.SCALE_GUARD: {"devices-seen": ("device.seen-7-days-ratio", 0.9, None)},
}
"""Signal, pass line, and the end of the grey zone behind it."""
DWELL_DAYS = {1: 1, 2: 2}
"""Of the beta, by the policy's version: all that they differ in."""
CLEAN = {"network.mbps-per-student": 2.0, "network.page-load-p95-seconds": 1.5, "beta.model-mismatch-count": 0.0,
         "training.untrained-handout-count": 0.0, "device.seen-7-days-ratio": 0.97}  # fmt: skip
WORSE = {"network.mbps-per-student": 0.2, "network.page-load-p95-seconds": 9.0, "beta.model-mismatch-count": 2.0,
         "training.untrained-handout-count": 3.0, "device.seen-7-days-ratio": 0.1}  # fmt: skip
GREY = {"network.mbps-per-student": 0.8}


def _gate(gate: GateId, dwell_days: int) -> Gate:
    lines = [
        Threshold(id=name, signal=signal, pass_at=line, fail_at=grey, **LIFE)
        for name, (signal, line, grey) in LINES[gate].items()
    ]
    if gate is GateId.CHARTER:
        return gate_of(SignOffs(id="charter-signed", roles=SIGNERS, **LIFE), approver=Role.DISTRICT_CURRICULUM)
    if gate is GateId.INFRASTRUCTURE:
        guard = Guard(
            source="default, not a standard", hold_after_days=HOLD_DAYS, regress_after_days=REGRESS_DAYS,
            recover_after_days=RECOVER_DAYS,
        )  # fmt: skip
        return gate_of(
            *lines, approver=BOARD[0], approvals=(ApprovalGroup(roles=BOARD, needed=2),), guard=guard,
            blocked_ladder="usual", blocked_after_days=1, unanswered_ladder="usual", approval_days=2,
        )  # fmt: skip
    if gate is GateId.BETA:
        lines.append(Dwell(id="beta-stay", minimum_days=dwell_days, **LIFE))  # type: ignore[arg-type]
    return gate_of(*lines, blocked_ladder="usual", blocked_after_days=1)


def document(version: int) -> PolicyDocument:
    ladder = Ladder(
        rungs=(
            Rung(roles=(Role.SCHOOL_LEAD,)),
            Rung(roles=(Role.PRINCIPAL,), after_days=2),
            Rung(kind=RungKind.DECIDE, roles=(Role.PRINCIPAL,), after_days=6, outcome="hold"),
        )
    )
    freeze = Freeze(window=WindowKind.TESTING, rehearsals=False, source="default, not a standard")
    found = document_of({gate: _gate(gate, DWELL_DAYS[version]) for gate in GateId}, semantics=2)
    return found.model_copy(update={"version": version, "ladders": {"usual": ladder}, "freezes": (freeze,)})


DOCUMENTS = {digest_of(each): each for each in (document(1), document(2))}


def policy(version: int) -> SchoolPolicy:
    return resolve(document(version), "standard")
