"""`firstbell gate override|confirm|overrides`: pass exact criteria over the evidence, by two people and in public."""

from collections.abc import Sequence
from typing import Annotated

import typer

from schemas.gate import SchoolPolicy
from schemas.message import Command
from schemas.school import Actor, Role
from schemas.waiver import ConfirmOverride, OverrideGate
from services.console.commands.acting import (
    AsOption,
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
from services.console.commands.register import AuditOption, DistrictOption, read, show
from services.console.commands.session import Session
from services.console.views import PictureRow, SchoolLine


def override(
    school: SchoolArgument,
    criteria: Annotated[list[str], typer.Argument(metavar="CRITERION...", help="Exact ids of the gate's criteria.")],
    reason: ReasonOption,
    sponsor: Annotated[Role, typer.Option(help="The role for whose sake it is done; public.")],
    gate: GateOption = None,
    note: NoteOption = None,
    who: AsOption = None,
    stand_in: StandInOption = False,
    program: ProgramOption = None,
    act_id: IdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Proposes to pass exact criteria over the evidence; a second person must confirm. The override's id is the act's."""

    def make(session: Session, line: SchoolLine, actor: Actor, identity: str) -> Command:
        del session
        return OverrideGate(
            act_id=identity, actor=actor, gate=gate or line.gate, criterion_ids=tuple(criteria), reason=reason,
            sponsor=sponsor, note_id=note,
        )  # fmt: skip

    carry(school, program, Person(who, stand_in), act_id, _lead, make, as_json)


def confirm(
    school: SchoolArgument,
    override_id: Annotated[str, typer.Argument(metavar="OVERRIDE", help="Its id, as `gate overrides` has it.")],
    who: AsOption = None,
    stand_in: StandInOption = False,
    program: ProgramOption = None,
    act_id: IdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Confirms another person's override: the named criteria are overridden, and nothing besides."""

    def make(session: Session, line: SchoolLine, actor: Actor, identity: str) -> Command:
        del session, line
        return ConfirmOverride(act_id=identity, actor=actor, override_id=override_id)

    carry(school, program, Person(who, stand_in), act_id, _second, make, as_json)


def overrides(
    program: ProgramOption = None,
    district: DistrictOption = None,
    audit: AuditOption = False,
    as_json: JsonOption = False,
) -> None:
    """The public register of overrides, by role."""
    show(read(program, district, kind="override", audit=audit), as_json)


def _lead(row: PictureRow, policy: SchoolPolicy | None) -> Sequence[Role]:
    del row
    if policy is None:
        return (Role.STATE_DIRECTOR,)
    rules = policy.exceptions.overrides
    return tuple(dict.fromkeys((rules.lead, *rules.roles)))


def _second(row: PictureRow, policy: SchoolPolicy | None) -> Sequence[Role]:
    """Those who may confirm, the lead last: the lead has most often proposed."""
    return tuple(reversed(_lead(row, policy)))
