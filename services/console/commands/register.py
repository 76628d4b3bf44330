"""How the register of waivers and overrides is read and shown. Shared by `waiver` and `gate overrides`."""

from collections.abc import Sequence
from typing import Annotated, Literal

import typer

from services.console import register, views
from services.console.commands import screen
from services.console.commands.session import Session, one_school, serve
from services.console.register import Entry
from services.console.views import SIMULATED

AuditOption = Annotated[bool, typer.Option("--audit", help="With the ids of people: for auditors, not for the public.")]
DistrictOption = Annotated[str | None, typer.Option(help="District id or a piece of its name.")]


def read(
    program: str | None,
    district: str | None = None,
    *,
    kind: Literal["waiver", "override"] | None = None,
    school: str | None = None,
    standing: bool = False,
    audit: bool = False,
) -> list[Entry]:
    """The register, or its part. `standing`: only what is proposed or in force."""

    async def work(session: Session) -> list[Entry]:
        school_id = None if school is None else (await one_school(session, school)).school_id
        lines = await views.school_lines(
            session.connection, program=program, district=district, school_id=school_id, stopped=True
        )
        within = {(line.program_id, line.school_id) for line in lines}
        facts = await register.facts(session.connection, program, school_id)
        entries = register.compile_register(facts, lines, audit=audit)
        return [each for each in entries if (each.program_id, each.school_id) in within]

    wanted = ("proposed", "open", "confirmed")
    return [
        each for each in serve(work) if kind in (None, each.kind) and (not standing or each.state in wanted)
    ]  # fmt: skip


def show(entries: Sequence[Entry], as_json: bool) -> None:
    """The entries as a table or as one JSON document; the same in both, people by role."""
    if as_json:
        screen.write_json(entries)
        return
    if not entries:
        screen.remark("none")
        return
    paper = screen.paper()
    if any(each.notice for each in entries):
        paper.print(f"{SIMULATED}: some of this rests on imagined evidence.", style="bold yellow")
    rows = [_row(each) for each in entries]
    columns = ("id", "school", "district", "gate", "criteria", "category", "instead", "reason", "proposed", "granted",
               "until", "state", "sponsor")  # fmt: skip
    audited = any(each.audit for each in entries)
    paper.print(screen.table((*columns, *(("proposer", "granter") if audited else ())), rows))


def _row(each: Entry) -> tuple[object, ...]:
    row = (
        each.id, each.school, each.district, each.gate and each.gate.value, ", ".join(each.criterion_ids),
        each.category, each.compensating_control, each.reason, each.proposed_by and each.proposed_by.value,
        each.granted_by and each.granted_by.value, screen.moment(each.expires_at), each.state,
        each.sponsor and each.sponsor.value,
    )  # fmt: skip
    return row if each.audit is None else (*row, each.audit.proposed_by, each.audit.granted_by)
