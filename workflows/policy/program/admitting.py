"""What follows from a program's counts: waves progress, fail, open; schools are admitted. Called by admission and seat.

Everything here reads counts that know of every seat given so far; without such counts nothing is decided, and the
program stands as it is.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from math import ceil

from schemas.program import Binding, Limit, SchoolsMoved, Seat, WaveCount, WavePolicy
from schemas.program_fact import (
    Aborted,
    AdmissionWaits,
    ProgramPicture,
    SchoolsAdmitted,
    WaveOpened,
    WaveProgressed,
)
from workflows.policy.program.picture import ProgramLedger
from workflows.policy.program.wave_dates import frozen_until
from workflows.policy.program.waves import capacities, refusals

PAGE_MAX = 500
"""Schools admitted by one fact, and in one run of the workflow: Temporal's practice for parents."""

Waiting = tuple[tuple[Seat, ...], ...]


def knows(picture: ProgramPicture, known_sequence: int) -> bool:
    """Whether a message was made after the last change of seats."""
    return known_sequence >= picture.seats_sequence


def settle(
    policy: WavePolicy, moved: SchoolsMoved | None, waiting: Waiting, ledger: ProgramLedger, now: datetime
) -> tuple[Waiting, datetime | None]:
    """Writes what follows at this instant; returns who still waits, and when time alone changes that."""
    current = _current(ledger.picture, moved)
    if current is not None:
        waiting = _abort(policy, current, waiting, ledger)
    current = _current(ledger.picture, moved)
    if current is not None:
        _progress(policy, current, waiting, ledger)
    day = now.astimezone(UTC).date()
    free_on = frozen_until(policy, day)
    stopped = ledger.picture.line_stopped is not None
    next_wave = _next(waiting, ledger.picture)
    if next_wave is None:
        _say(ledger, 0, ())
        return waiting, None
    if stopped:
        _say(ledger, next_wave, (Binding(limit=Limit.LINE_STOPPED),))
        return waiting, None
    if free_on is not None:
        _say(ledger, next_wave, (Binding(limit=Limit.FREEZE, until=free_on),))
        return waiting, datetime.combine(free_on, time(), UTC)
    return _admit(policy, current, waiting, ledger), None


def _current(picture: ProgramPicture, moved: SchoolsMoved | None) -> SchoolsMoved | None:
    """Counts that know every seat given. Before the first admission all counts are zero, and known."""
    if moved is not None and knows(picture, moved.known_sequence):
        return moved
    return SchoolsMoved(known_sequence=picture.seats_sequence) if not picture.admitted else None


def _next(waiting: Waiting, picture: ProgramPicture) -> int | None:
    """The first wave with somebody waiting who may still be admitted."""
    for number, seats in enumerate(waiting, 1):
        if seats and number not in picture.aborted_waves:
            return number
    return None


# -- failing


def still_fails(policy: WavePolicy, moved: SchoolsMoved | None, aborted: str | int) -> bool:
    """Whether the failed share of a district, or of a wave by its number, is at the line that aborts, by the last counts."""
    if policy.abort is None or moved is None:
        return False
    if isinstance(aborted, int):
        return _failing(policy, moved.waves.get(aborted, WaveCount()))
    return _failing(policy, _sum([cell for cell in moved.districts if cell.district_id == aborted]))


def _failing(policy: WavePolicy, count: WaveCount) -> bool:
    abort, counted = policy.abort, count.admitted - count.left
    if abort is None or counted < abort.sample_min:
        return False
    return count.failed >= abort.failed_at_least * counted


def _sum(counts: Sequence[WaveCount]) -> WaveCount:
    return WaveCount(
        admitted=sum(each.admitted for each in counts),
        progressed=sum(each.progressed for each in counts),
        failed=sum(each.failed for each in counts),
        silent=sum(each.silent for each in counts),
        left=sum(each.left for each in counts),
    )


def _abort(policy: WavePolicy, moved: SchoolsMoved, waiting: Waiting, ledger: ProgramLedger) -> Waiting:
    if policy.abort is None:
        return waiting
    if policy.abort.scope == "wave":
        for number in ledger.picture.opened:
            closed = number in (*ledger.picture.aborted_waves, *ledger.picture.progressed)
            count = moved.waves.get(number, WaveCount())
            if not closed and _failing(policy, count):
                dropped = waiting[number - 1]
                ledger.write(_aborted(count, dropped, wave=number))
                waiting = (*waiting[: number - 1], (), *waiting[number:])
        return waiting
    for district_id in sorted({cell.district_id for cell in moved.districts}):
        count = _sum([cell for cell in moved.districts if cell.district_id == district_id])
        if district_id not in ledger.picture.aborted_districts and _failing(policy, count):
            dropped = tuple(seat for wave in waiting for seat in wave if seat.district_id == district_id)
            ledger.write(_aborted(count, dropped, district_id=district_id))
            waiting = tuple(tuple(seat for seat in wave if seat.district_id != district_id) for wave in waiting)
    return waiting


