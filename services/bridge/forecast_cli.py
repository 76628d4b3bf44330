"""`firstbell program latest-start|earliest-go-live`: dates by the policy's days and the calendar's freezes."""

from datetime import UTC, date, datetime, time
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from services.bridge.forecasts import Ground, ground_of
from services.kit.terminal import NO, codes, emit, in_transaction
from workflows.policy.planner import Backward, Forward, Obstacle, Rejected, earliest_go_live, latest_starts

CODES = codes("no date can be")
District = Annotated[str, typer.Option(help="District id or name.")]
Policy = Annotated[str, typer.Option(help="A stored policy: name or digest.")]
Profile = Annotated[str | None, typer.Option(help="The policy's profile; without it, that of schools of unknown size.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]
_WHY = {
    Obstacle.NO_SCHOOL: "it is no instructional day of the district's calendar",
    Obstacle.FROZEN: "it is frozen for {names}",
    Obstacle.TOO_SOON: "no start from {earliest} on reaches it: the phases' days and the freezes take longer",
}


def latest_start(
    go_live: Annotated[str, typer.Option(help="The date on whose opening bell pupils have it, 2027-01-19.")],
    district: District,
    policy: Policy = "default",
    profile: Profile = None,
    earliest: Annotated[str | None, typer.Option("--from", help="No start before this date. Default: today.")] = None,
    as_json: Json = False,
) -> None:
    """Say when each phase must start at the latest for a go-live date, or why it can't be and which date can.

    Evidence in time and people who answer at once are assumed: what is rejected is impossible.

    Example: firstbell program latest-start --go-live 2027-01-19 --district Adna
    """
    wanted = _date("--go-live", go_live)
    ground = _ground(district, policy, profile)
    begin = _date("--from", earliest) if earliest else _today(ground)
    plan = latest_starts(ground.policy, ground.calendar, wanted, begin)
    if as_json:
        emit(_tree(ground, plan))
    elif isinstance(plan, Backward):
        _print_backward(ground, plan)
    else:
        _print_rejected(ground, plan, begin)
    raise typer.Exit(NO if isinstance(plan, Rejected) else 0)


def earliest_live(
    district: District,
    start: Annotated[str | None, typer.Option(help="The date on which the rollout starts. Default: today.")] = None,
    policy: Policy = "default",
    profile: Profile = None,
    as_json: Json = False,
) -> None:
    """Say how early a school that starts on a date can be live, and when each gate can open.

    Example: firstbell program earliest-go-live --district Adna --start 2026-09-01
    """
    ground = _ground(district, policy, profile)
    day = _date("--start", start) if start else _today(ground)
    zone = ZoneInfo(ground.calendar.time_zone)
    at = next(
        (each[1] / 1000 for each in ground.calendar.days if each[0] == day),
        datetime.combine(day, time.min, zone).timestamp(),
    )
    plan = earliest_go_live(ground.policy, ground.calendar, datetime.fromtimestamp(at, UTC))
    if as_json:
        emit(None if plan is None else _tree(ground, plan))
    elif plan is None:
        typer.echo(f"{ground.district}: from {day} no go-live date lies within its calendar", err=True)
    else:
        _print_forward(ground, plan)
    raise typer.Exit(NO if plan is None else 0)


def _ground(district: str, policy: str, profile: str | None) -> Ground:
    return in_transaction("bridge", lambda connection: ground_of(connection, district, policy, profile))


def _date(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option}: expected a date such as 2027-01-19, seen {text!r}") from error


def _today(ground: Ground) -> date:
    return datetime.now(ZoneInfo(ground.calendar.time_zone)).date()


def _base(ground: Ground) -> dict[str, object]:
    return {
        "district": ground.district,
        "calendar_version": ground.calendar.version,
        "rehearsal": ground.calendar.rehearsal,
        "policy": f"{ground.policy.name} v{ground.policy.version}",
        "profile": ground.policy.profile,
    }


def _tree(ground: Ground, plan: Backward | Rejected | Forward) -> dict[str, object]:
    if isinstance(plan, Rejected):
        told: dict[str, object] = {
            "accepted": False, "go_live": plan.go_live, "obstacle": plan.obstacle.value, "names": plan.names,
            "next_go_live": plan.next_go_live,
        }  # fmt: skip
    elif isinstance(plan, Backward):
        starts = [
            {"phase": each.phase.value, "gate": each.gate.value, "minimum_days": each.minimum_days, "day": each.day,
             "latest_start_at": each.starts_at}
            for each in plan.starts
        ]  # fmt: skip
        told = {"accepted": True, "go_live": plan.go_live, "starts": starts}
    else:
        stages = [
            {"phase": each.phase.value, "gate": each.gate.value, "minimum_days": each.minimum_days,
             "starts_at": each.starts_at, "ready_at": each.ready_at, "opens_at": each.opens_at,
             "frozen_by": each.frozen_by}
            for each in plan.stages
        ]  # fmt: skip
        told = {"go_live": plan.go_live, "stages": stages}
    return _base(ground) | told


def _head(ground: Ground, what: str) -> None:
    mark = "REHEARSAL calendar, " if ground.calendar.rehearsal else ""
    of = f"{mark}calendar v{ground.calendar.version}, {ground.policy.name} v{ground.policy.version}, {ground.policy.profile}"
    Console().print(f"{ground.district}: {what} ({of})", markup=False, highlight=False)


def _print_backward(ground: Ground, plan: Backward) -> None:
    _head(ground, f"live on {plan.go_live} needs a start by {plan.starts[0].day}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("phase", "latest start", "its days", "then gate"):
        table.add_column(column)
    for each in plan.starts:
        table.add_row(each.phase.value, str(each.day), str(each.minimum_days), each.gate.value)
    Console().print(table)


def _print_rejected(ground: Ground, plan: Rejected, earliest: date) -> None:
    why = _WHY[plan.obstacle].format(names=", ".join(plan.names), earliest=earliest)
    following = (
        f"the next date that can be is {plan.next_go_live}"
        if plan.next_go_live
        else "this calendar holds no later date; import the next year's"
    )
    typer.echo(f"{ground.district}: not on {plan.go_live}, {why}; {following}", err=True)


def _print_forward(ground: Ground, plan: Forward) -> None:
    zone = ZoneInfo(ground.calendar.time_zone)
    _head(ground, f"a start at {plan.starts_at.astimezone(zone):%Y-%m-%d %H:%M} can be live on {plan.go_live}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("phase", "from", "its days", "gate", "can open", "frozen by"):
        table.add_column(column)
    for each in plan.stages:
        begin, opens = (f"{at.astimezone(zone):%Y-%m-%d %H:%M}" for at in (each.starts_at, each.opens_at))
        table.add_row(
            each.phase.value, begin, str(each.minimum_days), each.gate.value, opens, ", ".join(each.frozen_by)
        )
    Console().print(table)
