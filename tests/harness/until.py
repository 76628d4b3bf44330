"""Awaits a condition with a deadline, so that no test sleeps and hopes."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def until(look: Callable[[], Awaitable[T | None]], *, what: str, within: float = 60.0, every: float = 0.05) -> T:
    """The first truthy look. Raises AssertionError that names what never came, with the last look, in seconds."""
    end = time.monotonic() + within
    seen: T | None = None
    while time.monotonic() < end:
        seen = await look()
        if seen:
            return seen
        await asyncio.sleep(every)
    raise AssertionError(f"{what}: expected within {within} s, last seen {seen!r}")


def until_true(look: Callable[[], object], *, what: str, within: float = 60.0, every: float = 0.05) -> None:
    """As `until`, for plain functions."""
    end = time.monotonic() + within
    seen: object = None
    while time.monotonic() < end:
        if seen := look():
            return
        time.sleep(every)
    raise AssertionError(f"{what}: expected within {within} s, last seen {seen!r}")
