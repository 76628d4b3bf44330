"""How a school under way takes another policy: pending until a phase opens, then pinned. Also what it would change.

Called by acts/migrating.py, settle.py and `policy migrate --plan`. It gives no credit for the past: a soak whose line
the old policy did not draw begins at the newest observation.
"""

from datetime import datetime

from schemas.calendar import Calendar
from schemas.decision import EvidenceItem, GateInputs, Verdict
from schemas.fact import PhaseOpened
from schemas.gate import Criterion, SchoolPolicy, Soak
from schemas.migration import PolicyMigrated
from schemas.school import Phase
from schemas.waiver import WaiverEnded
from workflows.policy.evaluate import evaluate, signals_of
from workflows.policy.evidence import healthy, soaks_on
from workflows.policy.exceptions.waiving import end_one
from workflows.policy.ledger import Ledger


def signals_named(policy: SchoolPolicy) -> tuple[str, ...]:
    """Every signal a policy names, sorted: all that the bridge need send."""
    of_gates = {name for gate in policy.gates.values() for name in signals_of(gate)}
    return tuple(sorted(of_gates | {alarm.signal for alarm in policy.alarms}))


def open_phase(ledger: Ledger, phase: Phase, attempt: int) -> None:
    """A phase opens, under the pending policy if there is one: the only moment at which a school takes it."""
    _take(ledger, phase)
    ledger.write(PhaseOpened(attempt=attempt), phase=phase)


def _take(ledger: Ledger, phase: Phase) -> None:
    old, new, pending = ledger.state.policy, ledger.state.pending_policy, ledger.state.picture.pending_policy
    if new is None or pending is None:
        return
    evidence = carried(ledger.state.evidence, old, new)
    ledger.change(policy=new, pending_policy=None, evidence=evidence)
    ledger.write(
        PolicyMigrated(
            act_id=pending.act_id,
            previous_digest=old.digest,
            policy_name=new.name,
            policy_version=new.version,
            policy_digest=new.digest,
            profile=new.profile,
            semantics=new.semantics,
            signals=signals_named(new),
        ),
        phase=phase,
    )
    _end_waivers(ledger, old, new, phase)


def _end_waivers(ledger: Ledger, old: SchoolPolicy, new: SchoolPolicy, phase: Phase) -> None:
    """A waiver was given for a criterion as it was: one that another policy changed or dropped is waived no more."""
    for waiver_id, waiver in sorted(ledger.state.picture.waivers.items()):
        if waiver.gate is None:
            continue
        before, after = (
            [each for each in policy.gates[waiver.gate].criteria if each.id in waiver.criterion_ids]
            for policy in (old, new)
        )
        if new.semantics < 2 and before != after:
            ended = WaiverEnded(waiver_id=waiver_id, gate=waiver.gate, criterion_ids=waiver.criterion_ids)
            ledger.write(ended, phase=phase)
        elif new.semantics >= 2 and _asked(before) != _asked(after):
            end_one(ledger, waiver_id, waiver, phase)


def _asked(criteria: list[Criterion]) -> list[Criterion]:
    """The criteria without the words about them: other words ask nothing else."""
    return [each.model_copy(update={"next_step": "", "source": ""}) for each in criteria]


def carried(evidence: dict[str, EvidenceItem], old: SchoolPolicy, new: SchoolPolicy) -> dict[str, EvidenceItem]:
    """The evidence as the new policy may use it: what it names, each soak from when its own line was known to hold."""
    named = signals_named(new)
    return {name: _carried(name, item, old, new) for name, item in evidence.items() if name in named}


def _carried(name: str, item: EvidenceItem, old: SchoolPolicy, new: SchoolPolicy) -> EvidenceItem:
    before = {soak.id: soak for soak in soaks_on(old, name)}
    since: dict[str, datetime] = {}
    broken: dict[str, int] = {}
    for soak in soaks_on(new, name):
        if _same_line(before.get(soak.id), soak):
            since |= {soak.id: item.healthy_since[soak.id]} if soak.id in item.healthy_since else {}
            broken |= {soak.id: item.broken_sequence[soak.id]} if soak.id in item.broken_sequence else {}
            continue
        broken[soak.id] = item.sequence  # whatever came before this observation earns nothing
        usable = item.applicable and item.missing is None and item.observed_at is not None
        if usable and item.observed_at is not None and healthy(soak, item.value):
            since[soak.id] = item.observed_at
    return item.model_copy(update={"healthy_since": since, "broken_sequence": broken})


def _same_line(before: Soak | None, after: Soak) -> bool:
    """Whether health under one soak is health under the other, and silence is silence."""
    return before is not None and (before.signal, before.healthy_at, before.evidence_age_days_max) == (
        after.signal, after.healthy_at, after.evidence_age_days_max,
    )  # fmt: skip


def foresee(
    old: SchoolPolicy,
    new: SchoolPolicy,
    inputs: GateInputs,
    others: dict[str, EvidenceItem],
    calendar: Calendar | None,
    now: datetime,
) -> tuple[Verdict, Verdict]:
    """The gate decided now by each policy. `others`: evidence of signals that only the new one names.

    Approvals are bound to the old policy, and so are of no help under the new one.
    """
    evidence = carried({**others, **inputs.evidence}, old, new)
    gate = new.gates[inputs.gate]
    named = {name: evidence[name] for name in sorted(signals_of(gate)) if name in evidence}
    under_new = inputs.model_copy(update={"evidence": named})
    return evaluate(old, calendar, inputs, now), evaluate(new, calendar, under_new, now)
