"""`firstbell gate`: the acts by which people take part in a gate's decision."""

from collections.abc import Sequence
from typing import Annotated, Literal

import typer

from schemas.approval import WithdrawApproval
from schemas.gate import SEMANTICS, SchoolPolicy, SignOffs
from schemas.message import AnswerAsk, Command, GiveSignOff
from schemas.regress import RecordFix, RecordRootCause
from schemas.school import Actor, GateId, Role
from schemas.trust import AdvanceByHand
from services.console.commands import gate_all, overriding, screen
from services.console.commands.acting import (
    ASSERTED,
    AsOption,
    ForOption,
    GateOption,
    IdOption,
    JsonOption,
    NoteOption,
    Person,
    ProgramOption,
    ReasonOption,
    SchoolArgument,
    StandInOption,
    carry,
)
from services.console.commands.asked import asked
from services.console.commands.automatic import automatic
from services.console.commands.school import announce
from services.console.commands.session import CODES, Session, one_rollout, serve, sight_of
from services.console.commands.signing import SignedAnswer, sign_all
from services.console.views import PictureRow, SchoolLine
from services.console.why import Standing, WhyAnswer, explain_school
from services.kit.terminal import AWAY, DONE, MEND, NO, REFUSED, fail
from workflows.policy.people import signed

app = typer.Typer(no_args_is_help=True, help="Sign, approve, reject.", epilog=CODES)

app.command("override", epilog=CODES)(overriding.override)
app.command("confirm", epilog=CODES)(overriding.confirm)
app.command("overrides", epilog=CODES)(overriding.overrides)
app.command("automatic", epilog=CODES)(automatic)
app.command("approve-all", epilog=CODES)(gate_all.approve_all)
app.command("reject-all", epilog=CODES)(gate_all.reject_all)
app.command("withdraw-all", epilog=CODES)(gate_all.withdraw_all)


