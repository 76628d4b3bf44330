"""A decision as a file: the record, the documents it names, and seals that name the place of any change.

Called by `decision show` and `decision verify`. Anybody can decide again from the file alone, offline. Seals find
damage, not forgery: against a forger stands the fact's own digest, which Kafka, the console and the auditor hold.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field, ValidationError

from schemas.calendar import Calendar
from schemas.decision import DecisionRecord, Verdict
from schemas.fact import Fact, GateDecided
from schemas.gate import PolicyDocument
from schemas.model import canonical_bytes, digest_of
from services.console.views import SIMULATED, Answer
from workflows.policy import verify
from workflows.policy.authoring.document import resolve
from workflows.policy.explain import headline

SEALED_DEPTH = 5
"""Steps down a file at which parts are sealed: deep enough to name a reading or a criterion's result."""
SEAL_CHARACTERS = 20
Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


class DecisionExport(Answer):
    """A decision with all it rests on: enough for anybody to decide again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["firstbell.decision-export.v1"] = "firstbell.decision-export.v1"
    notice: str | None
    """SIMULATED when imagined evidence had reached the program, else None."""
    program_id: str
    school_id: str
    school: str
    fact_sequence: int
    occurred_at: datetime
    rehearsal: bool
    decision: DecisionRecord
    policy: PolicyDocument
    calendar: Calendar | None
    """None: the decision was made without one."""
    seals: dict[str, str] = Field(default_factory=dict)
    """Place to digest, of every part of this file but this one."""

    def headline(self) -> str:
        """The verdict in one line."""
        if self.decision.profile not in self.policy.profiles:
            return f"{self.decision.verdict.gate.value}: {self.decision.verdict.outcome.value}"
        return headline(self.decision.verdict, resolve(self.policy, self.decision.profile))


class Finding(Answer):
    """One place where a record is not what it should be."""

    place: str
    expected: str
    seen: str


class Proof(Answer):
    """What verifying a record found."""

    subject: str
    stands: bool
    headline: str
    recomputed: Verdict | None
    """None: it could not be computed again."""
    findings: tuple[Finding, ...]


class UnreadableError(Exception):
    """A file that is no decision export at all."""


def export(fact: Fact, school: str, noticed: bool, policy: PolicyDocument, calendar: Calendar | None) -> DecisionExport:
    """The file of one gate-decided fact, sealed. Raises ValueError for a fact of another kind."""
    if not isinstance(fact.body, GateDecided):
        raise ValueError(f"fact {fact.fact_sequence}: expected gate-decided, seen {fact.body.kind}")
    made = DecisionExport(
        notice=SIMULATED if noticed or fact.simulated else None,
        program_id=fact.program_id, school_id=fact.school_id, school=school, fact_sequence=fact.fact_sequence,
        occurred_at=fact.occurred_at, rehearsal=fact.rehearsal, decision=fact.body.decision, policy=policy,
        calendar=calendar,
    )  # fmt: skip
    return made.model_copy(update={"seals": seals_of(tree_of(made))})


def tree_of(made: DecisionExport) -> Json:
    """The file's JSON as any reader sees it, defaults included."""
    tree: Json = made.model_dump(mode="json")
    return tree


def seals_of(tree: Json) -> dict[str, str]:
    """A digest for each part of a file, by its place; the seals themselves are left out."""
    assert isinstance(tree, dict)
    rest: Json = {key: value for key, value in tree.items() if key != "seals"}
    return {place: digest_of([part]).removeprefix("sha256:")[:SEAL_CHARACTERS] for place, part in _parts("", rest, 0)}


def _parts(place: str, tree: Json, depth: int) -> Iterator[tuple[str, Json]]:
    children: list[tuple[str, Json]] = []
    if depth < SEALED_DEPTH and isinstance(tree, dict):
        children = list(tree.items())
    elif depth < SEALED_DEPTH and isinstance(tree, list) and tree and isinstance(tree[0], dict):
        children = [(str(index), child) for index, child in enumerate(tree)]
    if not children:
        yield place, tree
    for name, child in children:
        yield from _parts(f"{place}/{name}", child, depth + 1)


def prove(text: str) -> Proof:
    """Decides again from a file and compares, naming every place that differs. Raises UnreadableError for other files."""
    try:
        tree: Json = json.loads(text)
        canonical_bytes([tree])  # refuses what no seal can be made of: NaN, infinity, half a character
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"expected a decision export in JSON, seen {error}") from error
    if not isinstance(tree, dict) or tree.get("format") != "firstbell.decision-export.v1":
        raise UnreadableError("expected a decision export of format firstbell.decision-export.v1, seen another file")
    subject = (
        f"{tree.get('school')} ({tree.get('program_id')}/{tree.get('school_id')}), fact {tree.get('fact_sequence')}"
    )
    broken = _broken_seals(tree)
    try:
        made = DecisionExport.model_validate(tree)
    except ValidationError as error:
        faults = tuple(
            Finding(
                place="/" + "/".join(map(str, each["loc"])), expected=each["msg"], seen=repr(each.get("input"))[:120]
            )
            for each in error.errors(include_url=False)
        )
        return Proof(subject=subject, stands=False, headline="unreadable", recomputed=None, findings=(*faults, *broken))
    return _decide_again(made, subject, broken)


def _decide_again(made: DecisionExport, subject: str, broken: tuple[Finding, ...]) -> Proof:
    differences = verify.compare(made.decision, made.policy, made.calendar)
    known = made.decision.profile in made.policy.profiles
    findings = (
        *(Finding(place=each.path, expected=each.expected, seen=each.recorded) for each in differences),
        *_told_otherwise(made),
    )
    return Proof(
        subject=subject,
        stands=not findings and not broken,
        headline=made.headline(),
        recomputed=verify.recompute(made.decision, made.policy, made.calendar) if known else None,
        findings=(*broken, *findings),
    )


def _told_otherwise(made: DecisionExport) -> Iterator[Finding]:
    """Where the file's own words contradict the inputs it was decided from."""
    inputs = made.decision.inputs
    if made.rehearsal is not inputs.rehearsal:
        yield Finding(place="/rehearsal", expected=str(inputs.rehearsal), seen=str(made.rehearsal))
    if inputs.context is not None and made.school_id != inputs.context.school_id:
        yield Finding(place="/school_id", expected=inputs.context.school_id, seen=made.school_id)
    if made.notice is None and any(item.simulated for item in inputs.evidence.values()):
        yield Finding(place="/notice", expected=SIMULATED, seen="none")


def _broken_seals(tree: dict[str, Json]) -> tuple[Finding, ...]:
    recorded, now = tree.get("seals"), seals_of(tree)
    if not isinstance(recorded, dict):
        return (Finding(place="/seals", expected="a seal for each part", seen="none"),)
    findings = []
    for place in sorted({*recorded, *now}):
        if recorded.get(place) != now.get(place):
            findings.append(
                Finding(
                    place=place,
                    expected=f"the part whose seal is {recorded.get(place, 'absent')}",
                    seen=f"{_shown(tree, place)}, whose seal is {now.get(place, 'absent')}",
                )
            )
    return tuple(findings)


def _shown(tree: Json, place: str) -> str:
    for step in place.split("/")[1:]:
        if isinstance(tree, dict) and step in tree:
            tree = tree[step]
        elif isinstance(tree, list) and step.isdigit() and int(step) < len(tree):
            tree = tree[int(step)]
        else:
            return "nothing"
    return json.dumps(tree)[:160]
