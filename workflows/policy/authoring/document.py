"""From a policy document to the policy a school pins, and what is wrong with a document. Pure; the YAML is elsewhere.

Called by services/policies (check, resolve), program start and verify. `lint` finds what a schema cannot: it never
repairs, and a document with a fault is refused by its callers.
"""

from collections.abc import Collection, Iterator, Mapping
from itertools import combinations

from schemas.gate import (
    Gate,
    PolicyDocument,
    Profile,
    SchoolPolicy,
    Severity,
    SignOffs,
    Soak,
)
from schemas.model import digest_of
from schemas.readiness import CATALOGUE
from schemas.school import Role
from workflows.policy import trust
from workflows.policy.authoring import undecidable
from workflows.policy.authoring.fault import Fault, Path
from workflows.policy.authoring.kinds import faults_of, known, line_fault
from workflows.policy.guard.guards import watched_criteria

__all__ = ["Fault", "lint", "profile_for", "resolve"]


def profile_for(document: PolicyDocument, teachers: float | None) -> str:
    """The profile for a school of so many teachers (full-time equivalents; None: unknown).

    A profile with an end wins over one with none. Raises LookupError when no profile fits, which lint forbids.
    """
    if teachers is not None:
        for name, profile in sorted(document.profiles.items()):
            if _bounded(profile) and _low(profile) <= teachers < _high(profile):
                return name
    for name, profile in sorted(document.profiles.items()):
        if not _bounded(profile):
            return name
    raise LookupError(
        f"policy {document.name} v{document.version}: expected a profile for {teachers} teachers, "
        f"seen {', '.join(sorted(document.profiles))}; add a profile without ends"
    )


def resolve(document: PolicyDocument, profile: str) -> SchoolPolicy:
    """What a school of this profile pins. Raises LookupError for a profile the document has not."""
    found = document.profiles.get(profile)
    if found is None:
        raise LookupError(
            f"policy {document.name} v{document.version}: expected profile {profile}, "
            f"seen {', '.join(sorted(document.profiles))}"
        )
    return SchoolPolicy(
        name=document.name,
        version=document.version,
        digest=digest_of(document),
        semantics=document.semantics,
        profile=profile,
        gates=found.gates,
        freezes=document.freezes,
        exceptions=document.exceptions,
        trust=document.trust,
        ladders=document.ladders,
        alarms=document.alarms,
        waiver_ladder=document.waiver_ladder,
    )


def lint(document: PolicyDocument) -> tuple[Fault, ...]:
    """Everything wrong with a document, in its order; empty: it may be used. Never blocks."""
    faults = [*_profiles(document.profiles), *undecidable.unreachable(document.profiles), *_alarms(document)]
    faults += trust.faults(document)
    for name, profile in document.profiles.items():
        faults += undecidable.of_profile(profile, ("profiles", name), heir=document.inherits is not None)
        faults += [
            Fault(at, _no_ladder(ladder, document))
            for at, ladder in _ladders_named(name, profile)
            if ladder not in document.ladders
        ]
        soaks: dict[str, str] = {}
        for gate_id, gate in profile.gates.items():
            path: Path = ("profiles", name, "gates", gate_id.value)
            faults += _gate(gate, path)
            for index, criterion in enumerate(gate.criteria):
                if not isinstance(criterion, Soak):
                    continue
                if criterion.id in soaks:
                    message = f"expected a soak id used once, seen {criterion.id} in {soaks[criterion.id]} too"
                    faults.append(Fault((*path, "criteria", index, "id"), message))
                soaks[criterion.id] = gate_id.value
    return tuple(faults)


def _bounded(profile: Profile) -> bool:
    return profile.teachers_at_least is not None or profile.teachers_below is not None


def _low(profile: Profile) -> float:
    return profile.teachers_at_least or 0.0


def _high(profile: Profile) -> float:
    return profile.teachers_below if profile.teachers_below is not None else float("inf")


def _profiles(profiles: Mapping[str, Profile]) -> Iterator[Fault]:
    if all(_bounded(profile) for profile in profiles.values()):
        yield Fault(("profiles",), "expected a profile without ends, for schools of unknown teachers")
    for name, profile in profiles.items():
        if _low(profile) >= _high(profile):
            yield Fault(("profiles", name, "teachers_below"), f"expected more than {_low(profile):g}")
    bounded = [entry for entry in profiles.items() if _bounded(entry[1])]
    for (first, one), (second, other) in combinations(bounded, 2):
        if _low(one) < _high(other) and _low(other) < _high(one):
            yield Fault(("profiles", second, "teachers_at_least"), f"expected no overlap with profile {first}")


