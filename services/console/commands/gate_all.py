"""`firstbell gate approve-all|reject-all|withdraw-all`: one answer to every ask that stands. Registered by gate.py."""

from collections.abc import Sequence
from typing import Literal

from schemas.approval import WithdrawApproval
from schemas.gate import SchoolPolicy
from schemas.message import AnswerAsk, Command
from schemas.school import Actor, Role
from services.console.commands.acting import (
    AsOption,
    ForOption,
    JsonOption,
    Person,
    ReasonOption,
    StandInOption,
    YesOption,
)
from services.console.commands.asked import asked
from services.console.commands.many import (
    Choice,
    DistrictOption,
    EveryOf,
    GateFilter,
    ManyIdOption,
    Verb,
    carry_many,
)
from services.console.commands.session import Session
from services.console.views import PictureRow, SchoolLine


def approve_all(
    program: EveryOf,
    reason: ReasonOption,
    district: DistrictOption = None,
    gate: GateFilter = None,
    who: AsOption = None,
    stand_in: StandInOption = False,
    giver: ForOption = None,
    yes: YesOption = False,
    act_id: ManyIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answers every standing ask of these schools with yes, each bound to its criteria as they are now.

    Example: firstbell gate approve-all --program wa-2026 --district Aberdeen --reason reviewed --as actor-p1
    """
    choice, person = Choice(program, district, gate), Person(who, stand_in, giver)
    carry_many(_answering("approved", reason), choice, person, act_id, yes=yes, as_json=as_json)


def reject_all(
    program: EveryOf,
    reason: ReasonOption,
    district: DistrictOption = None,
    gate: GateFilter = None,
    who: AsOption = None,
    stand_in: StandInOption = False,
    giver: ForOption = None,
    yes: YesOption = False,
    act_id: ManyIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answers every standing ask of these schools with no; nobody is asked again until a criterion's status changes."""
    choice, person = Choice(program, district, gate), Person(who, stand_in, giver)
    carry_many(_answering("rejected", reason), choice, person, act_id, yes=yes, as_json=as_json)


def withdraw_all(
    program: EveryOf,
    district: DistrictOption = None,
    gate: GateFilter = None,
    who: AsOption = None,
    stand_in: StandInOption = False,
    giver: ForOption = None,
    yes: YesOption = False,
    act_id: ManyIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Takes back one's own approvals where the gate has not opened; the asks stand again."""

    def make(session: Session, line: SchoolLine, actor: Actor, identity: str, thing: str) -> Command:
        del session, thing
        return WithdrawApproval(act_id=identity, actor=actor, gate=line.gate)

    def approvers(row: PictureRow, policy: SchoolPolicy | None, thing: str) -> Sequence[Role]:
        del policy
        return (row.picture.approvals[thing].actor.role,)

    def approved(line: SchoolLine, row: PictureRow) -> Sequence[str]:
        standing = {key: each for key, each in row.picture.approvals.items() if each.gate is line.gate}
        mine = [key for key, each in standing.items() if who in (None, each.actor.actor_id)]
        return [key for key in mine if standing[key].answer == "approved"]

    verb = Verb("take the approval back", approved, approvers, make, "gate approve-all --reason CODE")
    carry_many(verb, Choice(program, district, gate), Person(who, stand_in, giver), act_id, yes=yes, as_json=as_json)


def _answering(answer: Literal["approved", "rejected"], reason: str) -> Verb:
    def make(session: Session, line: SchoolLine, actor: Actor, identity: str, thing: str) -> Command:
        del session, thing
        return AnswerAsk(act_id=identity, actor=actor, gate=line.gate, answer=answer, reason=reason)

    says = "approve the standing ask" if answer == "approved" else "reject the standing ask"
    undo = "gate withdraw-all" if answer == "approved" else None
    return Verb(
        says, lambda line, _: ("",) if line.asked else (), lambda row, policy, _: asked(row, policy), make, undo
    )
