"""A program admits wave by wave, says what binds, stops when told, and fails only where it fails."""

from datetime import date, timedelta

import pytest

from schemas.program import Abort, Demand, Freeze, ProgramTimePassed, Resource, SchoolsMoved, StopProgram
from schemas.program_fact import Aborted
from schemas.school import Phase, Role, ScopeKind
from tests.harness.scenario import OPENING
from tests.harness.waved import Waved, candidate, director, policy_of
from workflows.policy.program.seat import place_of


def ten(**changes: object) -> Waved:
    return Waved.of(policy_of(**changes), [candidate(number, number % 2) for number in range(10)])


def test_a_start_admits_the_first_wave_only() -> None:
    program = ten()
    assert program.kinds() == ["program-started", "wave-opened", "schools-admitted"]
    assert len(program.wave(1)) == 2


def test_the_second_wave_waits_for_the_first_and_says_so() -> None:
    program = ten()
    program.look()
    assert program.waits() == ["progress"]
    program.move(program.wave(1), Phase.TRAINING)
    program.look()
    assert not program.wave(2)
    program.move(program.wave(1), Phase.SCALE)
    program.look()
    assert len(program.wave(2)) == 6
    assert program.state.picture.progressed == (1,)


def test_counts_that_do_not_know_the_last_admission_admit_nobody() -> None:
    program = ten()
    program.move(program.wave(1), Phase.SCALE)
    program.look()
    old = SchoolsMoved(known_sequence=program.state.picture.seats_sequence - 1)
    before = program.state
    program.tell(old)
    assert program.state == before


def test_a_wave_is_admitted_as_far_as_resources_of_the_moment_let_it() -> None:
    small = Resource(id="trainer-days", unit="days", capacity=4, demand=Demand(per_school=1), freed_at=Phase.BETA)
    program = ten(first_count=8, resources=(small,), concurrent_max=None)
    assert len(program.wave(1)) == 4, "the plan has cut the wave by the resource"
    program.move(program.wave(1)[:2], Phase.SCALE)
    program.move(program.wave(1)[2:], Phase.BETA)
    program.look()
    assert not program.wave(2)
    program.move(program.wave(1), Phase.SCALE)
    program.look()
    assert len(program.wave(2)) == 4


def test_laggards_hold_what_they_hold_while_the_next_wave_is_admitted() -> None:
    held = Resource(id="trainer-days", unit="days", capacity=5, demand=Demand(per_school=1))
    program = ten(first_count=5, resources=(held,))
    program.move(program.wave(1)[:4], Phase.SCALE)
    program.look()
    assert len(program.wave(2)) == 4
    program.look()
    assert program.waits() == ["trainer-days"]
    assert program.state.picture.waits[0].used == 5000
    program.move(program.wave(1), Phase.SCALE)
    program.look()
    assert len(program.wave(2)) == 5


def test_a_stopped_line_admits_nobody_until_it_is_lifted() -> None:
    program = ten()
    program.stop_line()
    assert program.reply is not None
    assert program.reply.accepted
    program.move(program.wave(1), Phase.SCALE)
    program.look()
    assert not program.wave(2)
    assert program.waits() == ["line-stopped"]
    program.lift_line()
    assert len(program.wave(2)) == 6


@pytest.mark.parametrize(
    ("role", "kind"), [(Role.PRINCIPAL, ScopeKind.STATE), (Role.STATE_DIRECTOR, ScopeKind.DISTRICT)]
)
def test_only_a_state_role_stops_the_line(role: Role, kind: ScopeKind) -> None:
    program = ten()
    program.stop_line(actor=director(role, kind))
    assert program.reply is not None
    assert program.reply.refusal == "role-not-entitled"
    assert program.state.picture.line_stopped is None


def test_the_same_stop_twice_is_one_and_another_under_its_id_is_refused() -> None:
    program = ten()
    program.stop_line()
    program.stop_line()
    assert program.reply is not None
    assert program.reply.repeated
    program.lift_line("stop-0001")
    assert program.reply.refusal == "act-id-taken"
    assert program.kinds().count("line-stopped") == 1


def failing(**changes: object) -> Waved:
    abort = {"failed_at_least": 0.5, "sample_min": 2, "silence_days": 3} | changes
    schools = [candidate(number, number % 2) for number in range(12)]
    return Waved.of(policy_of(first_count=4, abort=Abort.model_validate(abort)), schools)


def test_silence_is_failure_and_stops_its_district_alone() -> None:
    program = failing()
    quiet = program.standings[program.wave(1)[0]].district_id
    others = [school for school in program.wave(1) if program.standings[school].district_id != quiet]
    program.pass_days(7)
    program.move(others, Phase.SCALE)
    program.look()
    aborted = program.facts[-1].body
    assert isinstance(aborted, Aborted)
    assert (aborted.district_id, aborted.failed_count, aborted.silent_count, aborted.counted) == (quiet, 2, 2, 2)
    assert aborted.dropped_ids
    program.look()
    assert program.wave(2), "the others go on"
    assert all(program.standings[school].district_id != quiet for school in program.wave(2))


def test_a_share_of_too_few_schools_is_not_read() -> None:
    program = failing(sample_min=3)
    program.pass_days(7)
    program.look()
    assert "admission-aborted" not in program.kinds()


