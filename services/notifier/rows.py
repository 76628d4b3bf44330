"""Rows of notices: what intake of facts and of incidents share. Called by both, in their batch's transaction."""

from services.kit.database import Connection
from services.notifier.calls import Action
from services.notifier.people import Reach
from services.notifier.quiet import Quiet

STATES = ("waiting", "sending", "delivered", "given-up", "no-holder", "no-contact", "too-old")
"""What a notice may be in."""
INCIDENT_OPENED, INCIDENT_CLOSED = "incident-opened", "incident-closed"


def quiet_of(reach: Reach) -> Quiet | None:
    """The quiet hours of somebody on one channel. None: they have none."""
    if reach.time_zone is None or reach.quiet_from is None or reach.quiet_until is None:
        return None
    return Quiet(reach.time_zone, reach.quiet_from, reach.quiet_until)


def state_of(reach: Reach, too_old: bool) -> str:
    """The state in which a new notice begins."""
    if too_old:
        return "too-old"
    if not reach.actor_id:
        return "no-holder"
    return "no-contact" if reach.channel is None else "waiting"


def action_of(kind: str, reach: Reach) -> Action:
    """What is new is told; an incident's end resolves its page."""
    return "resolve" if kind == INCIDENT_CLOSED and reach.kind == "pagerduty" else "tell"


async def insert(connection: Connection, row: dict[str, object]) -> bool:
    """Writes one notice; False when it was written before."""
    names = ", ".join(row)
    places = ", ".join(f"${index}" for index in range(1, len(row) + 1))
    written = await connection.execute(
        f"insert into notice ({names}) values ({places}) on conflict do nothing",  # noqa: S608  names of this room
        *row.values(),
    )
    return written.endswith(" 1")
