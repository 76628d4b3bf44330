"""Whether devices may be handed out at a school now, and everything that stops it. Called by `school hand-outs`.

Firstbell hands out nothing itself: whoever does asks here first. It joins holds that block hand-outs with a school that a
guard took back, as the school's workflow has them now: what the projection remembers might be a yes that is over.
"""

from collections.abc import Iterator
from datetime import datetime

from schemas.fact import Picture
from schemas.school import Role
from services.console.views import Answer, SchoolLine
from workflows.policy.holds import blocking


class Stop(Answer):
    """One thing that stops hand-outs."""

    by: str
    """The hold's id, `regress`, or `program`."""
    reason: str
    since: datetime | None
    until: datetime | None
    """When it ends by itself. None: it does not."""
    lifted_by: Role | None
    """Who may lift it. None: nobody may."""
    ends: str
    """In words."""


class HandOuts(Answer):
    """Whether devices may be handed out."""

    line: SchoolLine
    as_of: datetime
    allowed: bool
    stops: tuple[Stop, ...]


def hand_outs_of(line: SchoolLine, picture: Picture, now: datetime) -> HandOuts:
    """The answer at `now`."""
    stops = tuple(_stops(picture, now))
    return HandOuts(line=line, as_of=now, allowed=not stops, stops=stops)


def _stops(picture: Picture, now: datetime) -> Iterator[Stop]:
    for hold in blocking(picture.holds.values(), "hand-out", now):
        until = f", or {hold.expires_at:%Y-%m-%d %H:%M} UTC" if hold.expires_at else ""
        yield Stop(
            by=hold.hold_id, reason=hold.reason, since=hold.placed_at, until=hold.expires_at,
            lifted_by=hold.lifted_by, ends=f"until the {hold.lifted_by.value} lifts it{until}",
        )  # fmt: skip
    relapse = picture.relapse
    if relapse is not None and relapse.stops_handouts:
        yield Stop(
            by="regress", reason="taken-back-by-a-guard", since=relapse.regressed_at, until=None, lifted_by=None,
            ends="until it passes its gate again",
        )  # fmt: skip
    if picture.stopped is not None:
        yield Stop(by="program", reason=picture.stopped, since=None, until=None, lifted_by=None, ends="for good")