def test_a_gate_that_stays_unmet_is_failure() -> None:
    program = failing(scope="wave", unmet_days=2)
    program.pass_days(7)
    program.move(program.wave(1), unmet_since=OPENING)
    program.look()
    assert program.state.picture.aborted_waves == (1,)
    program.look()
    assert program.wave(2), "an aborted wave holds no other"


def test_a_district_comes_back_only_when_it_no_longer_fails() -> None:
    program = failing()
    quiet = program.standings[program.wave(1)[0]].district_id
    program.pass_days(7)
    program.move([school for school in program.wave(1) if program.standings[school].district_id != quiet])
    program.look()
    program.lift_line(district_id=quiet)
    assert program.reply is not None
    assert program.reply.refusal == "district-still-fails"
    program.move(program.wave(1))
    program.look()
    program.lift_line(district_id=quiet)
    assert program.reply.accepted
    assert program.state.picture.aborted_districts == ()


def test_a_wave_comes_back_only_when_it_no_longer_fails_and_its_schools_may_join_again() -> None:
    program = failing(scope="wave", unmet_days=2)
    program.pass_days(7)
    program.move(program.wave(1), unmet_since=OPENING)
    program.look()
    program.lift_line(wave=1)
    assert program.reply is not None
    assert program.reply.refusal == "wave-still-fails"
    program.lift_line(wave=2)
    assert program.reply.refusal == "wave-not-aborted"
    program.move(program.wave(1), unmet_since=None)
    program.look()
    program.lift_line(wave=1)
    assert program.reply.accepted
    assert program.state.picture.aborted_waves == ()
    program.move(program.wave(1), Phase.SCALE)
    program.look()
    assert program.state.picture.progressed == (1,)


def test_a_waiting_school_is_told_its_place_and_what_binds_now() -> None:
    program = ten()
    program.look()
    last = program.state.waiting[1][-1].school_id
    found = place_of(program.state, last, program.now)
    assert found is not None
    assert (found.wave, found.place, found.ahead_count, found.opened) == (2, 6, 5, False)
    assert [each.limit.value for each in found.binding] == ["progress"]
    program.move(program.wave(1)[:1], Phase.SCALE)
    program.look()
    now = place_of(program.state, last, program.now)
    assert now is not None
    assert (found.binding[0].used, now.binding[0].used) == (0, 1), "the figures are of the latest counts"
    assert place_of(program.state, program.wave(1)[0], program.now) is None
    program.stop_line()
    stopped = place_of(program.state, last, program.now)
    assert stopped is not None
    assert [each.limit.value for each in stopped.binding] == ["line-stopped"]


def test_schools_that_close_neither_abort_nor_hold_a_wave() -> None:
    program = ten()
    first, second = program.wave(1)
    program.move([first], left=True)
    program.move([second], Phase.SCALE)
    program.look()
    assert program.wave(2)
    waiting = [seat.school_id for wave in program.state.waiting for seat in wave]
    program.leave(waiting)
    assert program.kinds()[-1] == "schools-left-waiting"
    assert not any(program.state.waiting)


def test_a_wave_that_everybody_left_holds_nobody() -> None:
    program = ten()
    program.move(program.wave(1), left=True)
    program.look()
    assert program.wave(2)


def test_late_joiners_take_the_first_room_that_growth_leaves() -> None:
    program = Waved.of(policy_of(), [candidate(number) for number in range(4)])
    assert tuple(program.state.sizes) == (2, 2)
    program.join([candidate(number) for number in range(20, 30)])
    assert tuple(program.state.sizes) == (2, 6, 6)
    again = [candidate(number) for number in range(20, 30)]
    program.join(again)
    assert tuple(program.state.sizes) == (2, 6, 6), "the same schools twice are the same schools"


def test_joiners_told_before_the_last_change_of_seats_wait_to_be_told_again() -> None:
    program = ten()
    before = program.state
    program.join([candidate(20)], known=0)
    assert program.state.sizes == before.sizes


def test_nobody_is_admitted_in_a_freeze_and_time_alone_ends_it() -> None:
    first = OPENING.date()
    program = ten(freezes=(Freeze(starts_on=first, ends_on=first + timedelta(days=2)),))
    assert program.waits() == ["freeze"]
    assert not program.standings
    program.now = program.state.wake_at or program.now
    assert program.now.date() == first + timedelta(days=3)
    program.tell(ProgramTimePassed())
    assert len(program.wave(1)) == 2


def test_a_program_starts_on_its_day() -> None:
    program = ten(starts_on=date(2027, 1, 4))
    assert program.state.wake_at is not None
    assert program.state.wake_at.date() == date(2027, 1, 4)


def test_a_large_wave_is_admitted_page_by_page() -> None:
    many = [candidate(number, number % 7) for number in range(1200)]
    program = Waved.of(policy_of(first_count=2000, resources=()), many)
    assert len(program.standings) == 500
    program.look()
    program.look()
    assert len(program.standings) == 1200


def test_an_ended_program_admits_nobody_and_refuses_commands() -> None:
    program = ten()
    program.tell(StopProgram(reason="program-ended"))
    program.move(program.wave(1), Phase.SCALE)
    program.look()
    assert not program.wave(2)
    program.stop_line()
    assert program.reply is not None
    assert program.reply.refusal == "program-ended"
