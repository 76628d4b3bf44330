"""Checks of the fact log: soundness of opened gates (I1), one effect (I2), pictures (I9); I6 to I8 by its neighbours.

It trusts no projection: facts and documents come from their topics, verdicts are computed again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from schemas.calendar import Calendar
from schemas.decision import DecisionRecord, Outcome
from schemas.fact import Fact, GateDecided, GateOpened, PhaseOpened, Picture
from schemas.gate import PolicyDocument
from schemas.model import digest_of
from services.auditor.breach import Breach, Invariant
from services.auditor.conduct import check_conduct
from services.auditor.ladders import check_ladders
from services.auditor.standing import Standing
from workflows.policy.picture import fold_fact
from workflows.policy.trust import is_by_hand
from workflows.policy.verify import compare

READ_THE_FACT = "read the fact with `firstbell decision show`; do not let this program advance until it is explained"


@dataclass(slots=True)
class FactsChecked:
    """What the fact log shows."""

    gates_checked: int = 0
    gates_unsound: int = 0
    decisions_checked: int = 0
    facts_count: int = 0
    duplicates_count: int = 0
    """The same fact more than once on the topic: harmless, readers drop it; counted."""
    standings: dict[tuple[str, str], Standing] = field(default_factory=dict)
    """Where each school stands whose facts are whole."""
    breaches: list[Breach] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Documents:
    """Content-addressed documents by digest."""

    policies: Mapping[str, PolicyDocument]
    calendars: Mapping[str, Calendar]


def check_facts(facts: Iterable[Fact], documents: Documents) -> FactsChecked:
    """Checks I1, I2 and I6 to I9 over a fact log in any order between schools and in offset order within one."""
    checked = FactsChecked()
    by_school: dict[tuple[str, str], dict[int, Fact]] = {}
    for fact in facts:
        checked.facts_count += 1
        kept = by_school.setdefault((fact.program_id, fact.school_id), {})
        earlier = kept.setdefault(fact.fact_sequence, fact)
        if earlier is not fact:
            checked.duplicates_count += 1
            if digest_of(earlier) != digest_of(fact):
                checked.breaches.append(
                    Breach(
                        invariant=Invariant.ONE_EFFECT,
                        subject=_name(fact),
                        expected="one fact of this number",
                        seen=f"two that differ: {earlier.body.kind} and {fact.body.kind}",
                        next_step="two workflows may have run for one school: compare their histories",
                    )
                )
    for key in sorted(by_school):
        ordered = [by_school[key][sequence] for sequence in sorted(by_school[key])]
        checked.breaches += [*check_conduct(ordered), *check_ladders(ordered)]
        _check_school(key, ordered, documents, checked)
    return checked


def _check_school(key: tuple[str, str], facts: Sequence[Fact], documents: Documents, checked: FactsChecked) -> None:
    picture, verdict = Picture(), None
    decisions: dict[int, DecisionRecord] = {}
    for expected, fact in enumerate(facts, start=1):
        sequence = fact.fact_sequence
        if sequence != expected:
            checked.breaches.append(
                Breach(
                    invariant=Invariant.ONE_EFFECT,
                    subject=_name(fact),
                    expected=f"fact {expected}",
                    seen=f"fact {sequence}: a gap",
                    next_step="`firstbell bridge recall` takes it from its history; what that calls lost is an incident",
                )
            )
            return
        picture = fold_fact(picture, fact)
        if digest_of(picture) != fact.picture_digest:
            checked.breaches.append(
                Breach(
                    invariant=Invariant.PICTURE,
                    subject=_name(fact),
                    expected=f"the picture {fact.picture_digest}",
                    seen=digest_of(picture),
                    next_step="the fold of facts and the workflow's state differ: replay the school's history",
                )
            )
            return
        if isinstance(fact.body, GateDecided):
            decisions[sequence] = fact.body.decision
            verdict = fact.body.decision.verdict
            _check_decision(fact, fact.body.decision, documents, checked)
        elif isinstance(fact.body, GateOpened):
            _check_opened(fact, fact.body, decisions, checked)
        elif isinstance(fact.body, PhaseOpened):
            verdict = None
    checked.standings[key] = Standing(picture, verdict, facts[-1].occurred_at)


def _check_decision(fact: Fact, record: DecisionRecord, documents: Documents, checked: FactsChecked) -> None:
    """Every decision is computed again, those that held a school as well as those that opened a gate."""
    checked.decisions_checked += 1
    policy = documents.policies.get(record.policy_digest)
    calendar = documents.calendars.get(record.calendar_digest) if record.calendar_digest else None
    if policy is None or (record.calendar_digest and calendar is None):
        missing = record.policy_digest if policy is None else record.calendar_digest
        _unsound(fact, "the documents it names", f"no document {missing}", checked)
        return
    differences = compare(record, policy, calendar)
    if differences:
        _unsound(fact, "the same verdict when decided again", "; ".join(str(each) for each in differences[:3]), checked)


def _check_opened(fact: Fact, opened: GateOpened, decisions: dict[int, DecisionRecord], checked: FactsChecked) -> None:
    checked.gates_checked += 1
    record = decisions.get(opened.decision_sequence)
    problem = None
    if record is None:
        problem = f"no gate-decided numbered {opened.decision_sequence}"
    elif digest_of(record) != opened.decision_digest:
        problem = f"its decision has digest {digest_of(record)}"
    elif not _may_open(record, opened):
        problem = f"its decision says {record.verdict.outcome} for {record.inputs.gate}, opened by {opened.by}"
    elif record.decided_at != fact.occurred_at:
        problem = f"its decision was made at {record.decided_at.isoformat()}, not when the gate opened"
    if problem:
        checked.gates_unsound += 1
        _unsound(fact, f"a decision {opened.decision_digest} that opened {opened.gate}", problem, checked)


def _may_open(record: DecisionRecord, opened: GateOpened) -> bool:
    """An OPEN verdict of this gate; or a person's hand, named, where the decision leaves the opening to one."""
    if record.inputs.gate is not opened.gate:
        return False
    if opened.by == "person":
        return opened.hand is not None and is_by_hand(record.verdict.results)
    return record.verdict.outcome is Outcome.OPEN


def _unsound(fact: Fact, expected: str, seen: str, checked: FactsChecked) -> None:
    checked.breaches.append(
        Breach(
            invariant=Invariant.GATE_SOUNDNESS,
            subject=_name(fact),
            expected=expected,
            seen=seen,
            next_step=READ_THE_FACT,
        )
    )


def _name(fact: Fact) -> str:
    return f"{fact.program_id}/{fact.school_id} fact {fact.fact_sequence} ({fact.body.kind})"
