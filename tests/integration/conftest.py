"""The servers of the integration suite: one private stack a run, with topics and tables, without rooms."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from services.kit.settings import Settings
from tests.harness.stack import PrivateStack


@pytest.fixture(scope="session")
def private_stack() -> Iterator[PrivateStack]:
    """Real servers on free ports; ended, with their data, after the last test."""
    with PrivateStack.start() as running:
        yield running


@pytest_asyncio.fixture(scope="session")
async def stack(private_stack: PrivateStack) -> AsyncIterator[Settings]:
    """Settings of servers that hold every topic and every room's tables. No room runs."""
    await private_stack.prepare()
    yield private_stack.settings
