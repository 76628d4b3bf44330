"""What a program's facts add up to, and its ledger. Called by admission for its own facts, and by readers of the topic.

The law: folding the facts that admission wrote gives the picture of its state.
"""

from datetime import datetime
from typing import assert_never

from schemas.program_fact import (
    Aborted,
    AdmissionWaits,
    JoinedLate,
    LeftWaiting,
    LineLifted,
    LineStopped,
    ProgramEnded,
    ProgramFact,
    ProgramFactBody,
    ProgramPicture,
    ProgramStarted,
    SchoolsAdmitted,
    WaveOpened,
    WaveProgressed,
)

Change = dict[str, object]


def fold_program_fact(picture: ProgramPicture, fact: ProgramFact) -> ProgramPicture:
    """The picture after one more fact. Facts come in sequence: the caller waits at gaps and drops repeats."""
    change = {"fact_sequence": fact.fact_sequence, **_change(picture, fact.body)}
    if isinstance(fact.body, ProgramStarted | SchoolsAdmitted | JoinedLate | LeftWaiting | Aborted):
        change["seats_sequence"] = fact.fact_sequence
    return picture.model_copy(update=change)


def _change(picture: ProgramPicture, body: ProgramFactBody) -> Change:
    match body:
        case ProgramStarted() | LeftWaiting() | JoinedLate():
            return {}
        case WaveOpened():
            return {"opened": (*picture.opened, body.wave)}
        case SchoolsAdmitted():
            count = picture.admitted.get(body.wave, 0) + len(body.school_ids)
            return {"admitted": {**picture.admitted, body.wave: count}, "waits": ()}
        case AdmissionWaits():
            return {"waits": body.binding}
        case WaveProgressed():
            return {"progressed": (*picture.progressed, body.wave)}
        case Aborted():
            if body.wave is not None:
                return {"aborted_waves": (*picture.aborted_waves, body.wave)}
            return {"aborted_districts": (*picture.aborted_districts, body.district_id)}
        case LineStopped():
            return {"line_stopped": body.reason}
        case LineLifted():
            if body.wave is not None:
                return {"aborted_waves": tuple(each for each in picture.aborted_waves if each != body.wave)}
            if body.district_id is not None:
                left = tuple(each for each in picture.aborted_districts if each != body.district_id)
                return {"aborted_districts": left}
            return {"line_stopped": None, "waits": ()}
        case ProgramEnded():
            return {"ended": body.reason, "waits": ()}
        case _:
            assert_never(body)


class ProgramLedger:
    """One step's facts, numbered and folded as they are written. Not for keeping: a step makes its own."""

    def __init__(self, program_id: str, rehearsal: bool, picture: ProgramPicture, now: datetime) -> None:
        self.picture = picture
        self.facts: list[ProgramFact] = []
        self._program_id, self._rehearsal, self._now = program_id, rehearsal, now

    def write(self, body: ProgramFactBody) -> None:
        """Number a fact and fold it into the picture."""
        fact = ProgramFact(
            program_id=self._program_id,
            fact_sequence=self.picture.fact_sequence + 1,
            occurred_at=self._now,
            rehearsal=self._rehearsal,
            body=body,
        )
        self.picture = fold_program_fact(self.picture, fact)
        self.facts.append(fact)
