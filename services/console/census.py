"""Every school of a program explained at once, and what the reasons add up to.

Called by `district why` and the report. Everything here is as of the projection: asking thousands of workflows
would cost more than it tells.
"""

from collections.abc import Sequence
from datetime import datetime

from schemas.school import GateId, Role
from services.console import library, views
from services.console.views import Answer
from services.console.why import CriterionAnswer, Sight, Standing, WhyAnswer, explain_school
from services.kit.database import Connection
from workflows.policy.holds import PREFIX


class Place(Answer):
    """A school, named."""

    school_id: str
    school: str
    district: str | None


class Group(Answer):
    """One thing to do, by one role, and the schools that wait for it."""

    gate: GateId
    criterion: str
    """`hold` for holds of any id."""
    owner: Role | None
    next_step: str
    schools: int
    no: int
    """Schools whose evidence says no."""
    no_evidence: int
    """Schools of which too little is known."""
    frees: int
    """Schools where nothing else, time aside, stands in the way."""
    held: tuple[Place, ...]
    freed: tuple[Place, ...]
    simulated: bool


async def take(
    connection: Connection, now: datetime, program: str | None = None, district: str | None = None
) -> list[WhyAnswer]:
    """Every school under way, explained from the projection."""
    shelf = library.Shelf(connection)
    answers: list[WhyAnswer] = []
    for line, row in await views.lines_and_pictures(connection, program=program, district=district):
        policy = await shelf.school_policy(row)
        sight = Sight("projection", line.as_of, row.picture, policy, row.verdict)
        answers.append(explain_school(line, sight, now))
    return answers


def blockers(answer: WhyAnswer) -> list[CriterionAnswer]:
    """What somebody must do something about: waiting for time alone is not among it, a hold is."""
    return [each for each in answer.criteria if each.blocks and each.next_step]


def group(answers: Sequence[WhyAnswer]) -> list[Group]:
    """Blockers grouped by what is to be done and by whom; the one that holds most schools first."""
    found: dict[tuple[str, str, str, str], list[tuple[WhyAnswer, CriterionAnswer, bool]]] = {}
    for answer in answers:
        here = blockers(answer)
        for each in here:
            name = "hold" if each.criterion_id.startswith(PREFIX) else each.criterion_id
            step = "Lift the hold once its reason is gone." if name == "hold" else each.next_step or ""
            key = (answer.line.gate.value, name, each.owner.value if each.owner else "", step)
            found.setdefault(key, []).append((answer, each, len(here) == 1))
    groups = [_group(key, members) for key, members in found.items()]
    return sorted(groups, key=lambda each: (-each.schools, -each.frees, each.gate, each.criterion))


def _group(key: tuple[str, str, str, str], members: Sequence[tuple[WhyAnswer, CriterionAnswer, bool]]) -> Group:
    gate, name, owner, step = key
    freed = [answer for answer, _, alone in members if alone]
    return Group(
        gate=GateId(gate),
        criterion=name,
        owner=Role(owner) if owner else None,
        next_step=step,
        schools=len(members),
        no=sum(each.standing is Standing.NO for _, each, _ in members),
        no_evidence=sum(each.standing is Standing.NO_EVIDENCE for _, each, _ in members),
        frees=len(freed),
        held=tuple(_place(answer) for answer, _, _ in members),
        freed=tuple(_place(answer) for answer in freed),
        simulated=any(answer.line.notice for answer, _, _ in members),
    )


def _place(answer: WhyAnswer) -> Place:
    line = answer.line
    return Place(school_id=line.school_id, school=line.school, district=line.district)
