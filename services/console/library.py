"""What the console keeps whole: the directory's records, facts, and the documents that decisions name by digest.

Called by the commands and the census. It reads, and says None for what has not come yet.
"""

from schemas.calendar import Calendar
from schemas.fact import Fact, GateDecided
from schemas.gate import PolicyDocument, SchoolPolicy
from schemas.readiness import Reading
from schemas.school import SchoolRecord
from services.console.views import PictureRow, SchoolLine
from services.kit.database import Connection
from workflows.policy.authoring.document import resolve


async def school_record(connection: Connection, school_id: str) -> SchoolRecord | None:
    """The directory's record. None: it has told none."""
    body = await connection.fetchval("select body from school where school_id = $1", school_id)
    return None if body is None else SchoolRecord.model_validate_json(body)


async def readings_of(connection: Connection, line: SchoolLine) -> tuple[Reading, ...]:
    """The newest reading of each signal about a school, its district and its program, by signal; any gate's."""
    rows = await connection.fetch(
        """select body from reading where (scope_kind, scope_id) in (('school', $1), ('district', $2), ('program', $3))
        order by signal, scope_kind""",
        line.school_id, line.district_id, line.program_id,
    )  # fmt: skip
    return tuple(Reading.model_validate_json(row["body"]) for row in rows)


async def facts_of(connection: Connection, program_id: str, school_id: str) -> list[Fact]:
    """A school's facts in their order, as far as they came."""
    rows = await connection.fetch(
        "select body from fact where program_id = $1 and school_id = $2 order by fact_sequence", program_id, school_id
    )
    return [Fact.model_validate_json(row["body"]) for row in rows]


async def advice_facts(connection: Connection, program_id: str) -> list[tuple[str, Fact]]:
    """(school's name, fact) of all that tells where advice and people met: schools in order, facts in sequence.

    Decisions without a level of trust in them are left where they are: they are most of the log.
    """
    rows = await connection.fetch(
        """select coalesce(s.name, f.school_id) as school, f.body from fact f left join school s using (school_id)
        where f.program_id = $1 and (f.kind in ('gate-opened', 'approval-answered')
            or (f.kind = 'gate-decided' and position('"gate:trust"'::bytea in f.body) > 0))
        order by f.school_id, f.fact_sequence""",
        program_id,
    )
    return [(row["school"], Fact.model_validate_json(row["body"])) for row in rows]


async def decision_facts(
    connection: Connection, program_id: str, school_id: str, *, gate: str | None = None, sequence: int | None = None
) -> list[Fact]:
    """Decisions, newest first; of one gate, or the one of a sequence."""
    rows = await connection.fetch(
        """select body from fact where program_id = $1 and school_id = $2 and kind = 'gate-decided'
            and ($3::bigint is null or fact_sequence = $3) order by fact_sequence desc""",
        program_id, school_id, sequence,
    )  # fmt: skip
    facts = [Fact.model_validate_json(row["body"]) for row in rows]
    return [fact for fact in facts if gate is None or _gate_of(fact) == gate]


def _gate_of(fact: Fact) -> str | None:
    return fact.body.decision.inputs.gate.value if isinstance(fact.body, GateDecided) else None


async def policy_document(connection: Connection, digest: str | None) -> PolicyDocument | None:
    """A policy by its digest. None: unknown here, or no digest."""
    body = await connection.fetchval("select body from document where digest = $1 and kind = 'policy'", digest)
    return None if body is None else PolicyDocument.model_validate_json(body)


async def named_policy(connection: Connection, text: str) -> PolicyDocument | None:
    """A policy by digest, `name@version`, or the newest of a name. None: unknown here."""
    name, _, version = text.partition("@")
    rows = await connection.fetch("select digest, version, body from document where kind = 'policy'")
    found = [(row["digest"], row["version"], PolicyDocument.model_validate_json(row["body"])) for row in rows]
    fitting = [each for each in found if each[0] == text or (each[2].name == name and version in ("", str(each[1])))]
    return max(fitting, key=lambda each: each[1])[2] if fitting else None


async def inheriting_policies(connection: Connection) -> dict[str, PolicyDocument]:
    """Every policy that inherits another, by digest."""
    rows = await connection.fetch("select digest, body from document where kind = 'policy'")
    read = {row["digest"]: PolicyDocument.model_validate_json(row["body"]) for row in rows}
    return {digest: document for digest, document in read.items() if document.inherits is not None}


async def school_policy(connection: Connection, row: PictureRow) -> SchoolPolicy | None:
    """What a school pinned, read from its document. None: the document or the profile is not known here yet."""
    document = await policy_document(connection, row.policy_digest)
    if document is None or row.profile not in document.profiles:
        return None
    return resolve(document, row.profile)


async def calendar_document(connection: Connection, digest: str | None) -> Calendar | None:
    """A calendar by its digest. None: unknown here, or no digest."""
    body = await connection.fetchval("select body from document where digest = $1 and kind = 'calendar'", digest)
    return None if body is None else Calendar.model_validate_json(body)


class Shelf:
    """Documents of one command, each read once: a program's decisions name few and name them often."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._policies: dict[str, PolicyDocument | None] = {}
        self._calendars: dict[str, Calendar | None] = {}
        self._pinned: dict[tuple[str | None, str | None], SchoolPolicy | None] = {}

    async def policy(self, digest: str) -> PolicyDocument | None:
        """As `policy_document`."""
        if digest not in self._policies:
            self._policies[digest] = await policy_document(self._connection, digest)
        return self._policies[digest]

    async def school_policy(self, row: PictureRow) -> SchoolPolicy | None:
        """As `school_policy`; one school's profile is resolved once for all who share it."""
        pinned = (row.policy_digest, row.profile)
        if pinned not in self._pinned:
            self._pinned[pinned] = await school_policy(self._connection, row)
        return self._pinned[pinned]

    async def calendar(self, digest: str | None) -> Calendar | None:
        """As `calendar_document`."""
        if digest is None:
            return None
        if digest not in self._calendars:
            self._calendars[digest] = await calendar_document(self._connection, digest)
        return self._calendars[digest]
