"""Decisions and what they rest on: evidence, people's acts, verdict. Carried by facts and by workflow state.

A `DecisionRecord` holds every input of `evaluate` except the two documents it names by digest, so that anybody
can compute the verdict again.
"""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from schemas.consent import Awaited
from schemas.document import FiledDocument
from schemas.gate import CriterionId, Severity
from schemas.guard import Relapse
from schemas.model import ActId as ActId
from schemas.model import Code, Digest, Instant, Tolerant
from schemas.readiness import Missing, Origin, SignalName
from schemas.school import Actor, GateId, Phase, Role, SchoolContext, Scope
from schemas.trust import Trust


class Outcome(StrEnum):
    """A gate's verdict, mildest first. The merge of criteria is the worst of them."""

    OPEN = "open"
    NEEDS_APPROVAL = "needs-approval"
    WAITING = "waiting"
    UNMET = "unmet"
    UNKNOWN = "unknown"


class Status(StrEnum):
    """How one criterion stands."""

    MET = "met"
    OVERRIDDEN = "overridden"
    """Passed by a person, where a machine alone may not."""
    NEEDS_APPROVAL = "needs-approval"
    WAITING = "waiting"
    UNMET = "unmet"
    UNKNOWN = "unknown"
    STALE = "stale"
    WAIVED = "waived"
    NOT_APPLICABLE = "not-applicable"
    OBSERVED_ONLY = "observed-only"


class Reason(StrEnum):
    """Why a criterion has its status, in closed words; `explain` makes sentences of them."""

    MEETS_LINE = "meets-line"
    MEETS_WITH_WARNING = "meets-with-warning"
    BELOW_LINE = "below-line"
    GREY_ZONE = "grey-zone"
    ATTESTED = "attested"
    NOT_AUTOMATIC = "not-automatic"
    APPROVED = "approved"
    OVERRIDDEN = "overridden"
    """Passed over the evidence, by two people and by name."""
    NEVER_SEEN = "never-seen"
    MISSING = "missing"
    STALE = "stale"
    SIMULATED = "simulated-in-a-real-program"
    POPULATION_TOO_SMALL = "population-too-small"
    NOT_APPLICABLE = "not-applicable"
    NO_CALENDAR = "no-calendar"
    NO_CONTEXT = "no-context"
    OUTSIDE_CALENDAR = "outside-calendar"
    DWELLING = "dwelling"
    SOAKING = "soaking"
    SOAK_BROKEN = "soak-broken"
    UNSIGNED = "unsigned"
    SIGNED = "signed"
    HELD = "held"
    FROZEN = "frozen"
    WAIVED = "waived"
    NO_HARD_CRITERION = "no-hard-criterion"
    SCHOOL_NOT_OPEN = "school-not-open"
    TOO_FEW_POINTS = "too-few-points"
    NO_DOCUMENT = "no-document"
    DOCUMENT_UNAPPROVED = "document-unapproved"
    DOCUMENT_APPROVED = "document-approved"
    BEFORE_WINDOW = "before-window"
    INSIDE_WINDOW = "inside-window"
    AFTER_WINDOW = "after-window"
    NO_PLAN = "no-plan"
    MATCHES = "matches"
    MISMATCH = "mismatch"
    LEFT_TO_A_PERSON = "left-to-a-person"
    BY_HAND_ONLY = "by-hand-only"
    OBSERVED_IN_THE_FUTURE = "observed-in-the-future"
    UNDECIDABLE = "undecidable"
    SECOND_CHANCE = "second-chance"
    """Taken back before; a root cause and a visible fix come first."""


class EvidenceItem(Tolerant):
    """One signal as a gate sees it: latest value, and for each soak since when it has been healthy."""

    sequence: int = Field(ge=0)
    """Outside every digest: a rebuilt service starts another."""
    value: float | None = None
    applicable: bool = True
    missing: Missing | None = None
    numerator: int | None = None
    population: int | None = None
    observed_at: Instant | None = None
    origin: Origin
    simulated: bool = False
    detail: tuple[Code, ...] = ()
    healthy_since: dict[CriterionId, Instant] = Field(default_factory=dict)
    """For each soak criterion on this signal; absent: not healthy now."""
    broken_sequence: dict[CriterionId, int] = Field(default_factory=dict)
    """For each soak criterion, the greatest sequence that broke it; outside every digest. Absent: none did."""


