"""Why a school has not begun: its place in a wave of its program, and what keeps the next one out.

Called by `school why`. A waiting school has no facts of its own, so that the projection does not know it: the program's
workflow is asked.
"""

from datetime import datetime

from schemas.program import Binding, Limit
from schemas.school import ProgramId, SchoolId
from services.console import door
from services.console.views import Answer, SchoolName
from services.kit.outcome import TemporaryError
from services.kit.settings import Settings
from workflows.policy.program.seat import Place
from workflows.policy.program.wave_words import words

_STEPS = {
    Limit.RESOURCE: "free some of it, or add to it; `firstbell program plan` shows what twice as much would change",
    Limit.PROGRESS: "help the schools of the earlier wave on: `firstbell school list --program {program}`",
    Limit.CONCURRENCY: "wait until schools under way are through, or raise the policy's limit",
    Limit.FREEZE: "wait: it ends by itself",
    Limit.LINE_STOPPED: "ask whoever stopped it; lift it with `firstbell program resume {program}`",
}


class WaitingAnswer(Answer):
    """One school that waits for its wave."""

    program_id: ProgramId
    school_id: SchoolId
    school: str
    district: str
    wave: int
    waves_count: int
    place: int
    """In its wave, among those that still wait."""
    ahead_count: int
    """Schools that wait before it, of every wave."""
    wave_opened: bool
    binding: tuple[Binding, ...]
    headline: str
    binds: str
    next_steps: tuple[str, ...]
    as_of: datetime


def answer_of(school: SchoolName, place: Place) -> WaitingAnswer:
    """The whole answer, in words."""
    state = "which has opened" if place.opened else "which has not opened"
    ahead = f"{place.ahead_count} schools wait before it" if place.ahead_count else "it is next"
    binds = words(place.binding) if place.binding else "nothing: schools are being admitted"
    steps = (_STEPS[each.limit].format(program=place.program_id) for each in place.binding if each.limit in _STEPS)
    return WaitingAnswer(
        program_id=place.program_id, school_id=school.school_id, school=school.school, district=school.district,
        wave=place.wave, waves_count=place.waves_count, place=place.place, ahead_count=place.ahead_count,
        wave_opened=place.opened, binding=place.binding,
        headline=f"It waits for wave {place.wave} of {place.waves_count}, {state}: {ahead}.",
        binds=binds, next_steps=tuple(dict.fromkeys(steps)), as_of=place.looked_at,
    )  # fmt: skip


async def waits_of(
    settings: Settings, school: SchoolName, program: str | None, now: datetime
) -> tuple[WaitingAnswer, ...]:
    """Each program under way in whose waves the school waits.

    Raises TemporaryError when nobody can tell: Temporal is away, or it waits in none that answers and one does not.
    """
    client = await door.connect(settings)
    found: list[WaitingAnswer] = []
    silent: list[str] = []
    for each in [program] if program else await door.programs_in_waves(client):
        try:
            place = await door.seat(client, each, school.school_id, now)
        except TemporaryError:
            silent.append(each)
            continue
        found += [answer_of(school, place)] if place is not None else []
    if silent and not found:
        raise TemporaryError(
            f"{school.school}: expected every program in waves to say whether it waits there, seen no answer of "
            f"{', '.join(silent)}; name one with --program, or try again"
        )
    return tuple(found)
