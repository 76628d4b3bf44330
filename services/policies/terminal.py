"""What the room's two commands share: reaching the database, JSON, words for a criterion's line."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TypeVar, assert_never

import asyncpg
import typer

from schemas.gate import Criterion, DefectCount, Dwell, Share, SignOffs, Soak, Threshold
from schemas.readiness import CATALOGUE, Direction
from services.kit.database import Connection, connect, is_transient
from services.kit.outcome import PermanentError
from services.kit.settings import load_settings

T = TypeVar("T")
EXIT_NO = 1
EXIT_UNAVAILABLE = 3


def emit(tree: object) -> None:
    """One JSON document on standard output."""
    typer.echo(json.dumps(tree, indent=1, default=str, ensure_ascii=False))


def in_transaction(work: Callable[[Connection], Awaitable[T]]) -> T:
    """Runs one command's work in one transaction. Exits with 3 while the database is away."""

    async def inside() -> T:
        connection = await connect(load_settings(), "policies")
        try:
            async with connection.transaction():
                return await work(connection)
        finally:
            await connection.close()

    try:
        return asyncio.run(inside())
    except (asyncpg.UndefinedTableError, asyncpg.InvalidCatalogNameError) as error:
        raise PermanentError(f"policies: expected their table, seen {error}; run `firstbell stack up`") from error
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        if not is_transient(error):
            raise
        typer.echo(f"error: PostgreSQL: expected an answer, seen {error}; run `firstbell stack up`", err=True)
        raise typer.Exit(EXIT_UNAVAILABLE) from error


def line_of(criterion: Criterion) -> str:
    """A criterion's demand in a few words, with its unit."""
    match criterion:
        case Threshold():
            parts = [_compared(criterion.signal, criterion.pass_at)]
            if criterion.warn_at is not None:
                parts.append(f"warns unless {_compared(criterion.signal, criterion.warn_at)}")
            return ", ".join([*parts, *_grey(criterion)])
        case Share():
            parts = [_compared(criterion.signal, criterion.pass_at), *_grey(criterion)]
            if criterion.minimum_population > 1:
                parts.append(f"of {criterion.minimum_population} or more")
            if criterion.confidence_ratio is not None:
                parts.append(f"by a bound of {criterion.confidence_ratio:.0%} confidence")
            return ", ".join(parts)
        case DefectCount():
            return f"at most {criterion.critical_at_most} critical and {criterion.major_at_most} major open defects"
        case Soak():
            return f"{_compared(criterion.signal, criterion.healthy_at)} for {criterion.minimum_days} days on end"
        case Dwell():
            return f"at least {criterion.minimum_days} instructional days in the phase"
        case SignOffs():
            return f"signed by {', '.join(role.value for role in criterion.roles)}"
        case _:
            assert_never(criterion)


def _grey(criterion: Threshold | Share) -> list[str]:
    return (
        []
        if criterion.fail_at is None
        else [f"from {_amount(criterion.signal, criterion.fail_at)} on a person is asked"]
    )


def _compared(signal: str, value: float) -> str:
    if CATALOGUE[signal].unit == "yes-or-no":
        return "yes"
    word = "at least" if CATALOGUE[signal].direction is Direction.HIGHER_IS_BETTER else "at most"
    return f"{word} {_amount(signal, value)}"


def _amount(signal: str, value: float) -> str:
    unit = CATALOGUE[signal].unit
    return f"{value:.0%}" if unit == "ratio" else f"{value:g} {unit}"