class SignOff(Tolerant):
    """A role's signature under a phase's plan; all of the criterion's roles make it met."""

    act_id: ActId
    gate: GateId
    criterion_id: CriterionId
    actor: Actor
    signed_at: Instant


class Approval(Tolerant):
    """A person's answer to an ask, bound to each criterion's status, not to values or ages."""

    act_id: ActId
    gate: GateId
    attempt: int = Field(ge=1)
    answer: Literal["approved", "rejected"]
    actor: Actor
    answered_at: Instant
    reason: Code
    note_id: ActId | None = None
    """None: no note. The note itself stays in restricted tables."""
    policy_digest: Digest
    district_id: str
    bound: dict[CriterionId, Status]
    """Each criterion's status when the answer was given; one that worsens ends the approval."""
    waived: dict[CriterionId, ActId] = Field(default_factory=dict)
    """The waiver that each waived criterion rested on when the answer was given; one that ends, ends the approval."""
    counts_as: Role | None = None
    """The role a deputy answered for. None: the actor's own."""
    documents: dict[Code, Digest] = Field(default_factory=dict)
    """The version of each document that the gate asks for and had; another version ends the approval."""


class HoldKind(StrEnum):
    """Who put the hold."""

    PERSON = "person"
    ROBOT = "robot"
    POLICY = "policy"
    INCIDENT = "incident"


Blocks = Literal["advance", "hand-out", "all"]
"""What a hold keeps from happening: that a gate opens, that devices are handed out, or both."""


class Hold(Tolerant):
    """Something that keeps a school where it is until it is lifted or ends."""

    hold_id: ActId
    kind: HoldKind = HoldKind.PERSON
    scope: Scope
    reason: Code
    placed_by: Actor | None = None
    """None: placed by no person."""
    placed_at: Instant
    expires_at: Instant | None = None
    """None: stands until it is lifted."""
    lifted_by: Role
    """The role, or any above it, that may lift it."""
    link: Code | None = None
    """None: nothing further to read."""
    gate: GateId | None = None
    """Of a policy's hold: the opened gate whose criteria it waits for. None: it waits for no criterion."""
    criterion_ids: tuple[CriterionId, ...] = ()
    """Of a policy's hold: it lifts itself once all of these pass. Empty: it does not lift itself."""
    blocks: Blocks = "advance"
    emergency: bool = False
    """True: an emergency stop, shown as one."""
    advisory_version: int | None = None
    """Of the advisory that holds the school, whose id the hold has. None: placed at this school alone."""
    matched: Literal["yes", "unknown"] = "yes"
    """`unknown`: too little is known of the school to say that the advisory does not mean it."""


class Waiver(Tolerant):
    """Leave to pass without one criterion until a stated instant. We waive a criterion, never a gate."""

    waiver_id: ActId
    criterion_ids: tuple[CriterionId, ...] = Field(min_length=1)
    scope: Scope
    category: Literal["waived", "mitigated"]
    compensating_control: Code
    reason: Code
    granted_by: Actor
    granted_at: Instant
    expires_at: Instant
    gate: GateId | None = None
    """None: whichever gate has a criterion of that id."""
    proposed_by: Actor | None = None
    """None: not recorded; never the granter."""
    note_id: ActId | None = None
    """None: no note. The note itself stays in restricted tables."""


class Override(Tolerant):
    """Exact criteria passed over the evidence by two people, for one attempt at one gate."""

    override_id: ActId
    gate: GateId
    attempt: int = Field(ge=1)
    criterion_ids: tuple[CriterionId, ...] = Field(min_length=1, max_length=20)
    reason: Code
    sponsor: Role
    """The role for whose sake it is done; public in the register."""
    proposed_by: Actor
    proposed_at: Instant
    note_id: ActId | None = None
    """None: no note. The note itself stays in restricted tables."""
    confirmed_by: Actor | None = None
    """None: it waits for its second person, and passes nothing."""
    confirmed_at: Instant | None = None
    """None: as above."""


