"""Raw events from files: good ones land beside refused ones, and every refusal has its place."""

import json

import pytest

from schemas.events.provisioning import NetworkProbeCompleted
from schemas.samples import raw_samples
from schemas.topics import RAW_TOPICS
from services.gateway.files import Accepted, Fault, read_events, structured

OWNER = {name: topic.owner for topic in RAW_TOPICS for name in topic.decoder}


def lines(*entries: object) -> str:
    return "\n".join(json.dumps(entry) for entry in entries)


@pytest.mark.parametrize("event", raw_samples(), ids=lambda event: type(event).__name__)
def test_every_sample_reads_back_as_itself(event) -> None:  # type: ignore[no-untyped-def]
    (read,) = read_events(json.dumps(structured(event, OWNER[event.ce_type])))
    assert isinstance(read, Accepted)
    assert read.event == event
    assert read.topic.owner == OWNER[event.ce_type]


def test_a_good_line_lands_beside_a_bad_one() -> None:
    good = structured(raw_samples()[0], "provisioning")
    bad = {**good, "data": {**good["data"], "capacity_mbps": -1}}
    first, second, third = read_events(lines(good, bad) + "\nnot json")
    assert isinstance(first, Accepted)
    assert isinstance(first.event, NetworkProbeCompleted)
    assert second == Fault(2, "data.capacity_mbps", "Input should be greater than or equal to 0")
    assert isinstance(third, Fault)
    assert third.line == 3


@pytest.mark.parametrize(
    ("edit", "place"),
    [
        ({"type": "firstbell.provisioning.network-probe-completed.v9"}, "type"),
        ({"data": "text"}, "data"),
        ({"data": {"teacher": "Jane Doe"}}, "data."),
    ],
)
def test_what_is_no_raw_event_is_named(edit: dict[str, object], place: str) -> None:
    (fault,) = read_events(json.dumps(structured(raw_samples()[0], "provisioning") | edit))
    assert isinstance(fault, Fault)
    assert fault.place.startswith(place)


def test_a_watermark_says_whose_feed_it_is() -> None:
    mark = structured(raw_samples()[-1], "helpdesk")
    (accepted,) = read_events(json.dumps(mark))
    assert isinstance(accepted, Accepted)
    assert accepted.topic.owner == "helpdesk"
    (fault,) = read_events(json.dumps({**mark, "publisher": "nobody"}))
    assert isinstance(fault, Fault)
    assert fault.place == "publisher"


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"type": "firstbell.provisioning.network-probe-completed.v1", "data": {"a": ' + "[" * 50_000,
        json.dumps({"type": ["a"], "data": {}}),
        json.dumps({"type": {"a": 1}, "data": {}}),
        json.dumps({"type": None, "data": {}}),
    ],
    ids=["deep", "deep-data", "type-list", "type-object", "type-null"],
)
def test_whatever_a_file_holds_is_a_fault_with_its_line(text: str) -> None:
    good = json.dumps(structured(raw_samples()[0], "provisioning"))
    first, second = read_events(f"{text}\n{good}")
    assert isinstance(first, Fault)
    assert first.line == 1
    assert isinstance(second, Accepted)
