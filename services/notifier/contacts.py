"""How people are reached: restricted rows, set and listed by an operator. An address goes in and never comes out.

Called by the commands. It checks an address's form and asks no receiver.
"""

from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo, available_timezones

from services.kit.database import Connection
from services.kit.outcome import PermanentError
from services.notifier.channels import Receiver, is_usable

ADDRESS_CHARACTERS_MAX = 2_000
"""Characters of one address. Our judgement, 2026-11-25."""


@dataclass(frozen=True, slots=True)
class Contact:
    """One person on one channel, without the address."""

    actor_id: str
    channel: str
    kind: str
    scheme: str
    """What the address begins with: `mailto`, `slack`."""
    time_zone: str
    quiet_from: time | None
    quiet_until: time | None


@dataclass(frozen=True, slots=True)
class Wish:
    """A contact to be set."""

    actor_id: str
    channel: str
    receiver: Receiver
    time_zone: str
    quiet: tuple[time, time] | None


async def put(connection: Connection, wish: Wish, now: datetime) -> bool:
    """Sets or replaces a contact; True when it is new. Raises PermanentError that never repeats the address."""
    where = f"contact {wish.actor_id} {wish.channel}"
    if wish.time_zone not in available_timezones():
        raise PermanentError(f"{where}: expected a time zone such as America/Los_Angeles, seen {wish.time_zone}")
    ZoneInfo(wish.time_zone)
    if len(wish.receiver.address) > ADDRESS_CHARACTERS_MAX or not is_usable(wish.receiver):
        wanted = "a routing key" if wish.receiver.kind == "pagerduty" else "an Apprise address such as mailto://..."
        raise PermanentError(f"{where}: expected {wanted}, seen something else; see `firstbell notify contact --help`")
    return bool(
        await connection.fetchval(
            """insert into contact values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (actor_id, channel) do update set
            kind = excluded.kind, address = excluded.address, time_zone = excluded.time_zone,
            quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until, recorded_at = excluded.recorded_at
            returning (xmax = 0)""",
            wish.actor_id, wish.channel, wish.receiver.kind, wish.receiver.address, wish.time_zone,
            wish.quiet[0] if wish.quiet else None, wish.quiet[1] if wish.quiet else None, now,
        )
    )  # fmt: skip


async def remove(connection: Connection, actor_id: str, channel: str) -> bool:
    """Forgets a contact; False when there was none."""
    return bool(
        await connection.fetchval(
            "delete from contact where actor_id = $1 and channel = $2 returning true", actor_id, channel
        )
    )


async def receiver_of(connection: Connection, actor_id: str, channel: str) -> Receiver | None:
    """Where a person is reached. None: nobody said."""
    row = await connection.fetchrow(
        "select kind, address from contact where actor_id = $1 and channel = $2", actor_id, channel
    )
    return Receiver(row["kind"], row["address"]) if row else None


async def listed(connection: Connection) -> list[Contact]:
    """Every contact, addresses left out."""
    rows = await connection.fetch(
        """select actor_id, channel, kind, split_part(address, ':', 1) as scheme, time_zone, quiet_from, quiet_until
        from contact order by 1, 2"""
    )
    return [
        Contact(**{**dict(row), "scheme": row["scheme"] if row["kind"] == "apprise" else "routing-key"}) for row in rows
    ]
