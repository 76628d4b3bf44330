"""How a criterion stands by evidence and time alone: one function for each kind. Called by evaluate.py, for every one.

People's waivers, approvals and holds are laid on afterwards.
"""

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
from workflows.policy.criteria import acts, values, waiting
from workflows.policy.judgement import Ground, Judgement


def judge(criterion: Criterion, ground: Ground) -> Judgement:
    """How a criterion stands by evidence and time alone. Raises nothing by design; evaluate.py catches what does."""
    match criterion:
        case Threshold():
            return values.threshold(criterion, ground)
        case Share():
            return values.share(criterion, ground)
        case DefectCount():
            return values.defect_count(criterion, ground)
        case Trend():
            return values.trend(criterion, ground)
        case Consecutive():
            return values.consecutive(criterion, ground)
        case Match():
            return values.match(criterion, ground)
        case Soak():
            return waiting.soak(criterion, ground)
        case Dwell():
            return waiting.dwell(criterion, ground)
        case DateWindow():
            return waiting.date_window(criterion, ground)
        case SignOffs():
            return acts.sign_offs(criterion, ground)
        case Document():
            return acts.document(criterion, ground)
        case _:
            assert_never(criterion)
