"""When a hold applies, and what it adds to a verdict. Called by evaluate.py and settle.py.

A hold given to a school is about that school: its scope was checked when it was placed. A hold only ever adds.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

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


def blocking(holds: Iterable[Hold], what: Literal["advance", "hand-out"], now: datetime) -> tuple[Hold, ...]:
    """The holds that keep this from happening now, in the order of their ids."""
    standing = (each for each in holds if each.blocks in (what, "all") and not expired(each, now))
    return tuple(sorted(standing, key=lambda each: each.hold_id))


def _waiting(hold: Hold) -> CriterionResult:
    """A hold on hand-outs alone is shown, and shuts no gate."""
    advance = hold.blocks != "hand-out"
    beside = (*(("emergency-stop",) if hold.emergency else ()), *(() if advance else ("hand-outs-only",)))
    unknown = ("not-known-whether-it-matches",) if hold.matched == "unknown" else ()
    return CriterionResult.model_construct(
        criterion_id=PREFIX + hold.hold_id,
        severity=Severity.HARD if advance else Severity.SOFT,
        status=Status.WAITING,
        outcome=Outcome.WAITING if advance else Outcome.OPEN,
        reason=Reason.HELD,
        observed_at=hold.placed_at,
        detail=(hold.reason, *beside, *unknown),
        next_look_at=hold.expires_at,
    )