@app.command("sign-off", epilog=CODES)
def sign_off(
    school: SchoolArgument,
    gate: GateOption = None,
    who: AsOption = None,
    stand_in: StandInOption = False,
    giver: ForOption = None,
    criterion: Annotated[str | None, typer.Option(help="The sign-off criterion, if the gate has several.")] = None,
    program: ProgramOption = None,
    act_id: IdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Signs a phase's plan in a role. The law counts one role a person."""

    def make(session: Session, line: SchoolLine, actor: Actor, identity: str) -> Command:
        del session
        return GiveSignOff(act_id=identity, actor=actor, gate=gate or line.gate, criterion_id=criterion)

    carry(school, program, Person(who, stand_in, giver), act_id, _signers, make, as_json)


@app.command("sign-all", epilog=CODES)
def sign_everything(
    program: Annotated[str, typer.Option(help="A rehearsal program.")],
    gate: Annotated[GateId, typer.Option(help="Schools at this gate.")] = GateId.CHARTER,
    as_json: JsonOption = False,
) -> None:
    """In a rehearsal: stand-ins give every signature that is missing."""

    async def work(session: Session) -> SignedAnswer:
        return await sign_all(session, program, gate)

    answer = serve(work)
    if as_json:
        screen.write_json(answer)
    else:
        screen.paper().print(f"{answer.accepted} signatures by stand-ins at {answer.schools} schools; {ASSERTED}")
        for reply in answer.refused:
            screen.remark(f"refused: {reply.refusal}: expected {reply.expected}, seen {reply.seen}; {reply.next_step}")
        if answer.unanswered:
            screen.remark(f"{answer.unanswered} schools did not answer in time; type the command again")
    raise typer.Exit(AWAY if answer.unanswered else REFUSED if answer.refused else DONE)


@app.command(epilog=CODES)
def approve(
    school: SchoolArgument,
    reason: ReasonOption,
    gate: GateOption = None,
    who: AsOption = None,
    stand_in: StandInOption = False,
    giver: ForOption = None,
    note: NoteOption = None,
    program: ProgramOption = None,
    act_id: IdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answers a standing ask with yes; bound to each criterion's status as it is now."""
    _answer("approved", school, Person(who, stand_in, giver), reason, gate, note, program, act_id, as_json)


@app.command(epilog=CODES)
def reject(
    school: SchoolArgument,
    reason: ReasonOption,
    gate: GateOption = None,
    who: AsOption = None,
    stand_in: StandInOption = False,
    giver: ForOption = None,
    note: NoteOption = None,
    program: ProgramOption = None,
    act_id: IdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answers a standing ask with no; nobody is asked again until a criterion's status changes."""
    _answer("rejected", school, Person(who, stand_in, giver), reason, gate, note, program, act_id, as_json)


@app.command(epilog=CODES)
def withdraw(
    school: SchoolArgument,
    gate: GateOption = None,
    who: AsOption = None,
    stand_in: StandInOption = False,
    giver: ForOption = None,
    program: ProgramOption = None,
    act_id: IdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Takes back one's own approval while the gate has not opened; the ask stands again."""

    def make(session: Session, line: SchoolLine, actor: Actor, identity: str) -> Command:
        del session
        return WithdrawApproval(act_id=identity, actor=actor, gate=gate or line.gate)

    carry(school, program, Person(who, stand_in, giver), act_id, _approvers, make, as_json)


def _approvers(row: PictureRow, policy: SchoolPolicy | None) -> Sequence[Role]:
    """Those who have approved here."""
    del policy
    return tuple(each.actor.role for each in row.picture.approvals.values() if each.answer == "approved")


@app.command(epilog=CODES)
def advance(
    school: SchoolArgument,
    reason: ReasonOption,
    gate: GateOption = None,
    who: AsOption = None,
    stand_in: StandInOption = False,
    note: NoteOption = None,
    program: ProgramOption = None,
    act_id: IdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Opens a gate by hand, where its trust is observe or advise; what the machine says is recorded beside it."""

    def make(session: Session, line: SchoolLine, actor: Actor, identity: str) -> Command:
        del session
        return AdvanceByHand(
            act_id=identity, actor=actor, gate=gate or line.gate, reason=reason, note_id=note
        )  # fmt: skip

    def approver(row: PictureRow, policy: SchoolPolicy | None) -> Sequence[Role]:
        return (policy.gates[row.picture.phase.gate].approver,) if policy else ()

    carry(school, program, Person(who, stand_in), act_id, approver, make, as_json)


def _answer(
    answer: Literal["approved", "rejected"],
    school: str,
    who: Person,
    reason: str,
    gate: GateId | None,
    note: str | None,
    program: str | None,
    act_id: str | None,
    as_json: bool,
) -> None:
    def make(session: Session, line: SchoolLine, actor: Actor, identity: str) -> Command:
        del session
        return AnswerAsk(
            act_id=identity, actor=actor, gate=gate or line.gate, answer=answer, reason=reason, note_id=note
        )

    carry(school, program, who, act_id, asked, make, as_json)


@app.command(epilog=CODES)
def mend(
    school: SchoolArgument,
    root_cause: Annotated[str | None, typer.Option(help="Why the school fell back, as a code.")] = None,
    fix: Annotated[str | None, typer.Option(help="What was mended, for everybody to see, as a code.")] = None,
    who: AsOption = None,
    stand_in: StandInOption = False,
    note: NoteOption = None,
    program: ProgramOption = None,
    act_id: IdOption = None,
    as_json: JsonOption = False,
) -> None:
    """After a school was taken back a phase: its root cause, or one visible fix. Both come before it passes again."""
    if (root_cause is None) is (fix is None):
        fail(MEND, "mend: expected one of --root-cause CODE and --fix CODE; they are two acts")

    def make(session: Session, line: SchoolLine, actor: Actor, identity: str) -> Command:
        del session, line
        if root_cause is not None:
            return RecordRootCause(act_id=identity, actor=actor, cause=root_cause, note_id=note)
        return RecordFix(act_id=identity, actor=actor, fix=fix or "")

    carry(school, program, Person(who, stand_in), act_id, lambda _row, _policy: (Role.PRINCIPAL,), make, as_json)


def _signers(row: PictureRow, policy: SchoolPolicy | None) -> Sequence[Role]:
    """Those who have yet to sign; those who have, when nobody has."""
    gate = row.picture.phase.gate
    criteria = policy.gates[gate].criteria if policy else ()
    roles = tuple(role for each in criteria if isinstance(each, SignOffs) for role in each.roles)
    given = [each.actor.role for each in signed(row.picture, gate, policy.semantics if policy else SEMANTICS)]
    return tuple(role for role in roles if role not in given) or roles


@app.command(epilog=CODES)
def ask(school: SchoolArgument, program: ProgramOption = None, as_json: JsonOption = False) -> None:
    """Shows a standing ask: who is asked, about what, until when, and what silence does. Exits with 1 when none is."""

    async def work(session: Session) -> WhyAnswer:
        line = await one_rollout(session, school, program)
        return explain_school(line, await sight_of(session, line), session.now)

    answer = serve(work)
    if as_json:
        screen.write_json(answer)
    elif answer.asks:
        _print_ask(answer)
    else:
        screen.remark(f"nobody is asked about {answer.line.school}: {answer.headline}")
    raise typer.Exit(DONE if answer.asks else NO)


def _print_ask(answer: WhyAnswer) -> None:
    line, paper = answer.line, screen.paper()
    announce([line])
    role = answer.awaits or (answer.asks.value if answer.asks else "")
    paper.print(f"{role} of {line.school} ({line.district}): {line.gate.value} waits for your answer", style="bold")
    for each in answer.criteria:
        if each.standing is Standing.ASKED:
            paper.print(f"  {each.criterion_id}: {each.sentence}")
    passed = [each for each in answer.criteria if each.severity == "hard" and not each.blocks]
    beside = [each for each in passed if each.standing in (Standing.WAIVED, Standing.OVERRIDDEN)]
    paper.print(f"  {len(passed) - len(beside)} other hard criteria pass")
    for each in beside:
        paper.print(f"  without evidence: {each.criterion_id}: {each.sentence}")
    paper.print(f"answer by: {screen.moment(line.answer_by) or 'the end of the calendar'}")
    if answer.overdue:
        paper.print("the deadline has passed", style="bold yellow")
    if answer.deputy and answer.deputy_at:
        paper.print(f"deputy: {answer.deputy.value} may answer too, from {screen.moment(answer.deputy_at)}")
    paper.print(f"silence: {answer.silence or '–'}")
    words = f"{line.school_id} --program {line.program_id} --as ACTOR --reason CODE"
    paper.print(f"answer with: firstbell gate approve {words}\n         or: firstbell gate reject {words}")
