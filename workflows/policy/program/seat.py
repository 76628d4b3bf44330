"""Where a school that has not started waits in its program, and what keeps it out. Called by the program's query.

Decided at the instant asked for, by the same rules that admit: the figures are of the latest counts. It changes nothing.
"""

from datetime import datetime

from schemas.model import Instant, Tolerant
from schemas.program import Binding
from schemas.school import ProgramId, SchoolId
from workflows.policy.program import admitting
from workflows.policy.program.admission import ProgramState
from workflows.policy.program.picture import ProgramLedger


class Place(Tolerant):
    """A waiting school's place."""

    program_id: ProgramId
    school_id: SchoolId
    wave: int
    waves_count: int
    place: int
    """In its wave, among those that still wait: 1 is the next."""
    ahead_count: int
    """Schools that wait before it, of every wave."""
    opened: bool
    """True: its wave has opened, and admits as far as resources go."""
    binding: tuple[Binding, ...]
    """Everything that keeps the next school of the program out. Empty: schools are being admitted."""
    looked_at: Instant


def place_of(state: ProgramState, school_id: SchoolId, now: datetime) -> Place | None:
    """None: the school does not wait in this program: it was admitted, it left, or it was never seated."""
    ahead = 0
    for number, seats in enumerate(state.waiting, 1):
        ids = [seat.school_id for seat in seats]
        if school_id in ids:
            place = ids.index(school_id) + 1
            return Place(
                program_id=state.program_id, school_id=school_id, wave=number, waves_count=len(state.waiting),
                place=place, ahead_count=ahead + place - 1, opened=number in state.picture.opened,
                binding=_binding(state, now), looked_at=now,
            )  # fmt: skip
        ahead += len(ids)
    return None


def _binding(state: ProgramState, now: datetime) -> tuple[Binding, ...]:
    """What binds, with the figures of the latest counts: a fact keeps those of the moment it was written."""
    unsaid = state.picture.model_copy(update={"waits": ()})
    ledger = ProgramLedger(state.program_id, state.rehearsal, unsaid, now)
    admitting.settle(state.policy, state.moved, state.waiting, ledger, max(now, state.seen_at))
    return ledger.picture.waits or state.picture.waits
