"""The Temporal shell of a school, through virtual time: what it asks of Temporal, and when."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.decision import Hold
from schemas.message import AddHold, GiveSignOff, ReadingsArrived, StartRollout, StopRollout
from schemas.school import GateId, Phase, Role, Scope, ScopeKind
from tests.harness.scenario import CLEAN, DISTRICT, SCHOOL, actor, calendar_of, context_of, policy_of, reading
from tests.workflow.driver import Driver
from workflows import shell
from workflows.policy import progress
from workflows.policy.calendar import add_days
from workflows.school import messages, rollout

CALENDAR = calendar_of()
OPENS = datetime.fromtimestamp(CALENDAR.days[0][1] / 1000, tz=UTC)


def start(**changes: Any) -> StartRollout:
    base: dict[str, Any] = {
        "program_id": "wa-2026", "school_id": SCHOOL, "rehearsal": False, "policy": policy_of(),
        "context": context_of(), "calendar": CALENDAR, "started_at": OPENS,
    }  # fmt: skip
    return StartRollout(**(base | changes))


@pytest.fixture(params=[True, False], ids=["sandboxed", "unsandboxed"])
def school(request: pytest.FixtureRequest) -> Driver:
    driver = Driver(OPENS, in_sandbox=request.param)
    driver.start(messages.RolloutInput.of(start()))
    return driver


def hears(school: Driver, **values: float) -> None:
    sequence = int(school.now.timestamp() * 1e6) + school.history_length
    told = CLEAN | {name.replace("__", ".").replace("_", "-"): value for name, value in values.items()}
    readings = {name: reading(name, value, school.now, sequence) for name, value in told.items()}
    school.signal("readings-arrived", ReadingsArrived(readings=readings))


def signs(school: Driver, scope: Scope | None = None) -> None:
    for number, role in enumerate((Role.PRINCIPAL, Role.DISTRICT_TECHNOLOGY)):
        command = GiveSignOff(act_id=f"sign-{number:04d}", actor=actor(role, scope=scope), gate=GateId.CHARTER)
        assert school.act(command).accepted


def days_pass(school: Driver, days: float) -> None:
    later = add_days(CALENDAR, school.now, days)
    assert later is not None
    school.pass_until(later)


def kinds(school: Driver) -> list[str]:
    return [fact.body.kind for fact in school.facts]


def phase(school: Driver) -> Phase:
    found: Phase = school.facts[-1].phase
    return found


def test_a_clean_school_walks_four_gates_in_virtual_time(school: Driver) -> None:
    signs(school)
    for _ in range(12):
        hears(school)
        days_pass(school, 1)
    assert phase(school) is Phase.SCALE
    assert [fact.fact_sequence for fact in school.facts] == list(range(1, len(school.facts) + 1))
    assert school.runs >= 3


def test_time_alone_opens_a_gate_whose_dwell_ends(school: Driver) -> None:
    signs(school)
    hears(school)
    assert phase(school) is Phase.INFRASTRUCTURE_CHECK
    days_pass(school, 2.5)
    assert phase(school) is Phase.BETA


def test_a_run_continues_as_new_at_the_first_quiet_wake_up_after_its_phase_changed(school: Driver) -> None:
    signs(school)
    assert school.runs == 1, "the wake-up that opened the phase had facts to publish: it was not quiet"
    school.signal("readings-arrived", ReadingsArrived(readings={}))
    assert school.runs == 2
    assert school.inputs[1].state is not None


def test_a_run_continues_as_new_when_its_history_is_long(school: Driver) -> None:
    school.history_length = shell.EVENTS_MAX
    school.signal("readings-arrived", ReadingsArrived(readings={}))
    assert school.runs == 2


def test_a_run_continues_as_new_by_age(school: Driver) -> None:
    school.pass_time(shell.AGE_MAX + timedelta(hours=1))
    school.signal("readings-arrived", ReadingsArrived(readings={}))
    assert school.runs >= 2


def test_state_survives_continue_as_new_unchanged(school: Driver) -> None:
    signs(school)
    before = school.look()
    school.signal("readings-arrived", ReadingsArrived(readings={}))
    after = school.look()
    assert school.runs == 2
    assert after.picture == before.picture
    assert after.verdict == before.verdict


def test_one_timer_runs_and_only_an_earlier_deadline_restarts_it(school: Driver) -> None:
    signs(school)
    hears(school)
    started = school.timers_started
    for _ in range(5):
        school.pass_time(timedelta(minutes=1))
        hears(school)
    assert len(school.timers) == 1
    assert school.timers_started <= started + 1, "each reading only moved the deadline to later"


def test_facts_wait_in_order_while_the_database_is_away(school: Driver) -> None:
    school.publishes = False
    signs(school)
    hears(school)
    days_pass(school, 2.5)
    published = len(school.facts)
    assert phase(school) is Phase.CHARTER
    school.recover()
    assert len(school.facts) > published
    assert [fact.fact_sequence for fact in school.facts] == list(range(1, len(school.facts) + 1))
    assert phase(school) is Phase.BETA


def test_no_run_ends_with_facts_unpublished(school: Driver) -> None:
    school.publishes = False
    signs(school)
    school.history_length = 10 * shell.EVENTS_MAX
    school.signal("readings-arrived", ReadingsArrived(readings={}))
    school.signal("stop-rollout", StopRollout(act_id="stop-0001", reason="program-over"))
    assert school.runs == 1
    assert not school.ended
    school.recover()
    assert school.ended
    assert kinds(school)[-1] == "rollout-stopped"


def test_a_command_is_answered_at_once_even_while_the_database_is_away(school: Driver) -> None:
    school.publishes = False
    hold = Hold(
        hold_id="hold-0001", scope=Scope(kind=ScopeKind.SCHOOL, id=SCHOOL), reason="water-damage",
        lifted_by=Role.PRINCIPAL, placed_at=school.now,
    )  # fmt: skip
    assert school.act(AddHold(act_id="act-hold-1", actor=actor(Role.PRINCIPAL), hold=hold)).accepted


def test_a_refused_command_says_what_was_expected_and_leaves_no_fact(school: Driver) -> None:
    before = len(school.facts)
    command = GiveSignOff(act_id="act-0001", actor=actor(Role.COACH), gate=GateId.CHARTER)
    refusal = school.act(command)
    assert not refusal.accepted
    assert refusal.expected
    assert refusal.seen
    assert refusal.next_step
    assert len(school.facts) == before


def test_the_same_act_twice_is_one_act_across_runs(school: Driver) -> None:
    signs(school)
    school.signal("readings-arrived", ReadingsArrived(readings={}))
    before = len(school.facts)
    again = GiveSignOff(act_id="sign-0000", actor=actor(Role.PRINCIPAL), gate=GateId.CHARTER)
    reply = school.act(again)
    assert reply.accepted
    assert reply.repeated
    assert len(school.facts) == before


def test_looking_changes_nothing(school: Driver) -> None:
    signs(school)
    before = (len(school.facts), dict(school.timers), school.runs)
    view = school.look()
    assert view.verdict.outcome.value == "unknown"
    assert view.picture.phase is Phase.INFRASTRUCTURE_CHECK
    assert (len(school.facts), dict(school.timers), school.runs) == before


def test_a_stopped_rollout_ends_after_its_last_fact(school: Driver) -> None:
    school.signal("stop-rollout", StopRollout(act_id="stop-0001", reason="program-over"))
    assert school.ended
    assert kinds(school)[-1] == "rollout-stopped"


def test_search_attributes_follow_the_phase_are_written_once_a_phase_and_carry_no_name(school: Driver) -> None:
    assert school.attributes == {"FirstbellPhase": "charter", "FirstbellDistrict": DISTRICT}
    hears(school)
    assert school.upserts == 1, "a verdict that changed is no search attribute"
    signs(school)
    assert school.attributes["FirstbellPhase"] == "infrastructure-check"
    assert school.upserts == 2


def test_a_run_that_began_with_the_first_shell_goes_on_writing_the_outcome_too() -> None:
    driver = Driver(OPENS)
    driver.start(messages.RolloutInput.of(start()).model_copy(update={"shell": 1}))
    assert driver.attributes["FirstbellOutcome"] == "unmet"
    assert set(driver.attributes) == {key.name for key in messages.SEARCH_ATTRIBUTES}


def test_a_decision_names_the_build_that_history_remembers(school: Driver) -> None:
    hears(school)
    decided = [fact for fact in school.facts if fact.body.kind == "gate-decided"]
    assert {fact.body.decision.build for fact in decided if fact.body.kind == "gate-decided"} == {"test"}


def test_a_deadline_that_never_moves_on_does_not_spin(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in the policy that names a past deadline for ever costs one wake-up a second, not a hot loop."""
    real = progress.advance

    def faulty(*args: Any) -> progress.Step:
        step = real(*args)
        return progress.Step(
            step.state.model_copy(update={"wake_at": args[2] - timedelta(hours=1)}), step.facts, None, step.reply
        )

    school = Driver(OPENS, in_sandbox=False)
    school.start(messages.RolloutInput.of(start()))
    monkeypatch.setattr(progress, "advance", faulty)
    school.signal("readings-arrived", ReadingsArrived(readings={}))
    before = school.timers_started
    school.pass_time(timedelta(seconds=10))
    assert 0 < school.timers_started - before <= 12


def test_wake_ups_are_spread_by_a_little_and_never_early() -> None:
    late: set[float] = set()
    for share in ("00000000", "80000000", "ffffffff"):
        school_id = f"{share}-0000-5000-8000-000000000000"
        school = Driver(OPENS, in_sandbox=False)
        given = start(school_id=school_id, context=context_of(school_id=school_id))
        school.start(messages.RolloutInput.of(given))
        scope = Scope(kind=ScopeKind.SCHOOL, id=school_id)
        signs(school, scope)
        hears(school)
        wakes = school.look().wakes_at
        assert wakes is not None
        fires = min(school.timers.values())
        late.add((fires - wakes).total_seconds())
    assert len(late) == 3
    assert min(late) >= 0
    assert max(late) <= rollout.LATENESS_SECONDS_MAX
