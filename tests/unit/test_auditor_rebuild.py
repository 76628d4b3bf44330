"""The rebuilt projection is a function of the set of events, and any edited column of a live one shows."""

import random
from dataclasses import replace

import pytest

from schemas.events.raw import RawEvent
from services.auditor.breach import Invariant
from services.auditor.rebuild import Device, Entity, Live, add_event, compare_things
from tests.harness.faults_feed import device, feed, probe

SCHOOLS = ("53000000-0000-4000-8000-000000000001", "53000000-0000-4000-8000-000000000002")


def built(events: list[RawEvent]) -> Live:
    live = Live({}, set())
    for event in events:
        add_event(live, event, event.model_dump_json().encode())
    return live


def test_any_order_with_any_repeats_gives_the_same_things() -> None:
    dice = random.Random(5)
    events = feed(dice, SCHOOLS, 400)
    once = built(events)
    assert once.devices
    assert once.entities
    again = [*events, *dice.choices(events, k=200)]
    dice.shuffle(again)
    assert compare_things("provisioning", once, built(again)) == []


def test_the_greatest_revision_stands_and_contradictions_end_alike_in_either_order() -> None:
    on, off = device(SCHOOLS[0], 1), device(SCHOOLS[0], 1, enrolled=False)
    assert built([on, off]).devices == built([off, on]).devices
    assert (
        built([probe(SCHOOLS[0], 1, 2), probe(SCHOOLS[0], 1, 1)]).entities == built([probe(SCHOOLS[0], 1, 2)]).entities
    )


@pytest.mark.parametrize("column", range(7))
def test_an_edited_column_of_a_device_is_found(column: int) -> None:
    honest = built([device(SCHOOLS[0], 1)])
    place, row = next(iter(honest.devices.items()))
    edited: Device = tuple(None if n == column else value for n, value in enumerate(row))  # type: ignore[assignment]
    (breach,) = compare_things("provisioning", replace(honest, devices={place: edited}), honest)
    assert breach.invariant is Invariant.REBUILD


@pytest.mark.parametrize("column", range(4))
def test_an_edited_column_of_a_thing_is_found(column: int) -> None:
    honest = built([probe(SCHOOLS[0], 1)])
    place, row = next(iter(honest.entities.items()))
    edited: Entity = tuple(None if n == column else value for n, value in enumerate(row))  # type: ignore[assignment]
    assert compare_things("provisioning", replace(honest, entities={place: edited}), honest)


def test_a_lost_and_an_invented_thing_are_one_breach_that_counts_both() -> None:
    live, log = (
        built([device(SCHOOLS[0], 1), device(SCHOOLS[0], 2)]),
        built([device(SCHOOLS[0], 2), device(SCHOOLS[0], 3)]),
    )
    (breach,) = compare_things("provisioning", live, log)
    assert "2 differ" in breach.subject
