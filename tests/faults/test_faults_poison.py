"""Records nobody can read are dead letters a person sees; their neighbours land; repeats and disorder change nothing."""

import base64
import json
import random

import asyncpg
import pytest

from schemas.topics import PROVISIONING
from services.auditor.breach import Invariant
from services.kit.envelope import Encoded, encode
from tests.harness.faults import COUNTS, FaultLab, Raw
from tests.harness.faults_feed import device, feed, probe

pytestmark = [pytest.mark.stack, pytest.mark.fault, pytest.mark.timeout(240)]
HUGE = 1_000_000


def raw_of(encoded: Encoded, value: bytes | None = None, **headers: bytes) -> Raw:
    """An honest record, its value or some headers exchanged."""
    changed = [(name, headers.get(name, held)) for name, held in encoded.headers]
    return encoded.key, encoded.value if value is None else value, changed


def poison(school: str) -> dict[str, Raw]:
    """One record of each kind, otherwise as a good source sends it."""
    event = probe(school, 1)
    good = encode(event.ce_type, event, school, source="faults")
    text = good.value.decode()
    later = event.ce_type.replace(".v1", ".v2").encode()

    def said(old: str, new: str) -> bytes:
        assert old in text
        return text.replace(old, new).encode()

    return {
        "not-json": raw_of(good, b"{not json"),
        "not-utf8": raw_of(good, b'{"entity_ref": "\xff\xfe"}'),
        "header-not-utf8": raw_of(good, ce_id=b"\xff\xfe"),
        "header-missing": (good.key, good.value, [(name, value) for name, value in good.headers if name != "ce_type"]),
        "key-not-utf8": (b"\xff\xfe", good.value, good.headers),
        "huge": raw_of(good, said("probe-1", "p" * HUGE)),
        "nul-escaped": raw_of(good, said("probe-1", "probe-1\\u0000")),
        "nul-bare": raw_of(good, said("probe-1", "probe-1\0")),
        "lone-surrogate": raw_of(good, said("probe-1", "probe-1\\ud800")),
        "nan": raw_of(good, said("101.0", "NaN")),
        "infinity": raw_of(good, said("101.0", "1e999")),
        "two-to-the-63": raw_of(good, said('"revision":1', '"revision":9223372036854775808')),
        "unknown-field": raw_of(good, said('"revision":1', '"revision":1,"pupil_name":"A"')),
        "unknown-version": raw_of(good, ce_type=later),
        "unknown-envelope": raw_of(good, ce_specversion=b"2.0"),
        "too-deep": raw_of(good, b"[" * 100_000),
        "out-of-range": raw_of(good, said("101.0", "-1.0")),
    }


async def test_each_poison_record_is_a_visible_dead_letter_and_its_neighbours_land(lab: FaultLab) -> None:
    (school,) = await lab.learn(1)
    before = await lab.counts()
    bad = poison(school)
    tombstone: Raw = (school.encode(), None, [])
    records: list[Raw] = []
    neighbours = 0
    for record in [*bad.values(), tombstone]:
        for _ in range(3):
            neighbours += 1
            event = device(school, neighbours)
            records.append(raw_of(encode(event.ce_type, event, school, source="faults")))
        records.append(record)
    lab.send_raw(PROVISIONING.name, records)
    await lab.moved_past(before["moved"] + len(records), what="the poison behind the fence")
    now = await lab.counts()
    counts = {name: now[name] - before[name] for name in now}
    assert counts["moved"] == len(records) == sum(counts[name] for name in COUNTS)
    assert (counts["dead"], counts["applied"], counts["ignored"]) == (len(bad), neighbours, 1)  # the tombstone

    letters = await lab.query("select * from provisioning.dead_letter order by id desc limit $1", len(bad))
    assert {bytes(row["value"]) for row in letters} == {record[1] for record in bad.values()}
    by_bytes = {(bytes(row["value"]), tuple(_headers(row))): row for row in letters}
    for name, (_, value, headers) in bad.items():
        letter = by_bytes[value or b"", tuple(headers)]
        assert letter["error_type"], name
        assert letter["error_message"], name
        assert "pupil_name" not in letter["error_message"] or "A" not in letter["error_message"].split(), name
    listed = lab.command("dlq", "list", "--room", "provisioning", "--limit", "10000", "--json")
    assert listed.returncode == 0, listed.stderr
    assert {row["id"] for row in letters} <= {letter["id"] for letter in json.loads(listed.stdout)}
    await lab.sound(Invariant.CONSERVATION, Invariant.REBUILD)


def _headers(row: asyncpg.Record) -> list[tuple[str, bytes | None]]:
    pairs = json.loads(row["headers"])
    return [(name, None if value is None else base64.b64decode(value)) for name, value in pairs]


async def test_the_same_records_reordered_and_repeated_leave_the_same_projection(lab: FaultLab) -> None:
    schools = await lab.learn(5)
    dice = random.Random(31)
    events = feed(dice, schools, 4_000)
    before = await lab.counts()
    lab.send(events)
    await lab.moved_past(before["moved"] + len(events), what="the first telling")
    first = await projection(lab, schools)
    middle = await lab.counts()
    again = [*events, *dice.choices(events, k=1_000)]
    dice.shuffle(again)
    lab.send(again)
    await lab.moved_past(middle["moved"] + len(again), what="the second telling")
    now = await lab.counts()
    assert await projection(lab, schools) == first
    assert first
    told = {name: now[name] - middle[name] for name in now}
    assert (told["applied"], told["superseded"] + told["duplicate"]) == (0, len(again))
    await lab.sound(Invariant.CONSERVATION, Invariant.REBUILD)


async def projection(lab: FaultLab, schools: tuple[str, ...]) -> list[tuple[object, ...]]:
    """Everything these schools' things say."""
    devices = await lab.query(
        "select d.* from provisioning.device d join provisioning.known_school using (school_no) "
        "where school_id = any($1) order by d.school_no, entity_ref", list(schools)
    )  # fmt: skip
    things = await lab.query(
        "select * from provisioning.entity where scope_id = any($1) order by scope_id, ce_type, entity_ref",
        list(schools),
    )
    return [tuple(row) for row in (*devices, *things)]
