"""Whether devices may be handed out at a school now, and everything that stops it. Called by `school hand-outs`.

Firstbell hands out nothing itself: whoever does asks here first. It joins holds that block hand-outs with a school that a
guard took back; it decides nothing, and where nothing can be seen the answer is not yes.
"""

from collections.abc import Iterator
from datetime import datetime

from schemas.fact import Picture
from schemas.school import Role
from services.console.views import Answer, SchoolLine
from services.console.why import Sight
from workflows.policy.holds import blocking


class Stop(Answer):
    """One thing that stops hand-outs."""

    by: str
    """The hold's id, or `regress`."""
    reason: str
    since: datetime | None
    until: datetime | None
    """None: until it is lifted, or the gate is passed again."""
    lifted_by: Role | None
    """Who may lift it. None: nobody does; the school passes its gate again."""


class HandOuts(Answer):
    """Whether devices may be handed out."""

    line: SchoolLine
    source: str
    """`workflow`: asked now; `projection`: as of the newest fact, the workflow was not reached."""
    as_of: datetime
    allowed: bool
    stops: tuple[Stop, ...]


def hand_outs_of(line: SchoolLine, sight: Sight, now: datetime) -> HandOuts:
    """The answer at `now`."""
    stops = tuple(_stops(sight.picture, now))
    return HandOuts(line=line, source=sight.source, as_of=sight.as_of, allowed=not stops, stops=stops)


def _stops(picture: Picture, now: datetime) -> Iterator[Stop]:
    for hold in blocking(picture.holds.values(), "hand-out", now):
        yield Stop(
            by=hold.hold_id, reason=hold.reason, since=hold.placed_at, until=hold.expires_at, lifted_by=hold.lifted_by
        )
    relapse = picture.relapse
    if relapse is not None and relapse.stops_handouts:
        yield Stop(by="regress", reason="taken-back-by-a-guard", since=relapse.regressed_at, until=None, lifted_by=None)
    if picture.stopped is not None:
        yield Stop(by="program", reason=picture.stopped, since=None, until=None, lifted_by=None)
