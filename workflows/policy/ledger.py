"""One step's facts, numbered and folded as they are written. Made by progress, filled by settle; lives for one step."""

from datetime import datetime

from schemas.decision import DecisionRecord, GateInputs, Verdict
from schemas.fact import Fact, FactBody
from schemas.model import digest_of
from schemas.school import Phase
from workflows.policy.picture import fold_fact
from workflows.policy.state import ACTS_KEPT, RolloutState

_UNWRITTEN = "sha256:" + "0" * 64


class Ledger:
    """Writes facts; `state` always holds the picture they add up to. Not for keeping: a step makes its own."""

    def __init__(self, state: RolloutState, now: datetime, build: str) -> None:
        self.state = state
        self.now = now
        self.build = build
        self.facts: list[Fact] = []

    def change(self, **update: object) -> None:
        """Replace fields of the state that facts do not carry."""
        self.state = self.state.model_copy(update=update)

    def write(self, body: FactBody, phase: Phase | None = None) -> Fact:
        """Number a fact, fold it into the picture, and seal it with the picture's digest."""
        picture = self.state.picture
        draft = Fact.model_construct(
            program_id=self.state.program_id,
            school_id=self.state.school_id,
            fact_sequence=picture.fact_sequence + 1,
            occurred_at=self.now,
            phase=phase or picture.phase,
            rehearsal=self.state.rehearsal,
            simulated=self.state.simulated_seen,
            body=body,
            picture_digest=_UNWRITTEN,
        )
        folded = fold_fact(picture, draft)
        fact = draft.model_copy(update={"picture_digest": digest_of(folded)})
        self.change(picture=folded)
        self.facts.append(fact)
        return fact

    def remember(self, act_id: str, mark: str | None = None) -> int:
        """Note a command as accepted, what it was, and the sequence it led to so far."""
        sequence = self.state.picture.fact_sequence
        acts = (*self.state.acts, (act_id, sequence))[-ACTS_KEPT:]
        marks = self.state.act_marks if mark is None else {**self.state.act_marks, act_id: mark}
        kept = {known for known, _ in acts}
        self.change(acts=acts, act_marks={known: each for known, each in marks.items() if known in kept})
        return sequence

    def record(self, inputs: GateInputs, verdict: Verdict) -> DecisionRecord:
        """The decision with all it rests on, the documents by digest."""
        policy, calendar = self.state.policy, self.state.calendar
        return DecisionRecord.model_construct(
            inputs=inputs,
            policy_digest=policy.digest,
            policy_name=policy.name,
            policy_version=policy.version,
            profile=policy.profile,
            calendar_digest=self.state.calendar_digest,
            calendar_version=calendar.version if calendar else None,
            decided_at=self.now,
            verdict=verdict,
            build=self.build,
        )
