"""I4 for the console: the picture of every school, folded again from the fact topic up to the console's own fence.

Called by `firstbell verify`. What a list shows beside the picture (phase, outcome, the last verdict) is compared
too, since a person acts upon it; a picture that is missing differs like one that is wrong.
"""

import asyncio
import json
from dataclasses import dataclass, field

import asyncpg

from schemas.decision import Verdict
from schemas.fact import Fact, GateDecided, PhaseOpened, Picture
from schemas.model import digest_of
from schemas.topics import FACTS
from services.auditor.breach import Breach, Invariant
from services.kit.envelope import Ok
from services.kit.settings import Settings
from services.kit.snapshot import whole_topic
from workflows.policy.picture import fold_fact

Rollout = tuple[str, str]
"""(program, school)."""
Row = dict[str, str]
"""What a row says, each column as text, so that two rows are compared word by word."""
COLUMNS = (
    "phase",
    "attempt",
    "outcome",
    "asked",
    "asked_at",
    "answer_by",
    "phase_opened_at",
    "stopped",
    "policy_digest",
)
"""Columns of `console.picture` that repeat a field of the picture under its own name."""


@dataclass(slots=True)
class Folded:
    """One school's facts, folded without a gap."""

    picture: Picture = field(default_factory=Picture)
    decision_sequence: int | None = None
    verdict: Verdict | None = None
    """None: the phase has no decision yet."""

    def turn(self, fact: Fact) -> None:
        """Takes the next fact."""
        self.picture = fold_fact(self.picture, fact)
        if isinstance(fact.body, PhaseOpened):
            self.decision_sequence = self.verdict = None
        elif isinstance(fact.body, GateDecided):
            self.decision_sequence, self.verdict = fact.fact_sequence, fact.body.decision.verdict

    def row(self) -> Row:
        """The row as it should be."""
        said = {name: _text(getattr(self.picture, name)) for name in COLUMNS}
        return said | {
            "body": digest_of(self.picture),
            "fact_sequence": str(self.picture.fact_sequence),
            "decision_sequence": _text(self.decision_sequence),
            "verdict": _text(self.verdict and digest_of(self.verdict)),
        }


def _text(value: object) -> str:
    return "none" if value is None else str(value)


def _live_row(row: asyncpg.Record) -> Row:
    said = {name: _text(row[name]) for name in (*COLUMNS, "fact_sequence", "decision_sequence")}
    return said | {"body": _digest(Picture, row["body"]), "verdict": _digest(Verdict, row["verdict"])}


def _digest(model: type[Picture] | type[Verdict], text: str | None) -> str:
    """A document nobody can read any more differs from every other; it does not stop the look."""
    if text is None:
        return "none"
    try:
        return digest_of(model.model_validate_json(text))
    except ValueError as error:
        return f"unreadable, {len(json.dumps(text))} bytes: {type(error).__name__}"


async def live_pictures(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> tuple[dict[Rollout, Row], dict[int, int], set[tuple[int, int]]]:
    """The console's rows, its fences on the fact topic, and the places of its dead letters, in one snapshot."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        rows = await connection.fetch(
            f"select program_id, school_id, fact_sequence, decision_sequence, body, verdict, {', '.join(COLUMNS)} "  # noqa: S608  constants
            "from console.picture"
        )
        fences = await connection.fetch(
            "select partition, next_offset from console.fence where topic = $1 and not retired", FACTS.name
        )
        dead = await connection.fetch(
            "select partition, record_offset from console.dead_letter where topic = $1", FACTS.name
        )
    return (
        {(row["program_id"], row["school_id"]): _live_row(row) for row in rows},
        {row["partition"]: row["next_offset"] for row in fences},
        {(row["partition"], row["record_offset"]) for row in dead},
    )


def folded_pictures(settings: Settings, fences: dict[int, int], dead: set[tuple[int, int]]) -> dict[Rollout, Row]:
    """The same rows from the topic alone. Blocks on Kafka."""
    facts: dict[Rollout, dict[int, Fact]] = {}
    for decoded in whole_topic(settings, FACTS.name, FACTS.decoder, until=fences):
        place = (decoded.record.partition, decoded.record.offset)
        if isinstance(decoded, Ok) and isinstance(decoded.record.value, Fact) and place not in dead:
            fact = decoded.record.value
            facts.setdefault((fact.program_id, fact.school_id), {}).setdefault(fact.fact_sequence, fact)
    return {rollout: row for rollout, of in facts.items() if (row := _fold(of)) is not None}


def _fold(of: dict[int, Fact]) -> Row | None:
    folded = Folded()
    while (fact := of.get(folded.picture.fact_sequence + 1)) is not None:
        folded.turn(fact)
    return folded.row() if folded.picture.fact_sequence else None


def compare_pictures(live: dict[Rollout, Row], built: dict[Rollout, Row]) -> list[Breach]:
    """One breach a school whose row is missing, invented, or differs; it names the columns."""
    breaches = []
    for rollout in sorted(live.keys() | built.keys()):
        seen, expected = live.get(rollout), built.get(rollout)
        if seen == expected:
            continue
        names = sorted(
            name for name in (seen or expected or {}) if (seen or {}).get(name) != (expected or {}).get(name)
        )
        breaches.append(
            Breach(
                invariant=Invariant.REBUILD,
                subject=f"console: picture of {'/'.join(rollout)}: {', '.join(names)}",
                expected=_shown(expected, names),
                seen=_shown(seen, names),
                next_step="rebuild the console's projection from the fact topic",
            )
        )
    return breaches


def _shown(row: Row | None, names: list[str]) -> str:
    return "no picture" if row is None else ", ".join(f"{name} {row[name]}" for name in names)[:300]


async def check_pictures(settings: Settings, connection: "asyncpg.Connection[asyncpg.Record]") -> list[Breach]:
    """Every picture of the console. No breach where no console keeps tables."""
    if not await connection.fetchval("select to_regclass('console.picture')"):
        return []
    live, fences, dead = await live_pictures(connection)
    return compare_pictures(live, await asyncio.to_thread(folded_pictures, settings, fences, dead))
