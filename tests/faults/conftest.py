"""One stack for the whole folder, with every room at work: what one test broke, the next finds mended."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.harness.faults import FaultLab
from tests.harness.stack import PrivateStack

RECORDS_A_BATCH = 250
"""Small batches: more places for a kill to fall between."""


@pytest.fixture(scope="session")
def broken_stack() -> Iterator[PrivateStack]:
    """Servers and rooms of these tests alone; ended, with their data, after the last."""
    with PrivateStack.start(with_rooms=True, batch_records_max=RECORDS_A_BATCH) as running:
        yield running


@pytest_asyncio.fixture(scope="session")
async def lab(broken_stack: PrivateStack) -> AsyncIterator[FaultLab]:
    """The laboratory over it."""
    made = FaultLab(broken_stack)
    yield made
    await made.close()


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def mended(lab: FaultLab) -> AsyncIterator[None]:
    """What a failed test left stopped comes back, so that its fault is reported once and not by every later test."""
    yield
    await lab.resume_all()
