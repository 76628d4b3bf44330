"""How a criterion's demand looks on a line: what the room's two commands share."""

from typing import assert_never

from schemas.gate import (
    Consecutive,
    Criterion,
    DateWindow,
    DefectCount,
    Document,
    Dwell,
    Match,
    Share,
    SignOffs,
    Soak,
    Threshold,
    Trend,
)
from schemas.readiness import CATALOGUE, Direction


def line_of(criterion: Criterion) -> str:
    """A criterion's demand in a few words, with its unit."""
    match criterion:
        case Threshold() | Trend():
            parts = [_compared(criterion.signal, criterion.pass_at)]
            if criterion.warn_at is not None:
                parts.append(f"warns unless {_compared(criterion.signal, criterion.warn_at)}")
            if isinstance(criterion, Trend):
                parts.append(f"over {criterion.minimum_points} points or more")
            return ", ".join([*parts, *_grey(criterion)])
        case Consecutive():
            return _compared(criterion.signal, criterion.periods)
        case Match():
            what = criterion.expected or f"the plan's {criterion.field}"
            return f"{criterion.field} is {what}"
        case Document():
            age = f", at most {criterion.age_days_max} days old" if criterion.age_days_max else ""
            return f"{criterion.document} approved by {' or '.join(role.value for role in criterion.approvers)}{age}"
        case DateWindow():
            ends = [f"from {criterion.opens_on}" if criterion.opens_on else "",
                    f"to {criterion.closes_on}" if criterion.closes_on else ""]  # fmt: skip
            return " ".join(end for end in ends if end)
        case Share():
            parts = [_compared(criterion.signal, criterion.pass_at), *_grey(criterion)]
            if criterion.minimum_population > 1:
                parts.append(f"of {criterion.minimum_population} or more")
            if criterion.confidence_ratio is not None:
                parts.append(f"by a bound of {criterion.confidence_ratio:.0%} confidence")
            return ", ".join(parts)
        case DefectCount():
            return f"at most {criterion.critical_at_most} critical and {criterion.major_at_most} major open defects"
        case Soak():
            return f"{_compared(criterion.signal, criterion.healthy_at)} for {criterion.minimum_days} days on end"
        case Dwell():
            return f"at least {criterion.minimum_days} instructional days in the phase"
        case SignOffs():
            return f"signed by {', '.join(role.value for role in criterion.roles)}"
        case _:
            assert_never(criterion)


def _grey(criterion: Threshold | Share | Trend) -> list[str]:
    return (
        []
        if criterion.fail_at is None
        else [f"from {_amount(criterion.signal, criterion.fail_at)} on a person is asked"]
    )


def _compared(signal: str, value: float) -> str:
    if CATALOGUE[signal].unit == "yes-or-no":
        return "yes"
    word = "at least" if CATALOGUE[signal].direction is Direction.HIGHER_IS_BETTER else "at most"
    return f"{word} {_amount(signal, value)}"


def _amount(signal: str, value: float) -> str:
    unit = CATALOGUE[signal].unit
    return f"{value:.0%}" if unit == "ratio" else f"{value:g} {unit}"
