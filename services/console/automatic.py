"""Gates that opened by themselves: which, when, and on what evidence. Called by `gate automatic`.

A gate that somebody signed or approved did not; one with a waived criterion did, and the waiver is shown.
"""

from datetime import datetime

from schemas.decision import CriterionResult, Reason, Status
from schemas.fact import Fact, GateDecided, GateOpened
from schemas.gate import Severity
from schemas.readiness import Origin
from schemas.school import GateId
from services.console.views import SIMULATED, Answer
from services.kit.database import Connection


class Ground(Answer):
    """One hard criterion of such a gate."""

    criterion_id: str
    status: Status
    reason: Reason
    origin: Origin | None
    """None: it rests on time alone, or was waived."""
    observed: float | None
    """None: it has no number."""
    observed_at: datetime | None


class SelfOpened(Answer):
    """One gate that nobody approved."""

    notice: str | None
    """SIMULATED when imagined evidence had reached the school, else None."""
    program_id: str
    school_id: str
    school: str
    district: str | None
    gate: GateId
    attempt: int
    opened_at: datetime
    decision_sequence: int
    """Of its gate-decided fact: `firstbell decision show`."""
    decision_digest: str
    origins: tuple[Origin, ...]
    """All that its hard criteria rest on."""
    grounds: tuple[Ground, ...]


_OPENED = """
select o.body as opened, d.body as decided, s.name, s.district_name
from fact o
join fact d on (d.program_id, d.school_id) = (o.program_id, o.school_id) and d.kind = 'gate-decided'
    and d.fact_sequence = (convert_from(o.body, 'UTF8')::jsonb -> 'body' ->> 'decision_sequence')::bigint
left join school s on s.school_id = o.school_id
where o.program_id = $1 and o.kind = 'gate-opened'
order by s.district_name, s.name, o.school_id, o.fact_sequence"""


async def self_opened(connection: Connection, program: str) -> list[SelfOpened]:
    """Every gate of a program that opened without a person, by district, school and time."""
    rows = await connection.fetch(_OPENED, program)
    found: list[SelfOpened] = []
    for row in rows:
        opened, decided = Fact.model_validate_json(row["opened"]), Fact.model_validate_json(row["decided"])
        made = answer_of(opened, decided, row["name"], row["district_name"])
        if made is not None:
            found.append(made)
    return found


def answer_of(opened: Fact, decided: Fact, school: str | None, district: str | None) -> SelfOpened | None:
    """The opening with its grounds; None when people approved, overrode or signed."""
    body, decision = opened.body, decided.body
    if not isinstance(body, GateOpened) or not isinstance(decision, GateDecided) or body.by != "evidence":
        return None
    hard = [each for each in decision.decision.verdict.results if each.severity is Severity.HARD]
    if any(each.reason is Reason.SIGNED or each.status is Status.OVERRIDDEN for each in hard):
        return None
    return SelfOpened(
        notice=SIMULATED if opened.simulated else None,
        program_id=opened.program_id,
        school_id=opened.school_id,
        school=school or opened.school_id,
        district=district,
        gate=body.gate,
        attempt=body.attempt,
        opened_at=opened.occurred_at,
        decision_sequence=body.decision_sequence,
        decision_digest=body.decision_digest,
        origins=tuple(sorted({each.origin for each in hard if each.origin is not None and each.status is Status.MET})),
        grounds=tuple(_ground(each) for each in hard),
    )


def _ground(result: CriterionResult) -> Ground:
    return Ground(
        criterion_id=result.criterion_id, status=result.status, reason=result.reason,
        origin=None if result.status is Status.WAIVED else result.origin, observed=result.observed,
        observed_at=result.observed_at,
    )  # fmt: skip
