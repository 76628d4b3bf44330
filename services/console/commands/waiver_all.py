"""`firstbell waiver propose-all|grant-all|revoke-all`: the same waiver at many schools. Registered by waiver.py.

It ends by a named instant or the policy's default, never by days from now: typed again, it must be the same act.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from schemas.gate import SchoolPolicy
from schemas.message import Command
from schemas.school import Actor, Role, Scope, ScopeKind
from schemas.waiver import GrantWaiver, ProposeWaiver, RevokeWaiver
from services.console.commands.acting import AsOption, JsonOption, Person, ReasonOption, StandInOption, YesOption
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
from services.console.commands.waiving import Category, granters
from services.console.views import PictureRow, SchoolLine

Criteria = Annotated[list[str], typer.Argument(metavar="CRITERION...", help="Exact ids of the gate's criteria.")]
Instead = Annotated[str, typer.Option(help="The compensating control, as a code.")]
Until = Annotated[datetime | None, typer.Option(help="When it ends, UTC; the policy's default when absent.")]


def propose_all(
    criteria: Criteria,
    program: EveryOf,
    reason: ReasonOption,
    instead: Instead,
    category: Annotated[
        Category, typer.Option(help="mitigated, or waived where nothing stands in.")
    ] = Category.MITIGATED,
    district: DistrictOption = None,
    gate: GateFilter = None,
    until: Until = None,
    who: AsOption = None,
    stand_in: StandInOption = False,
    yes: YesOption = False,
    act_id: ManyIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Asks for the same waiver at every school where one of these criteria says no or has no evidence.

    Example: firstbell waiver propose-all page-load --program wa-2026 --gate G1 --instead paper-lists --reason cabling-late
    """

    def lacking(line: SchoolLine, row: PictureRow) -> Sequence[str]:
        held = [each.criterion_ids for each in row.picture.waivers.values()]
        held += [each.criterion_ids for each in row.picture.waiver_proposals.values()]
        named = any(set(criteria) <= set(each) for each in held)
        return ("",) if set(criteria) & set(line.failing) and not named else ()

    def make(session: Session, line: SchoolLine, actor: Actor, identity: str, thing: str) -> Command:
        del session, thing
        return ProposeWaiver(
            act_id=identity, actor=actor, gate=line.gate, criterion_ids=tuple(criteria),
            scope=Scope(kind=ScopeKind.SCHOOL, id=line.school_id), category=category.value, compensating_control=instead,
            reason=reason, note_id=None, expires_at=until and until.replace(tzinfo=UTC),
        )  # fmt: skip

    verb = Verb(f"propose to waive {' '.join(criteria)}", lacking, lambda *_: (), make, _revoking(criteria))
    carry_many(verb, Choice(program, district, gate), Person(who, stand_in), act_id, yes=yes, as_json=as_json)


def grant_all(
    criteria: Criteria,
    program: EveryOf,
    district: DistrictOption = None,
    gate: GateFilter = None,
    until: Until = None,
    who: AsOption = None,
    stand_in: StandInOption = False,
    yes: YesOption = False,
    act_id: ManyIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Grants every proposal that stands for exactly these criteria."""

    def proposed(line: SchoolLine, row: PictureRow) -> Sequence[str]:
        del line
        found = row.picture.waiver_proposals.items()
        return [key for key, each in found if set(each.criterion_ids) == set(criteria)]

    def make(session: Session, line: SchoolLine, actor: Actor, identity: str, thing: str) -> Command:
        del session, line
        return GrantWaiver(
            act_id=identity, actor=actor, waiver_id=thing, expires_at=until and until.replace(tzinfo=UTC)
        )

    verb = Verb(f"grant the waiver of {' '.join(criteria)}", proposed, _above, make, _revoking(criteria))
    carry_many(verb, Choice(program, district, gate), Person(who, stand_in), act_id, yes=yes, as_json=as_json)


def revoke_all(
    criteria: Criteria,
    program: EveryOf,
    reason: ReasonOption,
    district: DistrictOption = None,
    gate: GateFilter = None,
    who: AsOption = None,
    stand_in: StandInOption = False,
    yes: YesOption = False,
    act_id: ManyIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ends every waiver of exactly these criteria, and turns the proposals down."""

    def standing(line: SchoolLine, row: PictureRow) -> Sequence[str]:
        del line
        found = {
            **{key: each.criterion_ids for key, each in row.picture.waivers.items()},
            **{key: each.criterion_ids for key, each in row.picture.waiver_proposals.items()},
        }
        return [key for key, names in found.items() if set(names) == set(criteria)]

    def make(session: Session, line: SchoolLine, actor: Actor, identity: str, thing: str) -> Command:
        del session, line
        return RevokeWaiver(act_id=identity, actor=actor, waiver_id=thing, reason=reason)

    verb = Verb(f"end the waiver of {' '.join(criteria)}", standing, _above, make, None)
    carry_many(verb, Choice(program, district, gate), Person(who, stand_in), act_id, yes=yes, as_json=as_json)


def _above(row: PictureRow, policy: SchoolPolicy | None, thing: str) -> Sequence[Role]:
    del thing
    return granters(row, policy)


def _revoking(criteria: Sequence[str]) -> str:
    return f"waiver revoke-all {' '.join(criteria)} --reason CODE"
