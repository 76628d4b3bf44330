"""`firstbell dlq` as an operator types it, on a room with real dead letters."""

import asyncio
import json

import pytest
from typer.testing import CliRunner, Result

from services.kit import cli
from services.kit.room import Room
from tests.integration.test_kit_consume import raw
from tests.integration.test_kit_lab import Arrival, Lab, Tick, lab

__all__ = ["lab"]
pytestmark = pytest.mark.stack


async def dlq(lab: Lab, *arguments: str) -> Result:
    environment = {
        "FIRSTBELL_HOME": str(lab.settings.home),
        "FIRSTBELL_POSTGRES_DSN": lab.settings.postgres_dsn,
        "FIRSTBELL_KAFKA_BOOTSTRAP": lab.settings.kafka_bootstrap,
    }
    return await asyncio.to_thread(CliRunner().invoke, cli.app, list(arguments), env=environment)


@pytest.fixture
async def stricken(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A room whose log holds three kinds of trouble and one good record."""
    monkeypatch.setattr(cli, "rooms", lambda: (Room(lab.room, migrations=lab.folder),))
    await lab.send_raw([raw(b"{"), raw(b'{"id":"a","name":"Ada"}')])
    await lab.send([Tick(id="sad", mood="dead"), Tick(id="good")])
    lab.start()
    await lab.moved(4)
    return lab


async def test_list_tells_each_letter_and_filters_by_reason(stricken: Lab) -> None:
    everything = json.loads((await dlq(stricken, "list", "--json")).stdout)
    assert {letter["reason"] for letter in everything} == {"decode", "schema", "business"}
    assert all("value" not in letter for letter in everything)
    (business,) = json.loads((await dlq(stricken, "list", "--reason", "business", "--json")).stdout)
    assert business["error_type"] == "bad-mood"
    assert "bad-mood" in (await dlq(stricken, "list")).stdout


async def test_show_gives_the_bytes_as_they_came(stricken: Lab) -> None:
    (letter,) = json.loads((await dlq(stricken, "list", "--reason", "schema", "--json")).stdout)
    told = json.loads((await dlq(stricken, "show", str(letter["id"]), "--room", stricken.room, "--json")).stdout)
    assert told["value"] == '{"id":"a","name":"Ada"}'
    assert dict(told["headers"])["ce_type"] == "lab.tick.v1"
    assert (await dlq(stricken, "show", "999", "--room", stricken.room)).exit_code == 1


async def test_a_dry_run_sends_nothing_and_a_replay_sends_once(stricken: Lab) -> None:
    planned = json.loads((await dlq(stricken, "replay", "--reason", "decode", "--dry-run", "--json")).stdout)
    assert (planned["dry_run"], planned["count"]) == (True, 1)
    assert json.loads((await dlq(stricken, "replay", "--reason", "decode", "--json")).stdout)["count"] == 1
    counts = await stricken.moved(5)
    assert counts["dead"] == 4
    both = json.loads((await dlq(stricken, "list", "--reason", "decode", "--replayed", "--json")).stdout)
    assert [letter["replayed_at"] is None for letter in both] == [False, True]


async def test_an_unknown_room_is_named(stricken: Lab) -> None:
    seen = await dlq(stricken, "list", "--room", "attic")
    assert seen.exit_code == 2
    assert "attic" in seen.output


async def test_a_retired_fence_begins_again_at_the_logs_start_and_keeps_what_it_owed(stricken: Lab) -> None:
    await stricken.send([Tick(id="guest", mood="unknown:host")])
    await stricken.moved(5)
    await stricken.stop()
    said = await dlq(stricken, "retire-fence", "--room", stricken.room, "--topic", stricken.topic)
    assert "--yes" in said.stdout
    await dlq(stricken, "retire-fence", "--room", stricken.room, "--topic", stricken.topic, "--yes")
    assert (await stricken.counts())["moved"] == 0
    stricken.start()
    counts = await stricken.moved(5)
    assert (counts["applied"], counts["dead"], counts["parked"]) == (1, 3, 1)
    await stricken.send([Arrival(reference="host")])
    counts = await stricken.moved(6)
    assert (counts["applied"] + counts["superseded"], counts["parked"]) == (3, 0)
    assert (await stricken.query("select sum(parked)::bigint, sum(dead)::bigint from fence"))[0][1] == 6
    assert (await stricken.query("select sum(parked)::bigint from fence"))[0][0] == 0
