"""When a gate is shut by a silent source alone: that is one incident for the source's owner, no matter for a ladder.

Called by troubles.py and by the console, which counts the schools of one incident. Pure.
"""

from collections.abc import Iterable

from schemas.decision import CriterionResult, Outcome, Status
from schemas.readiness import CATALOGUE, Missing

SILENT_MISSING = (Missing.SILENT_SOURCE, Missing.NO_WATERMARK)
"""Why a reading is missing when its source, not the school, owes it."""
_SHUT = (Outcome.UNMET, Outcome.UNKNOWN)


def is_silent(result: CriterionResult) -> bool:
    """Whether a criterion cannot be read because its source has stopped speaking; never reported at all is not that."""
    if result.signal is None:
        return False
    return result.status is Status.STALE or (result.status is Status.UNKNOWN and result.missing in SILENT_MISSING)


def shut_by(results: Iterable[CriterionResult]) -> tuple[CriterionResult, ...]:
    """The results that say no, or nothing: what blocks a gate besides time and approval."""
    return tuple(result for result in results if result.outcome in _SHUT)


def owner_of_silence(results: Iterable[CriterionResult]) -> str | None:
    """The owner of the silent source, if nothing but silence shuts the gate; of several the first by name, else None."""
    shut = shut_by(results)
    if not shut or not all(is_silent(result) for result in shut):
        return None
    return min(
        (CATALOGUE[each.signal].owner for each in shut if each.signal and each.signal in CATALOGUE), default=None
    )


def incident_of(owner: str, program_id: str) -> str:
    """The one incident of an owner's silence in a program."""
    return f"incident-{owner}-{program_id}"
