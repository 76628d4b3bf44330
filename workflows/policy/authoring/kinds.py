"""What is wrong with one criterion as a document says it: lines on the grid, the right kind of signal. Pure.

Called by document.py's lint. It finds what a schema cannot, repairs nothing, and says where by keys and indexes.
"""

from collections.abc import Iterator
from typing import assert_never

from schemas.gate import (
    Consecutive,
    Criterion,
    DateWindow,
    DefectCount,
    Document,
    Dwell,
    Match,
    Severity,
    Share,
    SignOffs,
    Soak,
    Threshold,
    Trend,
)
from schemas.readiness import CATALOGUE, on_grid
from schemas.signal import Direction, Form, Signal
from workflows.policy.authoring.fault import Fault, Path


def faults_of(criterion: Criterion, at: Path) -> Iterator[Fault]:
    """Everything wrong with one criterion, in its order."""
    match criterion:
        case Threshold():
            yield from _lines(criterion, at)
        case Share():
            yield from _lines(criterion, at)
            signal = CATALOGUE.get(criterion.signal)
            if signal is not None and not signal.share:
                yield Fault((*at, "signal"), f"expected a share, seen {signal.name} in {signal.unit}")
        case Trend():
            yield from _lines(criterion, at)
            yield from _form(criterion.signal, Form.TREND, at)
        case Consecutive():
            yield from _consecutive(criterion, at)
        case Match():
            yield from known(criterion.signal, (*at, "signal"))
            yield from _form(criterion.signal, Form.NAMES, at)
        case Soak():
            yield from _soak(criterion, at)
        case DefectCount():
            yield from known(criterion.critical_signal, (*at, "critical_signal"))
            yield from known(criterion.major_signal, (*at, "major_signal"))
        case SignOffs():
            if len(set(criterion.roles)) < len(criterion.roles):
                yield Fault((*at, "roles"), "expected each role once")
        case Document():
            if len(set(criterion.approvers)) < len(criterion.approvers):
                yield Fault((*at, "approvers"), "expected each role once")
        case Dwell() | DateWindow():
            pass
        case _:
            assert_never(criterion)


def known(name: str, path: Path) -> Iterator[Fault]:
    """A signal that the catalogue has not."""
    if name not in CATALOGUE:
        yield Fault(path, f"expected a signal of the catalogue, seen {name}")


def _lines(criterion: Threshold | Share | Trend, path: Path) -> Iterator[Fault]:
    yield from known(criterion.signal, (*path, "signal"))
    signal = CATALOGUE.get(criterion.signal)
    if signal is None:
        return
    if criterion.severity is Severity.HARD:
        yield from _missable(signal, criterion.pass_at, (*path, "pass_at"))
    warn_at = None if isinstance(criterion, Share) else criterion.warn_at
    for key, line in (("pass_at", criterion.pass_at), ("fail_at", criterion.fail_at), ("warn_at", warn_at)):
        yield from line_fault(signal, line, (*path, key))
    if criterion.fail_at is not None and not _better(signal, criterion.pass_at, criterion.fail_at):
        message = f"expected worse than pass_at ({criterion.pass_at:g}), seen {criterion.fail_at:g}"
        yield Fault((*path, "fail_at"), f"{message}: {signal.direction.value}")
    if warn_at is not None and not _better(signal, warn_at, criterion.pass_at):
        message = f"expected better than pass_at ({criterion.pass_at:g}), seen {warn_at:g}"
        yield Fault((*path, "warn_at"), f"{message}: {signal.direction.value}")


def _form(name: str, form: Form, path: Path) -> Iterator[Fault]:
    signal = CATALOGUE.get(name)
    if signal is not None and signal.form is not form:
        yield Fault((*path, "signal"), f"expected a signal of form {form.value}, seen {name} of {signal.form.value}")


def _consecutive(criterion: Consecutive, path: Path) -> Iterator[Fault]:
    yield from known(criterion.signal, (*path, "signal"))
    yield from _form(criterion.signal, Form.STREAK, path)
    signal = CATALOGUE.get(criterion.signal)
    if signal is None:
        return
    yield from line_fault(signal, float(criterion.periods), (*path, "periods"))
    if criterion.severity is Severity.HARD:
        yield from _missable(signal, float(criterion.periods), (*path, "periods"))


def _soak(criterion: Soak, path: Path) -> Iterator[Fault]:
    yield from known(criterion.signal, (*path, "signal"))
    signal = CATALOGUE.get(criterion.signal)
    if signal is None:
        return
    yield from line_fault(signal, criterion.healthy_at, (*path, "healthy_at"))
    if criterion.severity is Severity.HARD:
        yield from _missable(signal, criterion.healthy_at, (*path, "healthy_at"))
    if criterion.evidence_age_days_max > signal.freshness_days:
        message = f"expected at most the signal's freshness ({signal.freshness_days} days)"
        yield Fault((*path, "evidence_age_days_max"), f"{message}, seen {criterion.evidence_age_days_max}")


def line_fault(signal: Signal, line: float | None, path: Path) -> Iterator[Fault]:
    """A line outside its signal's range or off its grid. None: no line, no fault."""
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
