"""`firstbell decision`: a decision as a record that anybody can decide again."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from schemas.fact import Fact, GateDecided
from schemas.school import GateId
from services.console import library, record, views
from services.console.commands import screen
from services.console.commands.acting import JsonOption, ProgramOption, SchoolArgument
from services.console.commands.session import CODES, Session, one_rollout, serve
from services.console.pack import proving
from services.console.record import DecisionExport, Proof
from services.console.views import Answer, SchoolLine
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
def export(
    school: Annotated[str | None, typer.Argument(help="SchoolId, NCES id, or a piece of the name.")] = None,
    program: ProgramOption = None,
    gate: Annotated[GateId | None, typer.Option(help="Only decisions of this gate.")] = None,
    out: Annotated[Path, typer.Option(help="The folder the files go to; made when it is absent.")] = Path("decisions"),
    as_json: JsonOption = False,
) -> None:
    """Writes every decision of a school, or of a whole program, as one sealed file each.

    Each file holds the documents it was decided by, so that it can be decided again years later, offline.

    For example:

      firstbell decision export cedar --gate G1

      firstbell decision export --program wa-2026 --out records

      firstbell decision verify records/*.json
    """
    if school is None and program is None:
        fail(MEND, "expected a school or --program, seen neither; say whose decisions shall go out")
    out.mkdir(parents=True, exist_ok=True)
    files = serve(lambda session: _export_all(session, school, program, gate, out))
    if not files:
        fail(MEND, f"{school or program}: expected a decision, seen none; see `firstbell school history`")
    if as_json:
        screen.write_json(Exported(folder=str(out), files=tuple(files)))
        return
    typer.echo(f"{len(files)} decisions in {out}; check them with `firstbell decision verify {out}/*.json`")


class Exported(Answer):
    """What was written where."""

    folder: str
    files: tuple[str, ...]


async def _export_all(
    session: Session, school: str | None, program: str | None, gate: GateId | None, out: Path
) -> list[str]:
    """Writes the files one by one: a program's decisions need not fit into memory."""
    if school is not None:
        lines = [await one_rollout(session, school, program)]
    else:
        lines = await views.school_lines(session.connection, program=program, stopped=True)
    shelf = library.Shelf(session.connection)
    files = []
    for line in lines:
        found = await library.decision_facts(
            session.connection, line.program_id, line.school_id, gate=gate and gate.value
        )
        for fact in reversed(found):
            made = await _join(shelf, fact, line)
            name = f"{line.program_id}-{line.school_id}-{fact.fact_sequence:06}-{made.decision.inputs.gate.value}.json"
            (out / name).write_text(made.model_dump_json(indent=2) + "\n", "utf-8")
            files.append(name)
    return files


@app.command(epilog=CODES)
def verify(
    subjects: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...|SCHOOL", help="Files of `decision export`, packs of `program export`, or a school."
        ),
    ],
    gate: GateOption = None,
    sequence: SequenceOption = None,
    program: ProgramOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decides again from the record alone and compares. Exits with 1 when anything differs, naming the place.

    A file needs no server, no database and no stored policy: it brings its documents along.
    """
    if proving.is_pack(Path(subjects[0])):
        _verify_packs(subjects, as_json)
    proofs = [_prove(subject, program, gate, sequence) for subject in subjects]
    if as_json:
        screen.write_json(proofs[0] if len(proofs) == 1 else proofs)
    elif len(proofs) == 1:
        _print_proof(proofs[0])
    else:
        _print_proofs(proofs)
    raise typer.Exit(DONE if all(proof.stands for proof in proofs) else NO)


def _verify_packs(subjects: list[str], as_json: bool) -> NoReturn:
    """Every pack, file by file and decision by decision."""
    proofs = []
    for subject in subjects:
        try:
            proofs.append(proving.prove_pack(proving.read_pack(Path(subject)), subject))
        except (record.UnreadableError, ValueError) as error:
            fail(MEND, f"{subject}: {error}")
    if as_json:
        screen.write_json(proofs[0] if len(proofs) == 1 else proofs)
    else:
        for proof in proofs:
            _print_pack(proof)
    raise typer.Exit(DONE if all(proof.stands for proof in proofs) else NO)


def _prove(subject: str, program: str | None, gate: GateId | None, sequence: int | None) -> Proof:
    file = Path(subject)
    if file.is_file():
        text = file.read_text("utf-8", errors="replace")
    elif file.suffix == ".json":
        fail(MEND, f"{subject}: expected a file, seen none; write it with `firstbell decision export`")
    else:
        text = serve(lambda session: _export(session, subject, program, gate, sequence)).model_dump_json()
    try:
        return record.prove(text)
    except record.UnreadableError as error:
        fail(MEND, f"{subject}: {error}")


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
    return await _join(library.Shelf(session.connection), facts[0], line)


async def _join(shelf: library.Shelf, fact: Fact, line: SchoolLine) -> DecisionExport:
    """The decision with the documents it names. Exits with 3 while one of them has not come."""
    decision = _decision(fact).decision
    policy = await shelf.policy(decision.policy_digest)
    calendar = await shelf.calendar(decision.calendar_digest)
    if policy is None or (calendar is None and decision.calendar_digest is not None):
        missing = decision.policy_digest if policy is None else decision.calendar_digest
        fail(AWAY, f"document {missing}: expected in the console, seen not yet; try again in a moment")
    return record.export(fact, line.school, line.notice is not None, policy, calendar)


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


def _print_proofs(proofs: list[Proof]) -> None:
    """The ones that do not stand, whole; of the others their number."""
    for proof in proofs:
        if not proof.stands:
            _print_proof(proof)
    stand = sum(proof.stands for proof in proofs)
    screen.paper().print(f"{stand} of {len(proofs)} stand: decided again from the records alone")


def _print_pack(proof: proving.PackProof) -> None:
    paper = screen.paper()
    for each in proof.findings:
        paper.print(f"  {each.place}\n    expected  {each.expected}\n    seen      {each.seen}")
    hidden = f"; {proof.hidden_count} rest on hidden numbers and cannot be decided again from here"
    told = (
        f"{proof.subject}: {proof.proved_count} of {proof.decisions_count} decisions decided again from the pack alone"
    )
    paper.print(("stands: " if proof.stands else "refused: ") + told + (hidden if proof.hidden_count else ""))
