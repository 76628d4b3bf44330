"""Laws of admission through thousands of random lives of a program."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from schemas.program import Abort, Demand, ProgramMessage, Resource, StopLine, WavePolicy
from schemas.program_fact import LineLifted, LineStopped, ProgramPicture, SchoolsAdmitted, WaveOpened, WaveProgressed
from schemas.school import Phase
from tests.harness.waved import Waved, candidate, director, policy_of
from workflows.policy.program.picture import fold_program_fact
from workflows.policy.program.waves import capacities

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["look", "look", "advance", "advance", "advance", "quiet", "stop", "lift", "close", "join"]),
        st.integers(0, 30),
    ),
    max_size=40,
)


@st.composite
def policies(draw: st.DrawFn) -> WavePolicy:
    resource = Resource(
        id="trainer-days", unit="days", capacity=draw(st.integers(2, 12)), demand=Demand(per_school=1.5),
        freed_at=draw(st.sampled_from([Phase.BETA, Phase.SCALE])),
    )  # fmt: skip
    return policy_of(
        first_count=draw(st.integers(1, 3)), resources=(resource,),
        concurrent_max=draw(st.none() | st.integers(1, 8)),
        abort=draw(st.none() | st.just(Abort(sample_min=2, silence_days=2))),
    )  # fmt: skip


def live(program: Waved, steps: list[tuple[str, int]]) -> None:
    for number, (what, pick) in enumerate(steps):
        admitted = sorted(program.standings)
        if what == "look":
            program.look()
        elif what == "advance" and admitted:
            school = admitted[pick % len(admitted)]
            phases = list(Phase)
            now = phases.index(program.standings[school].phase or Phase.CHARTER)
            program.move([school], phases[min(now + 2, 4)])
        elif what == "quiet":
            program.pass_days(pick % 3)
        elif what == "stop":
            program.stop_line(f"stop-{number:04d}")
        elif what == "lift":
            program.lift_line(f"lift-{number:04d}")
        elif what == "close" and admitted:
            program.move([admitted[pick % len(admitted)]], left=True)
        elif what == "join":
            program.join([candidate(100 + pick, pick % 3)])
        _holds(program)


def _holds(program: Waved) -> None:
    """No resource over its capacity, no more under way than may be, whatever anybody does."""
    staying = [each for each in program.standings.values() if not each.left]
    phases = list(Phase)
    freed = phases.index(program.policy.resources[0].freed_at)
    held = sum(each.demand[0] for each in staying if phases.index(each.phase or Phase.CHARTER) < freed)
    assert held <= capacities(program.policy)[0]
    limit = program.policy.concurrent_max
    assert limit is None or sum(each.phase is not Phase.SCALE for each in staying) <= limit


@given(policies(), STEPS)
def test_whatever_happens_a_program_keeps_its_laws(policy: WavePolicy, steps: list[tuple[str, int]]) -> None:
    program = Waved.of(policy, [candidate(number, number % 3) for number in range(15)])
    live(program, steps)
    picture, stopped, through = ProgramPicture(), False, 0
    for sequence, fact in enumerate(program.facts, 1):
        assert fact.fact_sequence == sequence
        picture = fold_program_fact(picture, fact)
        body = fact.body
        stopped = isinstance(body, LineStopped) or (stopped and not isinstance(body, LineLifted))
        assert not (stopped and isinstance(body, SchoolsAdmitted | WaveOpened))
        if isinstance(body, WaveOpened):
            assert len(picture.opened) - 1 <= through + len(picture.aborted_waves)
        through += isinstance(body, WaveProgressed)
    assert picture == program.state.picture
    sizes = program.state.sizes
    for before, after in pairwise(sizes):
        assert after <= 3 * before


@given(policies(), STEPS)
def test_the_same_life_leads_to_the_same_facts(policy: WavePolicy, steps: list[tuple[str, int]]) -> None:
    first, second = (Waved.of(policy, [candidate(n, n % 3) for n in order]) for order in (range(15), range(14, -1, -1)))
    live(first, steps)
    live(second, steps)
    assert first.facts == second.facts


def test_a_message_of_the_past_never_turns_the_clock_back() -> None:
    program = Waved.of(policy_of(), [candidate(1)])
    program.pass_days(3)
    program.look()
    seen = program.state.seen_at
    program.pass_days(-2)
    message: ProgramMessage = StopLine(act_id="stop-0009", actor=director(), reason="recall")
    program.tell(message)
    assert program.state.seen_at == seen == program.facts[-1].occurred_at
