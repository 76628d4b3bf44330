"""Provisioning's readings are a function of the set of events, and more silence never looks healthier."""

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from schemas.events.provisioning import DeviceReported
from schemas.events.raw import RawEvent
from services.provisioning.readiness import ENROLLED, SEEN_7_DAYS, readings_of
from services.readings.subject import SignalValue, Subject, Tally
from tests.unit.test_provisioning_readiness import NOON, TODAY, device, login, page, plan, subject

DEVICES = st.lists(
    st.builds(
        lambda enrolled, silent, simulated: device(
            "device-1", enrolled=enrolled, days_silent=silent, simulated=simulated
        ),
        st.booleans(), st.none() | st.integers(-40, 40), st.booleans(),
    ),
    max_size=12,
)  # fmt: skip
TESTS = st.lists(
    st.builds(lambda seconds, failed, hours: page(seconds, failed=failed, hours_ago=hours),
              st.integers(1, 20), st.integers(0, 5), st.integers(1, 4))
    | st.builds(lambda succeeded, hours, new: login(succeeded, hours_ago=hours, new_password_required=new),
                st.integers(0, 100), st.integers(1, 4), st.booleans()),
    max_size=8,
)  # fmt: skip


def numbered(events: Sequence[RawEvent]) -> list[RawEvent]:
    return [
        event.model_copy(update={"entity_ref": f"{event.entity_ref.split('-')[0]}-{place}"})
        for place, event in enumerate(events)
    ]


def value(signal: str, of: Subject) -> SignalValue:
    return {found.signal: found for found in readings_of(of)}[signal]


@given(DEVICES, TESTS, st.integers(0, 12), st.randoms(use_true_random=False))
def test_readings_do_not_depend_on_the_order_of_events(
    devices: list[RawEvent], tests: list[RawEvent], planned: int, random: object
) -> None:
    events = numbered([plan(planned), *devices, *tests])
    shuffled = list(events)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert readings_of(subject(*events)) == readings_of(subject(*shuffled))


@given(DEVICES, st.integers(0, 12))
def test_tallies_say_what_a_list_says(devices: list[DeviceReported], planned: int) -> None:
    alike: dict[DeviceReported, int] = {}
    for each in devices:
        alike[each] = alike.get(each, 0) + 1
    tallies = tuple(Tally(each, count) for each, count in alike.items())
    listed = readings_of(subject(plan(planned), *numbered(devices)))
    assert listed == readings_of(subject(plan(planned), tallies=tallies))


@given(DEVICES, st.integers(1, 12))
def test_a_silent_device_more_never_looks_healthier(devices: list[RawEvent], planned: int) -> None:
    events = numbered([plan(planned), *devices])
    silent = device("device-99", days_silent=None)
    for signal in (ENROLLED, SEEN_7_DAYS):
        before, after = value(signal, subject(*events)), value(signal, subject(*events, silent))
        if before.value is not None:
            assert after.value is not None
            assert after.value <= before.value
        else:
            assert after.value in (None, 0.0)


@given(DEVICES, st.integers(1, 12), st.integers(0, 30))
def test_waiting_without_a_word_never_looks_healthier(devices: list[RawEvent], planned: int, days: int) -> None:
    events = numbered([plan(planned), *[e for e in devices if isinstance(e, DeviceReported) and _past(e)]])
    later = TODAY + timedelta(days=days)
    for signal in (ENROLLED, SEEN_7_DAYS):
        before, after = value(signal, subject(*events)), value(signal, subject(*events, today=later))
        if before.value is not None:
            assert after.value is not None
            assert after.value <= before.value
        assert after.observed_at is None or after.observed_at <= NOON


def _past(event: DeviceReported) -> bool:
    return event.last_seen_on is None or event.last_seen_on <= TODAY
