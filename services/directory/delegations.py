"""One holder of a role lets another actor act for them: given, taken back, and checked when a roster is imported.

Called by the roster commands. It refuses a delegation of a role that its giver does not hold in their own right, so
that none is passed on, and one to somebody the roster does not know.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from schemas.school import Role
from services.directory.roster_store import Held, RosterOutcome, held_in, write_roster
from services.directory.rosters import RosterEntry
from services.directory.tabular import Fault
from services.kit.database import Connection
from services.kit.outcome import PermanentError

Place = tuple[str, str, str, str]


async def unfounded(connection: Connection, entries: Sequence[RosterEntry]) -> list[Fault]:
    """The faults of resolved entries that delegate what their giver holds neither in the roster nor in this file."""
    own = {_place(entry.actor_id, entry) for entry in entries if entry.acting_for is None and entry.granted}
    faults: list[Fault] = []
    for entry in entries:
        giver = entry.acting_for
        if giver is None or not entry.granted or _place(giver, entry) in own:
            continue
        held = await held_in(connection, [entry.scope], giver)
        if not any(each.granted and each.acting_for is None and each.role is entry.role for each in held):
            reason = f"expected a giver who holds {entry.role.value} of this scope in their own right"
            faults.append(Fault(entry.line, "acting_for", reason, giver))
    return faults


def _place(actor_id: str, entry: RosterEntry) -> Place:
    return (actor_id, entry.role.value, entry.scope_kind.value, entry.scope)


async def delegate(
    connection: Connection, giver: str, receiver: str, role: Role, days: tuple[date, date], now: datetime
) -> RosterOutcome:
    """Lets the receiver act for the giver wherever the giver holds the role, from the first day to the last.

    Raises PermanentError for a giver without the role, a receiver the roster does not know, or days in no order.
    """
    first, last = days
    if last < first:
        raise PermanentError(f"--until: expected a day not before {first}, seen {last}")
    if receiver == giver:
        raise PermanentError(f"--to: expected another actor than {giver}; act in your own right")
    if not await held_in(connection, [], receiver):
        raise PermanentError(f"--to {receiver}: expected an actor of the roster; see `firstbell roster show`")
    held = await held_in(connection, [], giver)
    own = [each for each in held if each.granted and each.acting_for is None and each.role is role]
    if not own:
        seen = ", ".join(sorted({each.role.value for each in held if each.acting_for is None})) or "no role"
        raise PermanentError(
            f"--as {giver}: expected a holder of {role.value}, seen {seen}; a delegation is not passed on"
        )
    entries = [
        RosterEntry(0, receiver, role, each.scope_kind, each.scope_id, True, first, last, each.stand_in, giver)
        for each in own
    ]
    return await write_roster(connection, entries, now)


async def undelegate(connection: Connection, giver: str, receiver: str, role: Role, now: datetime) -> RosterOutcome:
    """Takes back what the giver let the receiver do in a role; a repeat changes nothing. Raises as `delegate`."""
    given = [each for each in await held_in(connection, [], receiver) if each.acting_for == giver and each.role is role]
    if not given:
        raise PermanentError(f"--to {receiver}: expected a delegation of {role.value} by {giver}, seen none")
    return await write_roster(connection, [_ended(each) for each in given], now)


def _ended(held: Held) -> RosterEntry:
    kept = RosterEntry(0, held.actor_id, held.role, held.scope_kind, held.scope_id)
    return replace(
        kept, granted=False, valid_from=held.valid_from, valid_until=held.valid_until, stand_in=held.stand_in,
        acting_for=held.acting_for,
    )  # fmt: skip
