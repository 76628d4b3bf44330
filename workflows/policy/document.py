"""From a policy document to the policy a school pins, and what is wrong with a document. Pure; the YAML is elsewhere.

Called by services/policies (check, resolve), program start and verify. `lint` finds what a schema cannot: it never
repairs, and a document with a fault is refused by its callers.
"""

from collections.abc import Collection, Iterator, Mapping
from itertools import combinations

from schemas.gate import (
    DefectCount,
    Gate,
    PolicyDocument,
    Profile,
    SchoolPolicy,
    Severity,
    Share,
    SignOffs,
    Soak,
    Threshold,
)
from schemas.model import digest_of
from schemas.readiness import CATALOGUE, on_grid
from schemas.school import Role
from schemas.signal import Direction, Signal
from workflows.policy import undecidable
from workflows.policy.fault import Fault, Path

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
        ladders=document.ladders,
        alarms=document.alarms,
        waiver_ladder=document.waiver_ladder,
    )


def lint(document: PolicyDocument) -> tuple[Fault, ...]:
    """Everything wrong with a document, in its order; empty: it may be used. Never blocks."""
    faults = [*_profiles(document.profiles), *undecidable.unreachable(document.profiles), *_alarms(document)]
    for name, profile in document.profiles.items():
        faults += undecidable.of_profile(profile, ("profiles", name))
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
        for index, criterion in enumerate(gate.criteria):
            if criterion.work_item is not None and criterion.work_item.ladder is not None:
                yield (*path, "criteria", index, "work_item", "ladder"), criterion.work_item.ladder


def _alarms(document: PolicyDocument) -> Iterator[Fault]:
    if document.waiver_ladder is not None and document.waiver_ladder not in document.ladders:
        yield Fault(("waiver_ladder",), _no_ladder(document.waiver_ladder, document))
    for index, alarm in enumerate(document.alarms):
        path: Path = ("alarms", index)
        yield from _known(alarm.signal, (*path, "signal"))
        signal = CATALOGUE.get(alarm.signal)
        if signal is not None:
            yield from _line(signal, alarm.quiet_at, (*path, "quiet_at"))
        ladder = document.ladders.get(alarm.ladder)
        if ladder is None:
            yield Fault((*path, "ladder"), _no_ladder(alarm.ladder, document))
        elif alarm.first_rung > len(ladder.rungs):
            message = f"expected one of the ladder's {len(ladder.rungs)} rungs, seen {alarm.first_rung}"
            yield Fault((*path, "first_rung"), message)


def _gate(gate: Gate, path: Path) -> Iterator[Fault]:
    hard = [each for each in gate.criteria if each.severity is Severity.HARD]
    if not hard:
        yield Fault((*path, "criteria"), "expected a hard criterion: a gate with none is never decided")
    signers = {role for each in gate.criteria if isinstance(each, SignOffs) for role in each.roles}
    if gate.approver in signers and any(not isinstance(each, SignOffs) for each in hard):
        yield Fault((*path, "approver"), f"expected a role that signs nothing at this gate, seen {gate.approver.value}")
    yield from _approvers(gate, signers, path)
    for index, criterion in enumerate(gate.criteria):
        at: Path = (*path, "criteria", index)
        match criterion:
            case Threshold():
                yield from _lines(criterion, at)
            case Share():
                yield from _lines(criterion, at)
                signal = CATALOGUE.get(criterion.signal)
                if signal is not None and not signal.share:
                    yield Fault((*at, "signal"), f"expected a share, seen {signal.name} in {signal.unit}")
            case Soak():
                yield from _soak(criterion, at)
            case DefectCount():
                yield from _known(criterion.critical_signal, (*at, "critical_signal"))
                yield from _known(criterion.major_signal, (*at, "major_signal"))
            case SignOffs() if len(set(criterion.roles)) < len(criterion.roles):
                yield Fault((*at, "roles"), "expected each role once")
            case _:
                pass


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


def _known(name: str, path: Path) -> Iterator[Fault]:
    if name not in CATALOGUE:
        yield Fault(path, f"expected a signal of the catalogue, seen {name}")


def _lines(criterion: Threshold | Share, path: Path) -> Iterator[Fault]:
    yield from _known(criterion.signal, (*path, "signal"))
    signal = CATALOGUE.get(criterion.signal)
    if signal is None:
        return
    if criterion.severity is Severity.HARD:
        yield from _missable(signal, criterion.pass_at, (*path, "pass_at"))
    warn_at = criterion.warn_at if isinstance(criterion, Threshold) else None
    for key, line in (("pass_at", criterion.pass_at), ("fail_at", criterion.fail_at), ("warn_at", warn_at)):
        yield from _line(signal, line, (*path, key))
    if criterion.fail_at is not None and not _better(signal, criterion.pass_at, criterion.fail_at):
        message = f"expected worse than pass_at ({criterion.pass_at:g}), seen {criterion.fail_at:g}"
        yield Fault((*path, "fail_at"), f"{message}: {signal.direction.value}")
    if warn_at is not None and not _better(signal, warn_at, criterion.pass_at):
        message = f"expected better than pass_at ({criterion.pass_at:g}), seen {warn_at:g}"
        yield Fault((*path, "warn_at"), f"{message}: {signal.direction.value}")


def _soak(criterion: Soak, path: Path) -> Iterator[Fault]:
    yield from _known(criterion.signal, (*path, "signal"))
    signal = CATALOGUE.get(criterion.signal)
    if signal is None:
        return
    yield from _line(signal, criterion.healthy_at, (*path, "healthy_at"))
    if criterion.severity is Severity.HARD:
        yield from _missable(signal, criterion.healthy_at, (*path, "healthy_at"))
    if criterion.evidence_age_days_max > signal.freshness_days:
        message = f"expected at most the signal's freshness ({signal.freshness_days} days)"
        yield Fault((*path, "evidence_age_days_max"), f"{message}, seen {criterion.evidence_age_days_max}")


def _line(signal: Signal, line: float | None, path: Path) -> Iterator[Fault]:
    if line is None:
        return
    if line < signal.low or (signal.high is not None and line > signal.high):
        high = "unbounded" if signal.high is None else f"{signal.high:g}"
        yield Fault(path, f"expected {signal.low:g} to {high} {signal.unit}, seen {line:g}")
    elif not on_grid(signal, line):
        yield Fault(path, f"expected a whole number of steps of {signal.resolution}, seen {line:g}")


def _missable(signal: Signal, line: float, path: Path) -> Iterator[Fault]:
    """A hard line at the worst end of its signal's range lets everything through, though it reads like a condition."""
    worst = signal.low if signal.direction is Direction.HIGHER_IS_BETTER else signal.high
    if worst is not None and line == worst:
        yield Fault(path, f"expected a line that something can miss, seen {line:g}, the worst {signal.name} can be")


def _better(signal: Signal, one: float, other: float) -> bool:
    return one > other if signal.direction is Direction.HIGHER_IS_BETTER else one < other
