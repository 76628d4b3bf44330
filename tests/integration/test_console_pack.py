"""`program export` by command, on real tables: nothing in the pack is an id or a name of any person in the database."""

import json
import re
from pathlib import Path

import pytest

from schemas.school import Role
from services.console.commands import decision, program_export
from services.console.pack.proving import read_pack
from services.kit.database import connect
from services.kit.settings import Settings
from tests.harness.exceptions import SLOW, Excepted
from tests.integration.test_console_commands import Desk, tell

pytestmark = pytest.mark.stack
OF_PEOPLE = ("actor_id", "given_name", "family_name", "middle_name", "full_name", "person_name", "username", "email")
"""Columns of any table of any room that hold what must not leave."""


async def people(settings: Settings) -> set[str]:
    """Every such value in the whole database."""
    connection = await connect(settings, "console")
    try:
        columns = await connection.fetch(
            """select table_schema, table_name, column_name from information_schema.columns
            where column_name = any($1) and table_schema not in ('pg_catalog', 'information_schema')""",
            list(OF_PEOPLE),
        )
        assert {"actor", "roster_actor"} <= {row["table_name"] for row in columns}
        found: set[str] = set()
        for row in columns:
            name = f'"{row["table_schema"]}"."{row["table_name"]}"'
            values = await connection.fetch(f"select distinct {row['column_name']}::text as value from {name}")  # noqa: S608
            found |= {each["value"] for each in values if each["value"]}
        return found
    finally:
        await connection.close()


async def test_no_person_of_the_database_is_in_a_public_pack_and_it_stands_offline(
    stack: Settings, tmp_path: Path
) -> None:
    scenario = Excepted().signs(Role.PRINCIPAL, name="p1").signs(Role.DISTRICT_TECHNOLOGY).hears(SLOW)
    scenario.waived("page-load").held().days_pass(3)
    await tell(stack, scenario)
    connection = await connect(stack, "directory")
    try:
        await connection.execute(
            """insert into roster_actor (actor_id, role, scope_kind, scope_id, roster_version, granted, active, stand_in,
                recorded_at) values ('actor-onlyinroster', 'principal', 'school', 'x', 1, true, true, false, now())
            on conflict do nothing"""
        )
    finally:
        await connection.close()
    desk = Desk(stack, {"FIRSTBELL_HOME": str(stack.home)})
    first, again = tmp_path / "a.zip", tmp_path / "b.zip"
    for out in (first, again):
        answer = await desk.type(program_export.app, "wa-2026", "--out", str(out), "--json")
        assert answer.exit_code == 0, answer.output
    assert first.read_bytes() == again.read_bytes()
    assert json.loads(answer.stdout)["audience"] == "public"

    known = await people(stack)
    assert {"actor-p1", "actor-onlyinroster"} <= known
    for path, content in read_pack(first).items():
        words = set(re.findall(r"[0-9A-Za-z@._-]+", content.decode()))
        assert not words & known, path
        assert "actor-p1" not in content.decode()

    nowhere = {"FIRSTBELL_POSTGRES_DSN": "postgresql://firstbell@127.0.0.1:1/none", "FIRSTBELL_HOME": str(tmp_path)}
    proof = await Desk(stack, nowhere).type(decision.app, "verify", str(first))
    assert proof.exit_code == 0, proof.output
    assert "decided again from the pack alone" in proof.stdout

    audit = tmp_path / "audit"
    assert (await desk.type(program_export.app, "wa-2026", "--audit", "--out", str(audit))).exit_code == 0
    assert "actor-p1" in (audit / "timeline.csv").read_text()
    assert (await Desk(stack, nowhere).type(decision.app, "verify", str(audit))).exit_code == 0
    refused = await desk.type(program_export.app, "wa-2026", "--out", str(audit))
    assert (refused.exit_code, "empty or absent" in refused.stderr) == (2, True)
    absent = await desk.type(program_export.app, "nothing", "--out", str(tmp_path / "c.zip"))
    assert (absent.exit_code, "expected schools in it" in absent.stderr) == (2, True)
