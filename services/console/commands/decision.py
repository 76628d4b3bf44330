"""`firstbell decision`: a decision as a record that anybody can decide again."""

from pathlib import Path
from typing import Annotated

import typer

from schemas.fact import Fact, GateDecided
from schemas.school import GateId
from services.console import library, record
from services.console.commands import screen
from services.console.commands.school import JsonOption, ProgramOption, SchoolArgument
from services.console.commands.session import CODES, Session, one_rollout, serve
from services.console.record import DecisionExport, Proof
from services.kit.terminal import AWAY, DONE, MEND, NO, fail
from workflows.policy import explain

app = typer.Typer(no_args_is_help=True, help="Decisions as records, decided again by anybody.", epilog=CODES)

GateOption = Annotated[GateId | None, typer.Option(help="The newest decision of this gate.")]
SequenceOption = Annotated[
    int | None, typer.Option(help="The decision of this fact number, as `school history` has it.")
]


@app.command(epilog=CODES)
def show(
    school: SchoolArgument,
    gate: GateOption = None,
    sequence: SequenceOption = None,
    program: ProgramOption = None,
    as_json: JsonOption = False,
) -> None:
    """Shows a school's newest decision; with --json, the whole record with its documents, ready to verify."""
    made = serve(lambda session: _export(session, school, program, gate, sequence))
    if as_json:
        screen.write_json(made)
        return
    _print_record(made)


@app.command(epilog=CODES)
def verify(
    subject: Annotated[
        str, typer.Argument(metavar="FILE|SCHOOL", help="A file from `decision show --json`, or a school.")
    ],
    gate: GateOption = None,
    sequence: SequenceOption = None,
    program: ProgramOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decides again from the record alone and compares. Exits with 1 when anything differs, naming the place."""
    file = Path(subject)
    if file.is_file():
        text = file.read_text("utf-8", errors="replace")
    else:
        text = serve(lambda session: _export(session, subject, program, gate, sequence)).model_dump_json()
    try:
        proof = record.prove(text)
    except record.UnreadableError as error:
        fail(MEND, f"{subject}: {error}")
    if as_json:
        screen.write_json(proof)
    else:
        _print_proof(proof)
    raise typer.Exit(DONE if proof.stands else NO)


async def _export(
    session: Session, school: str, program: str | None, gate: GateId | None, sequence: int | None
) -> DecisionExport:
    line = await one_rollout(session, school, program)
    facts = await library.decision_facts(
        session.connection, line.program_id, line.school_id, gate=gate and gate.value, sequence=sequence
    )
    if not facts:
        which = f"fact {sequence}" if sequence else gate.value if gate else "any gate"
        fail(MEND, f"{line.school}: expected a decision of {which}, seen none; see `firstbell school history`")
    decision = _decision(facts[0]).decision
    policy = await library.policy_document(session.connection, decision.policy_digest)
    calendar = await library.calendar_document(session.connection, decision.calendar_digest)
    if policy is None or (calendar is None and decision.calendar_digest is not None):
        missing = decision.policy_digest if policy is None else decision.calendar_digest
        fail(AWAY, f"document {missing}: expected in the console, seen not yet; try again in a moment")
    return record.export(facts[0], line.school, line.notice is not None, policy, calendar)


def _decision(fact: Fact) -> GateDecided:
    assert isinstance(fact.body, GateDecided)
    return fact.body


def _print_record(made: DecisionExport) -> None:
    paper, decision = screen.paper(), made.decision
    if made.notice:
        paper.print(f"{made.notice}: this decision rests on imagined evidence.", style="bold yellow")
    paper.print(f"{made.school}, program {made.program_id}, fact {made.fact_sequence}", style="bold")
    paper.print(made.headline())
    rows = [
        ("decided at", screen.moment(decision.decided_at)), ("attempt", decision.inputs.attempt),
        ("policy", f"{decision.policy_name} v{decision.policy_version}, profile {decision.profile}"),
        ("policy digest", decision.policy_digest), ("calendar digest", decision.calendar_digest),
        ("evidence digest", decision.verdict.evidence_digest), ("build", decision.build),
    ]  # fmt: skip
    paper.print(screen.table(("", ""), rows))
    paper.print(
        screen.table(
            ("criterion", "status", "why"),
            [(each.criterion_id, each.status.value, explain.sentence(each)) for each in decision.verdict.results],
        )
    )


def _print_proof(proof: Proof) -> None:
    paper = screen.paper()
    if proof.stands:
        paper.print(f"stands: {proof.subject}", style="green")
        paper.print(f"  decided again from the record alone: {proof.headline}")
        return
    paper.print(f"refused: {proof.subject}", style="bold red")
    for each in proof.findings:
        paper.print(f"  {each.place}\n    expected  {each.expected}\n    seen      {each.seen}")
