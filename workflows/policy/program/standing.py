"""Where a program's schools stand, counted: from what the bridge sees of each to what admission may know. Pure.

Called by the bridge for its signal `schools-moved`. Silence is failure: a school of which nobody has heard for the
policy's instructional days counts as failed, on its own district's calendar. Without a calendar no days pass.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from schemas.calendar import Calendar
from schemas.program import Abort, DistrictCount, SchoolsMoved, WaveCount, WavePolicy
from schemas.school import DistrictId, Phase
from workflows.policy.calendar import elapsed_days

_PHASES = list(Phase)


@dataclass(frozen=True, slots=True)
class Standing:
    """One admitted school, as the bridge sees it."""

    wave: int
    district_id: DistrictId
    demand: tuple[int, ...]
    left: bool
    """Closed, merged, or stopped: out of every ratio."""
    phase: Phase | None = None
    """None: its first fact has not come."""
    unmet_since: datetime | None = None
    """Since when evidence says no to its current gate. None: it does not."""
    heard_at: datetime | None = None
    """The newest reading or fact. None: nothing yet."""


@dataclass(slots=True)
class _Tally:
    admitted: int = 0
    progressed: int = 0
    failed: int = 0
    silent: int = 0
    left: int = 0


@dataclass(slots=True)
class _Sums:
    held: list[int]
    under_way: int = 0
    waves: dict[int, _Tally] = field(default_factory=dict)
    cells: dict[tuple[int, DistrictId], _Tally] = field(default_factory=dict)


def count(
    policy: WavePolicy,
    standings: Iterable[Standing],
    calendars: Mapping[DistrictId, Calendar],
    known_sequence: int,
    now: datetime,
) -> SchoolsMoved:
    """All counts of a program at this instant, absolute."""
    sums = _Sums([0] * len(policy.resources))
    for each in standings:
        _add(sums, policy, each, calendars.get(each.district_id), now)
    failing = {district for (_, district), tally in sums.cells.items() if tally.failed}
    return SchoolsMoved(
        known_sequence=known_sequence,
        waves={number: WaveCount.model_validate(_plain(tally)) for number, tally in sorted(sums.waves.items())},
        districts=tuple(
            DistrictCount.model_validate({"wave": number, "district_id": district, **_plain(tally)})
            for (number, district), tally in sorted(sums.cells.items())
            if district in failing
        ),
        under_way=sums.under_way,
        held=tuple(sums.held),
    )


def _plain(tally: _Tally) -> dict[str, int]:
    return {name: getattr(tally, name) for name in ("admitted", "progressed", "failed", "silent", "left")}


def _add(sums: _Sums, policy: WavePolicy, each: Standing, calendar: Calendar | None, now: datetime) -> None:
    there = each.phase is not None and _reached(each.phase, policy.progress.phase)
    silent, failed = (False, False) if each.left else _failed(policy.abort, each, calendar, now)
    for tally in (
        sums.waves.setdefault(each.wave, _Tally()),
        sums.cells.setdefault((each.wave, each.district_id), _Tally()),
    ):
        tally.admitted += 1
        tally.left += each.left
        tally.silent += silent
        tally.failed += failed
        tally.progressed += there and not failed and not each.left
    if each.left:
        return
    sums.under_way += not there
    for index, (resource, asks) in enumerate(zip(policy.resources, each.demand, strict=True)):
        if each.phase is None or not _reached(each.phase, resource.freed_at):
            sums.held[index] += asks


def _reached(phase: Phase, wanted: Phase) -> bool:
    return _PHASES.index(phase) >= _PHASES.index(wanted)


def _failed(abort: Abort | None, each: Standing, calendar: Calendar | None, now: datetime) -> tuple[bool, bool]:
    """(silent, failed)."""
    if abort is None or calendar is None:
        return False, False
    silent = each.heard_at is not None and elapsed_days(calendar, each.heard_at, now) > abort.silence_days
    unmet = each.unmet_since is not None and elapsed_days(calendar, each.unmet_since, now) > abort.unmet_days
    return silent, silent or unmet
