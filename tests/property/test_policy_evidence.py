"""Readings folded late, twice, or in another order."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from schemas.decision import EvidenceItem
from schemas.readiness import CoalescedReading, Missing, Origin
from tests.harness.scenario import OPENING, reading
from tests.property.strategies import POLICY
from workflows.policy.evaluate import evidence_digest
from workflows.policy.evidence import fold

SOAKED, SOAK = "identity.login-success-ratio", "sign-in-steady"
PLAIN = "network.mbps-per-student"
Evidence = dict[str, EvidenceItem]


@st.composite
def histories(draw: st.DrawFn, name: str = SOAKED) -> list[CoalescedReading]:
    """Readings as an owner emits them: sequences rise, observations do not fall, some dip, some are missing."""
    at, told = OPENING, []
    for sequence in range(1, draw(st.integers(1, 8)) + 1):
        at += timedelta(minutes=draw(st.integers(0, 600)))
        value = draw(st.sampled_from([0.9, 0.97, 0.98, 0.99, 1.0, None]))
        changes = {} if value is not None else {"missing": Missing.SILENT_SOURCE}
        dip = draw(st.sampled_from([value, value, value, 0.5, None]))
        origin = draw(st.sampled_from(Origin))
        told.append(reading(name, value, at, sequence, origin=origin, worst=dip, **changes))
    return told


def folded(readings: list[CoalescedReading], name: str = SOAKED, start: Evidence | None = None) -> Evidence:
    evidence: Evidence = dict(start or {})
    for each in readings:
        evidence = fold(evidence, name, each, POLICY)
    return evidence


def since(evidence: Evidence) -> datetime | None:
    return evidence[SOAKED].healthy_since.get(SOAK)


@given(histories(PLAIN), st.randoms(use_true_random=False), st.data())
def test_order_and_duplicates_do_not_matter(told: list[CoalescedReading], dice: object, data: st.DataObject) -> None:
    twice = told + data.draw(st.lists(st.sampled_from(told)))
    dice.shuffle(twice)  # type: ignore[attr-defined]
    assert evidence_digest(folded(twice, PLAIN)) == evidence_digest(folded(told, PLAIN))


@given(histories(), st.data())
def test_a_repeat_of_anything_folded_changes_nothing(told: list[CoalescedReading], data: st.DataObject) -> None:
    evidence = folded(told)
    assert folded(data.draw(st.lists(st.sampled_from(told), min_size=1)), start=evidence) == evidence


@given(histories(), st.randoms(use_true_random=False))
def test_disorder_may_shorten_a_soak_and_never_lengthens_it(told: list[CoalescedReading], dice: object) -> None:
    tidy = folded(told)
    mixed = list(told)
    dice.shuffle(mixed)  # type: ignore[attr-defined]
    untidy = folded(mixed)
    assert untidy[SOAKED].value == tidy[SOAKED].value
    tidy_since, untidy_since = since(tidy), since(untidy)
    assert (tidy_since is None) == (untidy_since is None)
    assert tidy_since is None or untidy_since is None or untidy_since >= tidy_since


@given(histories())
def test_a_soak_never_starts_before_the_last_bad_observation(told: list[CoalescedReading]) -> None:
    begun = since(folded(told))
    if begun is not None:
        for each in told:
            if each.value is None or each.worst is None or min(each.value, each.worst) < 0.98:
                assert each.observed_at is None or begun >= each.observed_at


@given(histories(), st.integers(1, 5))
def test_a_correction_never_gives_back_lost_soak(told: list[CoalescedReading], back: int) -> None:
    evidence = folded(told)
    before, item = since(evidence), evidence[SOAKED]
    assert item.observed_at is not None
    corrected = reading(SOAKED, 1.0, item.observed_at - timedelta(days=back), item.sequence + 1)
    after = since(fold(evidence, SOAKED, corrected, POLICY))
    assert after is not None
    assert after >= (before or item.observed_at)


@given(histories())
def test_folding_never_changes_what_it_was_given(told: list[CoalescedReading]) -> None:
    evidence = folded(told[:-1])
    copied = {name: item.model_copy(deep=True) for name, item in evidence.items()}
    fold(evidence, SOAKED, told[-1], POLICY)
    assert evidence == copied