def _no_ladder(ladder: str, document: PolicyDocument) -> str:
    return (
        f"expected one of the policy's ladders ({', '.join(sorted(document.ladders)) or 'it has none'}), seen {ladder}"
    )


def _ladders_named(name: str, profile: Profile) -> Iterator[tuple[Path, str]]:
    for gate_id, gate in profile.gates.items():
        path: Path = ("profiles", name, "gates", gate_id.value)
        if gate.blocked_ladder is not None:
            yield (*path, "blocked_ladder"), gate.blocked_ladder
        if gate.unanswered_ladder is not None:
            yield (*path, "unanswered_ladder"), gate.unanswered_ladder
        for index, line in enumerate(gate.guard.compensations if gate.guard else ()):
            if line.ladder is not None:
                yield (*path, "guard", "compensations", index, "ladder"), line.ladder
        for index, criterion in enumerate(gate.criteria):
            if criterion.work_item is not None and criterion.work_item.ladder is not None:
                yield (*path, "criteria", index, "work_item", "ladder"), criterion.work_item.ladder


def _alarms(document: PolicyDocument) -> Iterator[Fault]:
    if document.waiver_ladder is not None and document.waiver_ladder not in document.ladders:
        yield Fault(("waiver_ladder",), _no_ladder(document.waiver_ladder, document))
    for index, alarm in enumerate(document.alarms):
        path: Path = ("alarms", index)
        yield from known(alarm.signal, (*path, "signal"))
        signal = CATALOGUE.get(alarm.signal)
        if signal is not None:
            yield from line_fault(signal, alarm.quiet_at, (*path, "quiet_at"))
        ladder = document.ladders.get(alarm.ladder)
        if ladder is None:
            yield Fault((*path, "ladder"), _no_ladder(alarm.ladder, document))
        elif alarm.first_rung > len(ladder.rungs):
            message = f"expected one of the ladder's {len(ladder.rungs)} rungs, seen {alarm.first_rung}"
            yield Fault((*path, "first_rung"), message)


def _guard(gate: Gate, path: Path) -> Iterator[Fault]:
    """A guard that watches nothing would look like one that sees nothing wrong."""
    if gate.guard is None:
        return
    able = watched_criteria(gate, gate.guard.model_copy(update={"criterion_ids": ()}))
    if not able:
        yield Fault((*path, "guard"), "expected a hard criterion that evidence can contradict, seen none")
    for index, name in enumerate(gate.guard.criterion_ids):
        if name not in able:
            message = f"expected one of {', '.join(able) or 'none'}, which evidence can contradict; seen {name}"
            yield Fault((*path, "guard", "criterion_ids", index), message)


def _gate(gate: Gate, path: Path) -> Iterator[Fault]:
    yield from _guard(gate, path)
    hard = [each for each in gate.criteria if each.severity is Severity.HARD]
    if not hard:
        yield Fault((*path, "criteria"), "expected a hard criterion: a gate with none is never decided")
    signers = {role for each in gate.criteria if isinstance(each, SignOffs) for role in each.roles}
    if gate.approver in signers and any(not isinstance(each, SignOffs) for each in hard):
        yield Fault((*path, "approver"), f"expected a role that signs nothing at this gate, seen {gate.approver.value}")
    yield from _approvers(gate, signers, path)
    for index, criterion in enumerate(gate.criteria):
        yield from faults_of(criterion, (*path, "criteria", index))


def _approvers(gate: Gate, signers: Collection[Role], path: Path) -> Iterator[Fault]:
    """Groups and a deputy that could never be satisfied, or that would let somebody approve what they proposed."""
    named: list[Role] = []
    for index, group in enumerate(gate.approvals):
        at: Path = (*path, "approvals", index, "roles")
        for role in group.roles:
            if role in named:
                yield Fault(at, f"expected each role in one group, seen {role.value} in two")
            if role in signers:
                yield Fault(at, f"expected roles that sign nothing at this gate, seen {role.value}")
        named += group.roles
    if gate.approvals and gate.approver not in named:
        message = f"expected one of the groups' roles ({', '.join(role.value for role in named)})"
        yield Fault((*path, "approver"), f"{message}, seen {gate.approver.value}")
    if gate.deputy is not None and gate.deputy in (*named, gate.approver, *signers):
        yield Fault(
            (*path, "deputy"), f"expected a role that neither approves nor signs here, seen {gate.deputy.value}"
        )
    if gate.deputy is None and gate.deputy_after_days != Gate.model_fields["deputy_after_days"].default:
        yield Fault((*path, "deputy_after_days"), "expected a deputy beside it")
