"""How one school's facts must follow one another: gates opened once (I2), people named (I7), phases that never fall (I8).

Called by facts.py with a school's facts in their sequence. Pure; it takes nothing from the policy that decided.
"""

from collections.abc import Iterator, Sequence

from schemas.decision import HoldKind, Outcome, Status
from schemas.fact import Fact, GateDecided, GateOpened, HoldAdded, HoldReleased, PhaseOpened
from schemas.school import Phase
from services.auditor.breach import Breach, Invariant, named

REGRESSED = "phase-regressed"
"""The one fact after which a phase may be an earlier one."""
ORDER = list(Phase)


def check_conduct(facts: Sequence[Fact]) -> list[Breach]:
    """Every breach of I2, I7 and I8 in one school's facts."""
    return [*_phases(facts), *_gates(facts), *_people(facts)]


def _phases(facts: Sequence[Fact]) -> Iterator[Breach]:
    """The phase of each fact is that of the one before, or a later one, or an earlier one after an audited regress."""
    stands, allowed = Phase.CHARTER, False
    for fact in facts:
        allowed = allowed or str(fact.body.kind) == REGRESSED
        if ORDER.index(fact.phase) < ORDER.index(stands) and not allowed:
            yield named(
                Invariant.PHASES, fact, f"{stands.value} or later, or a {REGRESSED} before it", fact.phase.value,
                "hold the school; somebody took a gate back without deciding so",
            )  # fmt: skip
        if isinstance(fact.body, PhaseOpened):
            allowed = False
        stands = fact.phase


def _gates(facts: Sequence[Fact]) -> Iterator[Breach]:
    """Each gate opens once an attempt, and is decided in its own phase and attempt."""
    opened: dict[tuple[str, int], int] = {}
    attempt = 1
    for fact in facts:
        body = fact.body
        if isinstance(body, PhaseOpened):
            attempt = body.attempt
        elif isinstance(body, GateOpened):
            first = opened.setdefault((body.gate.value, body.attempt), fact.fact_sequence)
            if first != fact.fact_sequence:
                yield named(
                    Invariant.ONE_EFFECT, fact, f"gate {body.gate.value} opened once in attempt {body.attempt}",
                    f"facts {first} and {fact.fact_sequence}", "two decisions had the effect of one: replay the history",
                )  # fmt: skip
        elif isinstance(body, GateDecided):
            inputs = body.decision.inputs
            seen = (inputs.gate, inputs.attempt)
            if inputs.gate is fact.phase.gate and inputs.attempt != attempt:
                yield named(
                    Invariant.ONE_EFFECT, fact, f"a decision of attempt {attempt}", f"one of attempt {seen[1]}",
                    "a decision of another attempt has taken this one's place: replay the history",
                )  # fmt: skip


def _people(facts: Sequence[Fact]) -> Iterator[Breach]:
    """Every decision says by what it was made; where a person acted, by whom."""
    for fact in facts:
        body, missing = fact.body, ""
        if isinstance(body, GateDecided):
            missing = _decision_lacks(body)
        elif isinstance(body, HoldAdded) and body.hold.kind is HoldKind.PERSON and body.hold.placed_by is None:
            missing = "who placed the hold"
        elif isinstance(body, HoldReleased) and body.cause == "lifted" and body.actor is None:
            missing = "who lifted the hold"
        if missing:
            yield named(
                Invariant.AUDIT, fact, missing, "nothing", "the act was published without its author: find the build"
            )
    yield from _opened_by_nobody(facts)


def _decision_lacks(body: GateDecided) -> str:
    """What a decision does not say. Empty: it says all."""
    decision = body.decision
    if not decision.build:
        return "the build that decided"
    if decision.policy_version < 1 or decision.policy_digest != decision.verdict.policy_digest:
        return "the policy version that decided, the same in record and verdict"
    results = decision.verdict.results
    if any(each.status is Status.OVERRIDDEN for each in results):
        inputs = decision.inputs
        if not any(each.answer == "approved" for each in inputs.approvals) and not inputs.overrides:
            return "who passed what only a person may pass"
    waived = {name for waiver in decision.inputs.waivers for name in waiver.criterion_ids}
    if any(each.status is Status.WAIVED and each.criterion_id not in waived for each in results):
        return "who waived what is waived"
    return ""


def _opened_by_nobody(facts: Sequence[Fact]) -> Iterator[Breach]:
    """A gate that opened by approval rests on a decision that holds one."""
    decisions = {fact.fact_sequence: fact.body.decision for fact in facts if isinstance(fact.body, GateDecided)}
    for fact in facts:
        body = fact.body
        decision = decisions.get(body.decision_sequence) if isinstance(body, GateOpened) else None
        if not isinstance(body, GateOpened) or body.by != "approval" or decision is None:
            continue
        approved = any(each.answer == "approved" for each in decision.inputs.approvals)
        if not approved and not decision.inputs.overrides and decision.verdict.outcome is Outcome.OPEN:
            yield named(
                Invariant.AUDIT, fact, "the approval that opened it", "a decision without one",
                "read the decision with `firstbell decision show`",
            )  # fmt: skip
