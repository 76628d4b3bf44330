"""`firstbell policy migrate`: the schools of a program take another policy. A verb the console adds to `policy`."""

from typing import Annotated
from uuid import uuid4

import typer

from schemas.message import CommandReply
from schemas.model import digest_of
from schemas.school import STATE_ROLES, Actor
from services.console import door, library, migration, roster, views
from services.console.commands import screen
from services.console.commands.acting import ASSERTED, AsOption, IdOption, JsonOption, StandInOption, YesOption
from services.console.commands.session import CODES, Session, serve
from services.console.migration import MigrationAnswer, MigrationPlan, Planner
from services.console.views import SIMULATED, SchoolLine
from services.kit.terminal import AWAY, DONE, MEND, REFUSED, agreed, fail
from workflows.policy.authoring.inheritance import root_of

ROWS_MAX = 40
"""Schools shown one by one on a terminal; --json has them all. Our judgement, 2026-11-25."""
TOLD_EVERY = 500
"""Schools between two lines of progress. Our judgement, 2026-11-25."""

app = typer.Typer(help="Give a program's schools another policy.", epilog=CODES)


@app.command()
def migrate(
    program: Annotated[str, typer.Argument(help="The program.")],
    to: Annotated[str, typer.Option(help="The stored policy: name, name@version or digest.")],
    plan: Annotated[bool, typer.Option("--plan", help="Show what would change, school by school; do nothing.")] = False,
    who: AsOption = None,
    stand_in: StandInOption = False,
    reason: Annotated[str, typer.Option(help="Why, as a code.")] = "policy-changed",
    act_id: IdOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Give a program's schools another policy, taken by each when its next phase opens.

    It shows what would change, asks, and may be repeated with the same --id after a crash: the same id is one act.
    To undo it, migrate back: a school whose phase has not opened keeps what it has.

      firstbell policy migrate wa-2026 --to default@2 --plan

      firstbell policy migrate wa-2026 --to default@2 --as actor-0042
    """
    if not plan and (who is None) is not stand_in:
        fail(MEND, "who acts: expected one of --as ACTOR and, in a rehearsal, --stand-in; or --plan")
    answer = serve(lambda session: _work(session, program, to, plan, who, reason, act_id, yes, as_json))
    if isinstance(answer, MigrationPlan):
        if as_json:
            screen.write_json(answer)
        raise typer.Exit(DONE)
    if as_json:
        screen.write_json(answer)
    else:
        _tell(answer)
    raise typer.Exit(REFUSED if answer.refused else AWAY if answer.unanswered else DONE)


async def _work(
    session: Session, program: str, to: str, only_plan: bool, who: str | None, reason: str, act_id: str | None,
    yes: bool, as_json: bool,
) -> MigrationPlan | MigrationAnswer:  # fmt: skip
    lines = await views.school_lines(session.connection, program=program)
    if not lines:
        fail(MEND, f"program {program}: expected schools under way, seen none; see `firstbell school list`")
    document = await library.named_policy(session.connection, to)
    if document is None:
        fail(MEND, f"policy {to}: expected a stored name, name@version or digest; see `firstbell policy show`")
    client = await door.connect(session.settings)
    planner = Planner(session.connection, client, document, session.now)
    grounds = [(line, await planner.policy_for(line)) for line in lines]
    schools = await planner.plan(grounds, _told("looked at"))
    made = MigrationPlan(
        notice=SIMULATED if any(line.notice for line in lines) else None, program_id=program,
        policy=f"{document.name} v{document.version}", policy_digest=digest_of(document), semantics=document.semantics,
        schools=schools, summary=migration.summary(schools),
    )  # fmt: skip
    if not as_json:
        _show(made)
    if only_plan:
        return made
    identity = act_id or f"migrate-{uuid4()}"
    actor = await _actor(session, lines[0], who, identity)
    if not agreed(f"Give {len(made.schools)} schools {made.policy}? (act {identity})", yes=yes, as_json=as_json):
        if as_json:
            return made
        raise typer.Exit(DONE)
    back = await _pinned_now(session, lines)
    carried = await migration.carry(client, grounds, actor, identity, reason, _told("told"))
    undo = f"firstbell policy migrate {program} --to {back} --as ACTOR"
    return migration.answer_of(made, identity, carried, undo)


async def _actor(session: Session, line: SchoolLine, who: str | None, identity: str) -> Actor:
    record = await library.school_record(session.connection, line.school_id)
    if who is None:
        if not line.rehearsal:
            fail(
                MEND, f"--stand-in: expected a rehearsal, seen program {line.program_id}, which is real; use --as ACTOR"
            )
        who = await roster.stand_in(session.connection, record, line, STATE_ROLES)
        if who is None:
            fail(MEND, "--stand-in: expected a stand-in for a state role, seen none; `firstbell roster rehearse`")
    found = await roster.actor_for(session.connection, who, record, line, STATE_ROLES, identity)
    if isinstance(found, CommandReply):
        screen.remark(f"refused: {found.refusal}: expected {found.expected}, seen {found.seen}; {found.next_step}")
        raise typer.Exit(REFUSED)
    return found


async def _pinned_now(session: Session, lines: list[SchoolLine]) -> str:
    """The digest most of these schools have: what a migration back would name."""
    rows = await session.connection.fetch(
        """select policy_digest, count(*) from picture where program_id = $1 and stopped is null
        group by 1 order by 2 desc, 1""",
        lines[0].program_id,
    )
    known = await library.inheriting_policies(session.connection)
    return root_of(str(rows[0]["policy_digest"]), known) if rows else "POLICY"


def _told(verb: str) -> migration.Told:
    def told(done: int, count: int) -> None:
        if done == count or done % TOLD_EVERY == 0:
            screen.remark(f"{verb}: {done} of {count}")

    return told


def _show(plan: MigrationPlan) -> None:
    paper = screen.paper()
    if plan.notice:
        paper.print(f"{SIMULATED}: evidence in {plan.program_id} is imagined.", style="bold yellow")
    paper.print(f"{plan.program_id} to {plan.policy}: {len(plan.schools)} schools, each when its next phase opens")
    for words, count in plan.summary.items():
        paper.print(f"  {count:6} {words}")
    touched = [each for each in plan.schools if each.changes or each.before is None]
    rows = [
        (each.school, each.gate.value, each.before and each.before.value, each.after and each.after.value,
         "; ".join(f"{one.criterion_id}: {one.before or 'not asked'} -> {one.after or 'not asked'}"
                   for one in each.changes), each.note)
        for each in touched[:ROWS_MAX]
    ]  # fmt: skip
    if rows:
        paper.print(screen.table(("school", "gate", "now", "then", "criteria", "when"), rows))
    if len(touched) > ROWS_MAX:
        paper.print(f"... and {len(touched) - ROWS_MAX} more; --json has them all")


def _tell(answer: MigrationAnswer) -> None:
    paper = screen.paper()
    paper.print(
        f"accepted by {answer.accepted} schools, {answer.had_it} have it by another act, "
        f"{len(answer.refused)} refused, {len(answer.unanswered)} did not answer; {ASSERTED}; act {answer.act_id}"
    )
    for reply in answer.refused[:ROWS_MAX]:
        screen.remark(f"refused: {reply.refusal}: expected {reply.expected}, seen {reply.seen}; {reply.next_step}")
    if answer.unanswered:
        screen.remark(f"run it again with --id {answer.act_id}: schools that took it say so, and nothing happens twice")
    paper.print(f"undo, before the next phase opens: {answer.undo}")
