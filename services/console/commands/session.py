"""One command's life: one connection, the work, and the school that a person means.

Every command of the console runs inside `serve`. Errors become one line on standard error; nothing is retried.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn, TypeVar

from services.console import door, library, views
from services.console.views import SchoolLine, SchoolName
from services.console.why import Sight
from services.kit.database import Connection, connect
from services.kit.outcome import TemporaryError
from services.kit.settings import Settings
from services.kit.terminal import MEND, codes, fail, run

CODES = codes("the gate is not open or a check failed", "4 refused")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Session:
    """What a command works with."""

    settings: Settings
    connection: Connection
    now: datetime


def serve(work: Callable[[Session], Awaitable[T]]) -> T:
    """Runs a command's work on a fresh connection. Blocks; exits with 3 when a server is away."""

    async def inside(settings: Settings) -> T:
        connection = await connect(settings, "console")
        try:
            return await work(Session(settings, connection, datetime.now(UTC)))
        finally:
            await connection.close()

    return run("console", inside)


async def one_school(session: Session, text: str) -> SchoolName:
    """The school a person means. Exits with 2, naming the candidates, unless there is exactly one."""
    found = await views.find_schools(session.connection, text)
    if not found:
        fail(MEND, f"school {text!r}: expected an id, an NCES id or a piece of a name, seen none that fits; "
                    "see `firstbell directory list`, and `firstbell school list` for schools in a program")  # fmt: skip
    if len(found) > 1:
        names = [f"  {each.school_id}  {each.school} ({each.district})" for each in found[: views.CANDIDATES_MAX]]
        more = ["  ..."] if len(found) > views.CANDIDATES_MAX else []
        lines = "\n".join([*names, *more])
        fail(MEND, f"school {text!r}: expected one school, seen several; say which:\n{lines}")
    return found[0]


async def one_rollout(session: Session, text: str, program: str | None) -> SchoolLine:
    """The school in its one program under way, or in the program named. Exits with 2 when that is not one."""
    school = await one_school(session, text)
    return await rollout_of(session, school, program) or nowhere(school, program)


def nowhere(school: SchoolName, program: str | None) -> NoReturn:
    """Exits with 2: the school is in no such program."""
    where = f"program {program}" if program else "any program"
    fail(MEND, f"{school.school}: expected it in {where}, seen in none; start it with "
                f"`firstbell program start NAME --school {school.school_id}`")  # fmt: skip


async def rollout_of(session: Session, school: SchoolName, program: str | None) -> SchoolLine | None:
    """The school's rollout. None: it has begun nowhere. Exits with 2 when there are several and none is named."""
    lines = await views.school_lines(session.connection, school_id=school.school_id, program=program)
    current = [line for line in lines if line.stopped is None] or lines
    if len(current) > 1:
        programs = ", ".join(line.program_id for line in current)
        fail(MEND, f"{school.school}: expected one program, seen {programs}; say which with --program")
    return current[0] if current else None


async def sight_of(session: Session, line: SchoolLine) -> Sight:
    """The workflow's own view, or, when it can't be reached, the projection's as of its newest fact."""
    try:
        client = await door.connect(session.settings)
        view = await door.look(client, line.program_id, line.school_id, session.now)
    except TemporaryError:
        return await remembered(session, line)
    return Sight("workflow", view.looked_at, view.picture, view.policy, view.verdict, view.history_events)


async def remembered(session: Session, line: SchoolLine) -> Sight:
    """What the projection knows of a school."""
    row = await views.picture_row(session.connection, line.program_id, line.school_id)
    policy = await library.school_policy(session.connection, row)
    return Sight("projection", line.as_of, row.picture, policy, row.verdict)
