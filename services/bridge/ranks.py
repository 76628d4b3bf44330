"""How ready each school is at the planning of waves: the hard criteria it meets now, of all gates of its policy.

Called by waving. It decides nothing: a rank only says who comes first. What is unknown is not met.
"""

from collections.abc import Mapping
from datetime import datetime

from schemas.decision import EvidenceItem, GateInputs, Status
from schemas.gate import SchoolPolicy, Severity
from schemas.readiness import CoalescedReading
from schemas.school import ScopeKind
from services.bridge.contexts import context_of
from services.bridge.documents import Documents
from services.bridge.programs import Entry, Plan
from services.kit.database import Connection
from workflows.policy.evaluate import assess
from workflows.policy.evidence import fold

_MET = (Status.MET, Status.OVERRIDDEN)
Readings = Mapping[tuple[str, str], list[tuple[str, str]]]
"""(scope kind, scope) to (signal, document)."""


async def hard_met(connection: Connection, documents: Documents, plan: Plan, now: datetime) -> dict[str, int]:
    """School to the number of hard criteria met. A school of which nothing was ever read is absent."""
    readings: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for row in await connection.fetch("select scope_kind, scope_id, signal, document from reading"):
        readings.setdefault((row["scope_kind"], row["scope_id"]), []).append((row["signal"], row["document"]))
    found: dict[str, int] = {}
    for entry in plan.entries:
        if (ScopeKind.SCHOOL.value, entry.school.school_id) not in readings:
            continue
        policy = await documents.school_policy(connection, entry.policy_digest, entry.profile)
        assert policy is not None  # the plan holds its document
        calendar = await documents.calendar(connection, entry.calendar_digest)
        evidence = _evidence(readings, plan, entry, policy)
        met = 0
        for gate_id, gate in policy.gates.items():
            inputs = GateInputs(
                gate=gate_id, phase=gate_id.phase, attempt=1, opened_at=now, rehearsal=plan.rehearsal,
                context=context_of(entry.school, plan.release_id), evidence=evidence,
            )  # fmt: skip
            results = assess(policy, gate, calendar, inputs, now)
            met += sum(each.severity is Severity.HARD and each.status in _MET for each in results)
        found[entry.school.school_id] = met
    return found


def _evidence(readings: Readings, plan: Plan, entry: Entry, policy: SchoolPolicy) -> dict[str, EvidenceItem]:
    school = entry.school
    scopes = [
        (ScopeKind.SCHOOL, school.school_id), (ScopeKind.DISTRICT, school.district_id),
        (ScopeKind.PROGRAM, plan.program_id), (ScopeKind.STATE, school.state), (ScopeKind.RELEASE, plan.release_id),
    ]  # fmt: skip
    evidence: dict[str, EvidenceItem] = {}
    for kind, scope_id in scopes:
        for signal, document in readings.get((kind.value, scope_id or ""), []):
            reading = CoalescedReading.model_validate_json(document)
            evidence = fold(evidence, signal, reading.model_copy(update={"worst": reading.value}), policy)
    return evidence