class CriterionResult(Tolerant):
    """One criterion's part of a verdict. Every criterion has one, always."""

    criterion_id: str
    """A hold's result is `hold:` and its id; a freeze's is `freeze:` and its window's name."""
    severity: Severity
    status: Status
    outcome: Outcome
    """What it adds to the merge; OPEN for soft and observed ones."""
    reason: Reason
    signal: SignalName | None = None
    """None: the criterion reads no signal."""
    observed: float | None = None
    """None: nothing usable was seen; `reason` says why."""
    judged: float | None = None
    """The confidence bound that was held against the line. None: `observed` itself was."""
    required: float | None = None
    """None: the criterion has no number. The line in the signal's unit, or days."""
    missing: Missing | None = None
    """The owner's reason for having no value. None: the reading has a value, or none was ever seen."""
    unit: str | None = None
    numerator: int | None = None
    population: int | None = None
    observed_at: Instant | None = None
    stale_at: Instant | None = None
    origin: Origin | None = None
    simulated: bool = False
    warning: bool = False
    detail: tuple[Code, ...] = ()
    expected: Code | None = None
    """The code that had to be seen. None: the criterion compares no codes, or what to expect is not known."""
    satisfied_at: Instant | None = None
    """Since when it passes. None: it does not."""
    next_look_at: Instant | None = None
    """The first instant at which time alone may change it. None: time changes nothing."""


class Verdict(Tolerant):
    """A gate, decided: the worst of its criteria, each with its reason."""

    gate: GateId
    outcome: Outcome
    results: tuple[CriterionResult, ...]
    asks: Role | None = None
    """Whom to ask now: set once nothing but approval and time is missing. None: nobody."""
    awaits: tuple[Awaited, ...] = ()
    """What each group of a gate with approval groups still lacks. Empty: nobody is asked, or `asks` alone is."""
    next_evaluation_at: Instant | None = None
    """Nothing changes strictly before it unless a message arrives. None: time changes nothing."""
    satisfied_at: Instant | None = None
    """When the last hard criterion came to pass. None: not open."""
    policy_digest: Digest
    calendar_digest: Digest | None = None
    semantics: int
    evidence_digest: Digest
    frozen_from: Instant | None = None
    """When the next freeze begins, or the one in force began. None: open, or none lies ahead."""
    next_opening_at: Instant | None = None
    """When that freeze, with those that follow on it, has ended. None: no freeze, or the calendar ends before."""
    trust: Trust = Trust.ADVANCE
    """The level that was in force."""
    advice: Outcome | None = None
    """What the outcome would be if the gate trusted its verdict. None: it does."""


class GateInputs(Tolerant):
    """Everything `evaluate` reads, besides the policy and the calendar: what a decision record keeps."""

    gate: GateId
    phase: Phase
    attempt: int = Field(ge=1)
    opened_at: Instant
    """When the phase opened."""
    rehearsal: bool
    context: SchoolContext | None
    """None: never sent; the gate is UNKNOWN."""
    evidence: dict[SignalName, EvidenceItem]
    sign_offs: tuple[SignOff, ...] = ()
    approvals: tuple[Approval, ...] = ()
    holds: tuple[Hold, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    overrides: tuple[Override, ...] = ()
    """Confirmed ones, of this gate."""
    documents: tuple[FiledDocument, ...] = ()
    """On file of the kinds this gate asks for."""
    relapse: Relapse | None = None
    """None: the school was never taken back, or has passed since."""


class DecisionRecord(Tolerant):
    """A decision with all it rests on, documents by digest: enough to decide again."""

    inputs: GateInputs
    policy_digest: Digest
    policy_name: Code
    policy_version: int
    profile: Code
    calendar_digest: Digest | None
    calendar_version: int | None
    decided_at: Instant
    verdict: Verdict
    build: str = Field(max_length=60)
