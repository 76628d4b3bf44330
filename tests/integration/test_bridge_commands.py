"""`firstbell program` and `firstbell bridge` as an operator types them."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.kit.settings import Settings
from tests.harness.until import until
from tests.integration.bridge_lab import BridgeLab, bridge_lab

pytestmark = pytest.mark.stack


@pytest_asyncio.fixture(loop_scope="session")
async def lab(stack: Settings) -> AsyncIterator[BridgeLab]:
    async with bridge_lab(stack) as running:
        await running.teach(2)
        yield running


async def firstbell(lab: BridgeLab, *words: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"FIRSTBELL_HOME": str(lab.settings.home)}
    command = [sys.executable, "-m", "services.cli", *words]
    return await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, timeout=90, check=False
    )


async def test_a_program_is_previewed_started_looked_at_and_stopped(lab: BridgeLab) -> None:
    words = ("program", "start", lab.program, "--policy", "harness", "--district", lab.district, "--rehearsal")
    preview = await firstbell(lab, *words, "--dry-run", "--json")
    assert preview.returncode == 0, preview.stderr
    assert json.loads(preview.stdout)["schools"] == 2
    assert await lab.pool.fetchval("select count(*) from rollout where program_id = $1", lab.program) == 0

    unasked = await firstbell(lab, *words)
    assert unasked.returncode == 2, "nobody can be asked"
    shown = await firstbell(lab, *words, "--json")
    assert json.loads(shown.stdout)["started"] is False
    assert await lab.pool.fetchval("select count(*) from rollout where program_id = $1", lab.program) == 0
    begun = await firstbell(lab, *words, "--yes")
    assert begun.returncode == 0, begun.stderr
    assert "REHEARSAL" in begun.stderr

    async def in_charter() -> bool:
        shown = await firstbell(lab, "program", "status", lab.program, "--json")
        return [each["phase"] for each in json.loads(shown.stdout)["standings"]] == ["charter"]

    await until(in_charter, what="both schools in their charter", every=0.5)
    marked = await firstbell(lab, "bridge", "resync", "--program", lab.program, "--json")
    assert json.loads(marked.stdout) == {"marked": 2}
    ended = await firstbell(lab, "program", "stop", lab.program, "--yes", "--json")
    assert json.loads(ended.stdout) == {"program": lab.program, "schools": 2, "stopped": True}


async def test_a_mistake_is_one_line_and_exit_code_2(lab: BridgeLab) -> None:
    refused = await firstbell(lab, "program", "start", "Bad Name", "--all")
    assert refused.returncode == 2
    assert refused.stderr.strip().splitlines() == [
        "error: program: expected lower-case letters, digits, hyphens, at most 41, seen 'Bad Name'"
    ]
