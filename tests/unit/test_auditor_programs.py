"""I2 for a program's own facts: a gap and a number told in two ways are named; order and repeats are not."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from schemas.program_fact import ProgramFact, WaveOpened
from services.auditor.programs import check_program_facts

NOW = datetime(2026, 11, 25, 16, tzinfo=UTC)


def fact(number: int, program: str = "wa-waves", wave: int = 1) -> ProgramFact:
    body = WaveOpened(wave=wave, schools_count=2)
    return ProgramFact(program_id=program, fact_sequence=number, occurred_at=NOW, rehearsal=True, body=body)


@given(st.lists(st.integers(1, 6), max_size=6).flatmap(lambda more: st.permutations([*range(1, 7), *more])))
def test_a_whole_numbering_is_sound_in_any_order_and_however_often_each_is_told(numbers: list[int]) -> None:
    assert check_program_facts(fact(number) for number in numbers) == []


@given(st.integers(1, 5))
def test_what_is_missing_is_named_once_and_for_its_program_alone(lost: int) -> None:
    told = [fact(number, program) for program in ("wa-one", "wa-two") for number in range(1, 7)]
    (breach,) = check_program_facts(each for each in told if (each.program_id, each.fact_sequence) != ("wa-two", lost))
    assert breach.subject == f"program wa-two fact {lost + 1} (wave-opened)"
    assert (breach.expected, breach.seen.split(":")[0]) == (f"fact {lost}", f"fact {lost + 1}")
    assert "firstbell bridge recall" in breach.next_step


def test_one_number_told_in_two_ways_is_named() -> None:
    (breach,) = check_program_facts([fact(1), fact(2), fact(2, wave=2)])
    assert "two that differ" in breach.seen