def _aborted(
    count: WaveCount, dropped: Sequence[Seat], *, wave: int | None = None, district_id: str | None = None
) -> Aborted:
    return Aborted(
        wave=wave, district_id=district_id, failed_count=count.failed, silent_count=count.silent,
        counted=count.admitted - count.left, dropped_ids=tuple(seat.school_id for seat in dropped),
    )  # fmt: skip


# -- progressing


def _counted(moved: SchoolsMoved, picture: ProgramPicture, number: int) -> tuple[int, int]:
    """(progressed, counted) of a wave, without the districts whose admission was aborted."""
    count = moved.waves.get(number, WaveCount())
    shut = _sum(
        [cell for cell in moved.districts if cell.wave == number and cell.district_id in picture.aborted_districts]
    )
    counted = count.admitted - count.left - (shut.admitted - shut.left)
    return count.progressed - shut.progressed, counted


def needed(policy: WavePolicy, counted: int) -> int:
    """How many schools of a wave must be there for the next to open."""
    return ceil(round(policy.progress.at_least * counted, 9))


def _progress(policy: WavePolicy, moved: SchoolsMoved, waiting: Waiting, ledger: ProgramLedger) -> None:
    """A wave whose schools have all been admitted progresses with enough of them; one that all have left, too."""
    for number in ledger.picture.opened:
        if number in (*ledger.picture.progressed, *ledger.picture.aborted_waves) or waiting[number - 1]:
            continue
        there, counted = _counted(moved, ledger.picture, number)
        if there >= needed(policy, counted):
            ledger.write(WaveProgressed(wave=number, progressed_count=there, counted=counted))


# -- admitting


def _admit(policy: WavePolicy, moved: SchoolsMoved | None, waiting: Waiting, ledger: ProgramLedger) -> Waiting:
    if moved is None:
        return waiting  # the counts do not know the last admission yet
    number = _next(waiting, ledger.picture)
    assert number is not None
    if number not in ledger.picture.opened:
        behind = [each for each in ledger.picture.opened if not _through(ledger.picture, each)]
        if behind:
            there, counted = _counted(moved, ledger.picture, behind[0])
            binding = Binding(
                limit=Limit.PROGRESS, used=there, asked=needed(policy, counted), capacity=counted
            )  # fmt: skip
            _say(ledger, number, (binding,))
            return waiting
        ledger.write(WaveOpened(wave=number, schools_count=len(waiting[number - 1])))
    seats = waiting[number - 1]
    fit, binding_ = _fit(policy, moved, seats)
    if fit:
        ledger.write(SchoolsAdmitted(wave=number, school_ids=tuple(seat.school_id for seat in seats[:fit])))
    waiting = (*waiting[: number - 1], seats[fit:], *waiting[number:])
    if binding_:
        _say(ledger, number, binding_)
    return waiting


def _through(picture: ProgramPicture, number: int) -> bool:
    return number in picture.progressed or number in picture.aborted_waves


def _fit(policy: WavePolicy, moved: SchoolsMoved, seats: Sequence[Seat]) -> tuple[int, tuple[Binding, ...]]:
    """How many of these fit now, in their order, and what refuses the next. No refusal: all fit, or the page is full."""
    limits = capacities(policy)
    used = list(moved.held) if moved.held else [0] * len(limits)
    under_way = moved.under_way
    for index, seat in enumerate(seats[:PAGE_MAX]):
        found = refusals(policy, used, seat.demand, limits)
        if policy.concurrent_max is not None and under_way >= policy.concurrent_max:
            crowd = Binding(limit=Limit.CONCURRENCY, used=under_way, asked=1, capacity=policy.concurrent_max)
            found = (crowd, *found)
        if found:
            return index, found
        used = [taken + asks for taken, asks in zip(used, seat.demand, strict=True)]
        under_way += 1
    return min(len(seats), PAGE_MAX), ()


def _say(ledger: ProgramLedger, wave: int, binding: tuple[Binding, ...]) -> None:
    """A fact only when what binds changes, not its figures: those are the bridge's to count."""
    if [_key(each) for each in binding] != [_key(each) for each in ledger.picture.waits]:
        ledger.write(AdmissionWaits(wave=max(wave, 1), binding=binding))


def _key(each: Binding) -> tuple[str, str, str]:
    return each.limit.value, each.name or "", str(each.until or "")
