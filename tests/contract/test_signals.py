"""Every signal of the catalogue is answered by its owner, whole and on its grid."""

import importlib
from datetime import UTC, datetime
from typing import get_args

import pytest

from schemas.readiness import CATALOGUE, on_grid, round_to_worse
from schemas.samples import SCHOOL
from schemas.school import Scope, ScopeKind
from schemas.signal import Direction, Owner, Signal
from services.readings.subject import Subject

OWNERS = tuple(owner for owner in get_args(Owner) if owner != "directory")
"""Those that answer from raw events. The directory answers from its roster: tests/integration/test_directory_import.py."""


def empty(kind: ScopeKind) -> Subject:
    return Subject(
        scope=Scope(kind=kind, id=SCHOOL), school=None, calendar=None, as_of=datetime(2026, 10, 6, tzinfo=UTC),
        today=None, events=(),
    )  # fmt: skip


@pytest.mark.parametrize("owner", OWNERS)
def test_an_owner_answers_each_of_its_signals_and_no_other(owner: str) -> None:
    domain = importlib.import_module(f"services.{owner}.room").DOMAIN
    for kind, owned in domain.signals.items():
        answered = [value.signal for value in domain.compute(empty(kind))]
        assert sorted(answered) == sorted(owned), "answer every signal of the owner, once"


@pytest.mark.parametrize("owner", OWNERS)
def test_where_nothing_was_reported_nothing_has_a_value(owner: str) -> None:
    domain = importlib.import_module(f"services.{owner}.room").DOMAIN
    for kind in domain.signals:
        for value in domain.compute(empty(kind)):
            assert value.value is None, f"{value.signal}: a value out of nothing"
            assert value.missing is not None, f"{value.signal}: nothing reported is UNKNOWN, not inapplicable"


@pytest.mark.parametrize("signal", CATALOGUE.values(), ids=lambda signal: signal.name)
def test_rounding_is_never_toward_better(signal: Signal) -> None:
    top = signal.high if signal.high is not None else 1000.0
    for share in (0.0, 0.123456, 0.5, 0.987654, 1.0):
        value = signal.low + share * (top - signal.low)
        rounded = round_to_worse(signal, value)
        assert on_grid(signal, rounded)
        better = rounded > value if signal.direction is Direction.HIGHER_IS_BETTER else rounded < value
        assert not better


@pytest.mark.parametrize("signal", CATALOGUE.values(), ids=lambda signal: signal.name)
def test_a_signal_says_what_it_means(signal: Signal) -> None:
    assert signal.meaning.endswith(".")
    assert signal.unit
    assert signal.freshness_days >= 1
