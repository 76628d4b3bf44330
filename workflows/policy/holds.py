"""When a hold applies, and what it adds to a verdict. Called by evaluate.py and settle.py.

A hold given to a school is about that school: its scope was checked when it was placed. A hold only ever adds.
"""

from collections.abc import Iterable
from datetime import datetime

from schemas.decision import CriterionResult, Hold, Outcome, Reason, Status
from schemas.gate import Severity

PREFIX = "hold:"
"""What a hold's result is called: this, and its id."""


def expired(hold: Hold, now: datetime) -> bool:
    """Whether a hold's time has ended; one without an end stands until it is lifted."""
    return hold.expires_at is not None and now >= hold.expires_at


def results(holds: Iterable[Hold], now: datetime) -> list[CriterionResult]:
    """One waiting result for each applying hold, in the order of their ids."""
    return [_waiting(hold) for hold in sorted(holds, key=lambda each: each.hold_id) if not expired(hold, now)]


def _waiting(hold: Hold) -> CriterionResult:
    return CriterionResult.model_construct(
        criterion_id=PREFIX + hold.hold_id,
        severity=Severity.HARD,
        status=Status.WAITING,
        outcome=Outcome.WAITING,
        reason=Reason.HELD,
        observed_at=hold.placed_at,
        detail=(hold.reason,),
        next_look_at=hold.expires_at,
    )
