"""Whoever hands out devices is told no while anything stops it, and by what."""

import pytest

from schemas.decision import Blocks, Hold
from schemas.message import AddHold
from schemas.school import Role, Scope, ScopeKind
from services.console.handouts import HandOuts, hand_outs_of
from tests.harness.console import explained
from tests.harness.scenario import CLEAN, SCHOOL, Scenario, actor
from tests.unit.test_policy_guards import in_beta, slow


def asked(school: Scenario) -> HandOuts:
    return hand_outs_of(explained(school).line, school.walk.state.picture, school.now)


def held(school: Scenario, blocks: Blocks) -> Scenario:
    hold = Hold(
        hold_id="hold-0001", scope=Scope(kind=ScopeKind.SCHOOL, id=SCHOOL), reason="keyboards-recalled",
        lifted_by=Role.PRINCIPAL, placed_at=school.now, blocks=blocks,
    )  # fmt: skip
    return school.tell(AddHold(act_id=school.act_id(), actor=actor(Role.PRINCIPAL), hold=hold))


@pytest.mark.parametrize(("blocks", "allowed"), [("advance", True), ("hand-out", False), ("all", False)])
def test_a_hold_stops_hand_outs_only_if_it_says_so(blocks: Blocks, allowed: bool) -> None:
    school = Scenario().signs().hears(CLEAN)
    assert asked(school).allowed
    answer = asked(held(school, blocks))
    assert answer.allowed is allowed
    assert [(each.by, each.lifted_by) for each in answer.stops] == ([] if allowed else [("hold-0001", Role.PRINCIPAL)])
    assert asked(school.released("hold-0001")).allowed


def test_a_school_that_a_guard_took_back_hands_out_nothing_until_it_passes_again() -> None:
    school = slow(in_beta(), 5)
    [stop] = asked(school).stops
    assert (stop.by, stop.reason, stop.until) == ("regress", "taken-back-by-a-guard", None)
    assert stop.since is not None


def test_a_rollout_that_stopped_hands_out_nothing() -> None:
    assert [(each.by, each.ends) for each in asked(Scenario().stopped()).stops] == [("program", "for good")]
