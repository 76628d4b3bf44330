"""The projection: the greatest revision of every thing, as its source sent it, byte for byte.

A function of the set of events, whatever their order. A room whose things come by the thousand adds `Columns`,
a narrow table of its own. A thing that moves to another school is retracted at the one and reported at the other.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

import structlog

from schemas.events.raw import RawEvent
from services.kit.database import Connection
from services.kit.envelope import Decoder
from services.kit.outcome import Disposition
from services.readings.ranking import greatest, settle
from services.readings.scopes import ScopeKey
from services.readings.subject import Tally


class Thing(NamedTuple):
    """One raw event whose scope is known."""

    event: RawEvent
    raw_value: bytes
    scope: ScopeKey
    school_no: int
    """The register's short number of the school; 0: the scope is no school."""


class Columns(Protocol):
    """A table of a room's own for kinds that come by the thousand, tallied by the database."""

    @property
    def kinds(self) -> Collection[type[RawEvent]]:
        """The events kept here instead of among the entities."""

    async def apply(self, connection: Connection, things: Sequence[Thing]) -> list[Disposition]:
        """Keeps the greatest revision of each thing, in the open transaction; answers aligned."""

    async def tallies(self, connection: Connection, school_nos: Collection[int]) -> Mapping[int, tuple[Tally, ...]]:
        """Of each school, by its short number, its things counted by what matters; retracted ones left out."""


def report_contradictions(count: int, things: str) -> None:
    """One line for the person who looks after a source that says two things under one revision."""
    if count:
        structlog.get_logger().warning("revision-contradicted", things=things, count=count)


async def apply(connection: Connection, things: Sequence[Thing]) -> list[Disposition]:
    """Keeps the greatest revision of each thing, in the open transaction; answers aligned.

    Equal revisions with different bytes are a source's mistake: the greater bytes stand, whichever came first.
    """
    if not things:
        return []
    keys = [(thing.scope[1], str(thing.event.ce_type), thing.event.entity_ref) for thing in things]
    ranks = [(thing.event.revision, thing.raw_value) for thing in things]
    best = greatest(keys, ranks)
    order = sorted(best)
    chosen = [things[best[key]] for key in order]
    rows = await connection.fetch(
        """insert into entity as held (scope_id, ce_type, entity_ref, revision, retracted, observed_at, payload)
        select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bool[], $6::timestamptz[],
            $7::bytea[])
        on conflict (scope_id, ce_type, entity_ref) do update set revision = excluded.revision,
            retracted = excluded.retracted, observed_at = excluded.observed_at, payload = excluded.payload
        where (excluded.revision, excluded.payload) > (held.revision, held.payload)
        returning scope_id, ce_type, entity_ref""",
        [key[0] for key in order],
        [key[1] for key in order],
        [key[2] for key in order],
        [thing.event.revision for thing in chosen],
        [thing.event.retracted for thing in chosen],
        [thing.event.observed_at for thing in chosen],
        [thing.raw_value for thing in chosen],
    )
    won = {(row["scope_id"], row["ce_type"], row["entity_ref"]) for row in rows}
    stored = await _stored(connection, [key for key in order if key not in won])
    settled = settle(keys, ranks, best, won, stored)
    report_contradictions(settled.contradicted_count, "entity")
    return settled.dispositions


async def _stored(
    connection: Connection, keys: Sequence[tuple[str, str, str]]
) -> dict[tuple[str, str, str], tuple[int, bytes]]:
    if not keys:
        return {}
    rows = await connection.fetch(
        """select scope_id, ce_type, entity_ref, revision, payload from entity
        join unnest($1::text[], $2::text[], $3::text[]) as t(scope_id, ce_type, entity_ref)
            using (scope_id, ce_type, entity_ref)""",
        *(list(column) for column in zip(*keys, strict=True)),
    )
    return {
        (row["scope_id"], row["ce_type"], row["entity_ref"]): (row["revision"], bytes(row["payload"])) for row in rows
    }


Payloads = list[tuple[str, bytes]]
"""(CloudEvents type, payload) of a scope's standing events, ordered by (type, entity_ref)."""


async def payloads_of(connection: Connection, scope_ids: Collection[str]) -> dict[str, Payloads]:
    """The standing events of each scope as they were sent, retracted ones left out."""
    rows = await connection.fetch(
        """select scope_id, ce_type, payload from entity where scope_id = any($1::text[]) and not retracted
        order by scope_id, ce_type, entity_ref""",
        sorted(scope_ids),
    )
    found: dict[str, Payloads] = {}
    for row in rows:
        found.setdefault(row["scope_id"], []).append((row["ce_type"], row["payload"]))
    return found


def read(payloads: Payloads, decoder: Decoder) -> tuple[RawEvent, ...]:
    """Stored events as their models. Raises ValidationError, or KeyError, for what no model reads any more."""
    events = (decoder[ce_type].__pydantic_validator__.validate_json(payload) for ce_type, payload in payloads)
    return tuple(event for event in events if isinstance(event, RawEvent))
