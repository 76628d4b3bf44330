"""`firstbell hold` over a scope: hold a district, program or state, stop it, let one school pass, let all go."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from schemas.advisory import Advisory, Exemption
from schemas.decision import Blocks, HoldKind
from schemas.school import Actor, SchoolId, Scope, ScopeKind
from services.console.commands.acting import (
    ActorOption,
    IdOption,
    JsonOption,
    ProgramOption,
    ReasonOption,
    SchoolArgument,
    YesOption,
)
from services.console.commands.advisory import IdArgument
from services.console.commands.reaching import carry, known
from services.console.commands.session import Session, one_rollout, serve
from services.kit.terminal import MEND, fail
from workflows.policy.acts.holding import ROBOT

DistrictOption = Annotated[str | None, typer.Option(help="Hold a whole district: its id.")]
StateOption = Annotated[str | None, typer.Option(help="Hold a whole state: WA.")]
WaveOption = Annotated[str | None, typer.Option(help="Hold a wave: PROGRAM.wave-2.")]


def scope_of(district: str | None, state: str | None, wave: str | None, program: str | None) -> Scope:
    """The one scope that was named. Exits with 2 unless it is exactly one."""
    named = {ScopeKind.DISTRICT: district, ScopeKind.STATE: state, ScopeKind.WAVE: wave, ScopeKind.PROGRAM: program}
    given = [(kind, text) for kind, text in named.items() if text is not None]
    if len(given) != 1:
        fail(MEND, f"scope: expected one of SCHOOL, --district, --wave, --program, --state, seen {len(given)}")
    kind, text = given[0]
    return Scope(kind=kind, id=text)


def add_over(
    scope: Scope, reason: str, who: str | None, blocks: Blocks, link: str | None, expires_at: datetime | None,
    act_id: str | None, *, yes: bool, as_json: bool, emergency: bool = False, passing: tuple[SchoolId, ...] = (),
) -> None:  # fmt: skip
    """Holds every school of a scope, those that join later too."""
    if who is None:
        fail(MEND, "who acts: expected --as ACTOR for a hold over many schools")

    def make(session: Session, actor: Actor, identity: str, standing: Advisory | None) -> Advisory:
        ends = standing.expires_at if standing and emergency else expires_at
        given_at = standing.placed_at if standing else session.now
        return Advisory(
            advisory_id=identity, version=1, kind=HoldKind.ROBOT if who.startswith(ROBOT) else HoldKind.PERSON,
            scope=scope, reason=reason, link=link, blocks=blocks, emergency=emergency, placed_by=actor,
            placed_at=session.now, expires_at=ends, lifted_by=actor.role,
            exempt=tuple(
                Exemption(school_id=each, reason=reason, granted_by=actor, granted_at=given_at) for each in passing
            ),
        )  # fmt: skip

    carry(who, make, act_id, scope=scope, yes=yes, as_json=as_json)


def stop(
    reason: ReasonOption,
    who: ActorOption,
    hours: Annotated[float, typer.Option(min=0.1, max=8_760, help="Time to live, hours of the clock.")],
    district: DistrictOption = None,
    state: StateOption = None,
    wave: WaveOption = None,
    program: ProgramOption = None,
    passing: Annotated[list[str] | None, typer.Option("--bypass", help="SchoolId that passes by name; repeat.")] = None,
    yes: YesOption = False,
    act_id: IdOption = None,
    as_json: JsonOption = False,
) -> None:
    """EMERGENCY STOP over a scope: no gate opens and nothing is handed out, until it is withdrawn or its time ends."""
    add_over(
        scope_of(district, state, wave, program), reason, who, "all", None,
        datetime.now(UTC) + timedelta(hours=hours), act_id, yes=yes, as_json=as_json, emergency=True,
        passing=tuple(passing or ()),
    )  # fmt: skip


def bypass(
    hold: IdArgument,
    school: SchoolArgument,
    reason: ReasonOption,
    who: ActorOption,
    program: ProgramOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Lets one school pass a hold over its scope, by name, with a reason; all others stay held."""

    async def work(session: Session) -> str:
        return (await one_rollout(session, school, program)).school_id

    school_id = serve(work)

    def make(session: Session, actor: Actor, identity: str, standing: Advisory | None) -> Advisory:
        held = known(identity, standing)
        if any(each.school_id == school_id for each in held.exempt):
            return held
        one = Exemption(school_id=school_id, reason=reason, granted_by=actor, granted_at=session.now)
        return held.model_copy(update={"version": held.version + 1, "exempt": (*held.exempt, one)})

    carry(who, make, hold, scope=None, yes=yes, as_json=as_json)
