"""What reads like a policy and can never be decided as meant. Called by document.lint; it refuses and repairs nothing.

A profile no school gets, a way longer than a school year, evidence that ages out before it can be refreshed, an
outcome asked for before there can be one, a variance on a line that is none.
"""

from collections.abc import Iterator, Mapping

from schemas.gate import Criterion, Dwell, Gate, Profile, Severity, Share, Soak, Threshold, Trend
from schemas.readiness import CATALOGUE, on_grid
from schemas.school import GateId
from workflows.policy.authoring.fault import Fault, Path

YEAR_DAYS = 180
"""Instructional days of a school year, in most states of the United States. A way that is longer ends in no year."""
REFRESH_DAYS = 1
"""Instructional days after which an owner emits an unchanged reading again: evidence must be allowed to be older."""
BEFORE_SCALE = tuple(gate for gate in GateId if gate is not GateId.SCALE_GUARD)


def unreachable(profiles: Mapping[str, Profile]) -> Iterator[Fault]:
    """Profiles that no school ever gets: of several without ends, one is taken, and by its name alone."""
    endless = sorted(
        name for name, each in profiles.items() if each.teachers_at_least is None and each.teachers_below is None
    )
    for name in endless[1:]:
        message = f"expected ends: every school that none fits gets {endless[0]}, so no school gets {name}"
        yield Fault(("profiles", name), message)


def of_profile(profile: Profile, path: Path, *, heir: bool = False) -> Iterator[Fault]:
    """What cannot be decided in one profile, gate by gate. An heir's line may be tighter than its parent's range."""
    yield from _long_way(profile, path)
    for gate_id, gate in profile.gates.items():
        for index, criterion in enumerate(gate.criteria):
            at: Path = (*path, "gates", gate_id.value, "criteria", index)
            yield from _outcome(gate_id, criterion, at)
            yield from _variance(criterion, at, heir)
            if isinstance(criterion, Soak) and criterion.evidence_age_days_max <= REFRESH_DAYS:
                message = f"expected more than {REFRESH_DAYS} day: an unchanged reading is refreshed once a day"
                yield Fault((*at, "evidence_age_days_max"), f"{message}, seen {criterion.evidence_age_days_max}")


def _long_way(profile: Profile, path: Path) -> Iterator[Fault]:
    """Dwells add up, phase after phase; a soak may run beside them from the start."""
    days = 0
    for gate_id in BEFORE_SCALE:
        spent = days
        for criterion in _hard(profile.gates[gate_id]):
            if isinstance(criterion, Dwell):
                until = spent + criterion.minimum_days
            elif isinstance(criterion, Soak):
                until = criterion.minimum_days
            else:
                continue
            if until > YEAR_DAYS >= days:
                at = profile.gates[gate_id].criteria.index(criterion)
                message = f"expected a way of at most {YEAR_DAYS} instructional days, a school year, seen {until}"
                yield Fault((*path, "gates", gate_id.value, "criteria", at, "minimum_days"), message)
            days = max(days, until)


def _hard(gate: Gate) -> tuple[Criterion, ...]:
    return tuple(each for each in gate.criteria if each.severity is Severity.HARD)


def _outcome(gate_id: GateId, criterion: Criterion, path: Path) -> Iterator[Fault]:
    """What pupils learned says nothing before a full term: it may be watched before scale, and gate nothing."""
    name = getattr(criterion, "signal", None)
    signal = CATALOGUE.get(name) if isinstance(name, str) else None
    if signal is None or not signal.outcome or gate_id not in BEFORE_SCALE or criterion.severity is not Severity.HARD:
        return
    message = f"expected no outcome as a hard line before a full term (A90), seen {signal.name} at {gate_id.value}"
    yield Fault((*path, "signal"), f"{message}; make it observe")


def _variance(criterion: Criterion, path: Path, heir: bool) -> Iterator[Fault]:
    for line, (low, high) in criterion.variance.items():
        at: Path = (*path, "variance", line)
        value = getattr(criterion, line, None)
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield Fault(at, f"expected a line of this criterion that has a number, seen {line}")
        elif low > high or not (heir or low <= value <= high):
            yield Fault(at, f"expected a range that holds {line} ({value:g}), seen {low:g} to {high:g}")
        elif isinstance(criterion, Threshold | Share | Trend | Soak) and not isinstance(value, int):
            signal = CATALOGUE.get(criterion.signal)
            ends = () if signal is None or line == "confidence_ratio" else (low, high)
            for end in ends:
                if signal is not None and not on_grid(signal, end):
                    yield Fault(at, f"expected a whole number of steps of {signal.resolution}, seen {end:g}")
