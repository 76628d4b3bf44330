"""What reaches a school's workflow, when, and how often, over real servers."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Sequence
from functools import partial

import pytest
import pytest_asyncio

from schemas.topics import SCHOOLS
from services.kit.settings import Settings
from tests.harness.scenario import CLEAN
from tests.harness.until import until
from tests.integration.bridge_lab import BridgeLab, bridge_lab

pytestmark = pytest.mark.stack


class Wire:
    """A TCP proxy in front of Temporal that a test can cut and mend."""

    def __init__(self, address: str) -> None:
        self._host, port = address.rsplit(":", 1)
        self._port = int(port)
        self._open: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self.cut = False
        self.address = ""

    async def __aenter__(self) -> "Wire":
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.break_off()
        self._server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def break_off(self) -> None:
        self.cut = True
        for writer in self._open:
            writer.close()
        self._open.clear()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.cut:
            writer.close()
            return
        there, back = await asyncio.open_connection(self._host, self._port)
        self._open |= {writer, back}
        for source, sink in ((reader, back), (there, writer)):
            pump = asyncio.create_task(self._pump(source, sink))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(1 << 16):
                sink.write(data)
                await sink.drain()
            sink.close()


@pytest_asyncio.fixture(loop_scope="session")
async def lab(stack: Settings) -> AsyncIterator[BridgeLab]:
    async with bridge_lab(stack) as running:
        yield running


async def settled(lab: BridgeLab) -> bool:
    """Nothing is dirty, and every reading published has reached the rollouts."""
    dirty = await lab.pool.fetchval(
        "select count(*) from rollout where program_id = $1 and dirty_version > acked_version", lab.program
    )
    return bool(dirty == 0)


async def started(lab: BridgeLab, schools: int = 1) -> None:
    """Schools under way, signed, with a clean school's evidence, and at rest."""
    await lab.teach(schools, day_seconds=60)
    await lab.start()
    for school in lab.schools:
        await lab.sign_charter(school)
        lab.observe(school, CLEAN)
    for school in lab.schools:
        await until(partial(heard_all, lab, school), what="the school to have its evidence")
    await until(lambda: settled(lab), what="the sender to rest")


async def heard_all(lab: BridgeLab, school: str) -> bool:
    view = await lab.look(school)
    return view.picture.phase.value == "infrastructure-check" and view.verdict.outcome.value == "waiting"


async def signals(lab: BridgeLab, school: str) -> int:
    """Temporal signals in all runs of a school."""
    count = 0
    async for run in lab.client.list_workflows(f"WorkflowId = '{lab.program}/{school}'"):
        history = await lab.client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
        count += sum(event.HasField("workflow_execution_signaled_event_attributes") for event in history.events)
    return count


async def consumed(lab: BridgeLab, sequence_of: str, value: float) -> bool:
    """Whether the bridge has a reading of this value for the lab's first school."""
    text = await lab.pool.fetchval(
        "select document from reading where scope_id = $1 and signal = $2", lab.schools[0], sequence_of
    )
    return f'"value":{value}' in (text or "")


async def test_an_unchanged_reading_observed_anew_sends_no_signal(lab: BridgeLab) -> None:
    await started(lab)
    school = lab.schools[0]
    before = await signals(lab, school)
    for _ in range(5):
        lab.observe(school, {"network.mbps-per-student": 2.0})
    marker = {"network.mbps-per-student": 2.5}
    lab.observe(school, marker)
    await until(lambda: consumed(lab, "network.mbps-per-student", 2.5), what="the readings to arrive")
    await until(lambda: settled(lab), what="the sender to rest")
    assert await signals(lab, school) - before == 1, "five repeats and one change are one signal"


async def test_what_moves_no_verdict_waits_for_company_and_goes_along_with_what_may(stack: Settings) -> None:
    async with bridge_lab(stack.model_copy(update={"bridge_company_seconds": 3600})) as lab:
        await started(lab)
        school = lab.schools[0]
        before = await signals(lab, school)
        lab.observe(school, {"network.mbps-per-student": 2.5})
        await until(lambda: waiting(lab), what="the change to wait")
        lab.observe(school, {"identity.login-success-ratio": 0.5})
        await until(lambda: settled(lab), what="both to be heard")
        assert await signals(lab, school) - before == 1
        evidence = (await lab.look(school)).inputs.evidence
        assert evidence["network.mbps-per-student"].value == 2.5
        assert evidence["identity.login-success-ratio"].value == 0.5


async def waiting(lab: BridgeLab) -> bool:
    """The program's one school has something to hear, and much time."""
    due_in = await lab.pool.fetchval(
        "select extract(epoch from due_at - now()) from rollout where program_id = $1 and dirty_version > acked_version",
        lab.program,
    )
    return due_in is not None and due_in > 60


async def test_what_became_of_each_reading_is_counted(lab: BridgeLab) -> None:
    await started(lab)
    school = lab.schools[0]
    outcomes = ("sent", "coalesced", "withheld", "unwatched")
    began = counted(lab, outcomes)
    expected = dict.fromkeys(outcomes, 0)
    for outcome, of, values in (
        ("sent", school, {"network.mbps-per-student": 2.5}),
        ("coalesced", school, {"network.mbps-per-student": 2.5}),
        ("withheld", school, {"training.modules-complete-ratio": 0.5}),
        ("unwatched", str(uuid.uuid4()), {"network.mbps-per-student": 2.5}),
    ):
        lab.observe(of, values)
        expected[outcome] += 1

        async def told() -> bool:
            now = counted(lab, outcomes)
            return {name: now[name] - began[name] for name in outcomes} == expected

        await until(told, what=f"one reading more to be {outcome}")
        await until(lambda: settled(lab), what="the sender to rest")


def counted(lab: BridgeLab, outcomes: Sequence[str]) -> dict[str, float]:
    """The bridge's own count of readings, by outcome."""
    registry = lab.bridge.metrics.registry
    name = "firstbell_bridge_readings_total"
    return {outcome: registry.get_sample_value(name, {"outcome": outcome}) or 0.0 for outcome in outcomes}


async def test_a_second_look_is_sent_by_the_clock_before_the_first_is_stale(lab: BridgeLab) -> None:
    """Device evidence is fresh for five days: after two and a half the newer look goes out, unchanged as it is."""
    await lab.teach(day_seconds=4)
    await lab.start()
    school = lab.schools[0]
    await lab.sign_charter(school)
    lab.observe(school, {"device.enrolled-ratio": 1.0})
    await until(lambda: has_evidence(lab, school), what="the first look")
    first = (await lab.look(school)).inputs.evidence["device.enrolled-ratio"].observed_at
    lab.observe(school, {"device.enrolled-ratio": 1.0})

    async def second() -> bool:
        seen = (await lab.look(school)).inputs.evidence["device.enrolled-ratio"].observed_at
        return seen != first

    await until(
        second, what="the second look, though the source is silent now", within=19
    )  # at 20 s the first is stale


async def has_evidence(lab: BridgeLab, school: str) -> bool:
    return "device.enrolled-ratio" in (await lab.look(school)).inputs.evidence


async def test_many_changes_at_once_are_one_signal_with_the_worst_between(lab: BridgeLab) -> None:
    await started(lab)
    school = lab.schools[0]
    before = await signals(lab, school)
    for value in (0.99, 0.5, 0.99, 0.991):
        lab.observe(school, {"identity.login-success-ratio": value})
    await until(lambda: consumed(lab, "identity.login-success-ratio", 0.991), what="the readings to arrive")
    await until(lambda: settled(lab), what="the sender to rest")
    assert await signals(lab, school) - before <= 4

    async def soak_restarted() -> bool:
        view = await lab.look(school)
        [soak] = [each for each in view.verdict.results if each.criterion_id == "sign-in-steady"]
        return (
            soak.reason.value in ("soaking", "soak-broken")
            and view.inputs.evidence["identity.login-success-ratio"].value == 0.991
        )

    await until(soak_restarted, what="the dip to restart the soak though the value is back")


async def test_a_release_reading_reaches_every_school_of_the_program(lab: BridgeLab) -> None:
    await started(lab, 3)
    lab.observe(lab.schools[0], {"defect.open-critical-count": 2})

    async def known() -> bool:
        sql = "select exists (select from reading where scope_id = $1 and signal = 'defect.open-critical-count')"
        return bool(await lab.pool.fetchval(sql, lab.release))

    await until(known, what="the bridge to know of the defect")
    for school in lab.schools:
        lab.observe(school, {"network.mbps-per-student": 2.5})  # the gate at hand asks for this; the defect goes along

        async def told(school: str = school) -> bool:
            row = await lab.pool.fetchrow(
                """select sent from watch where program_id = $1 and school_id = $2
                and signal = 'defect.open-critical-count'""",
                lab.program, school,
            )  # fmt: skip
            return '"value":2' in (row["sent"] or "") if row else False

        await until(told, what="each school to hear of the defect")


async def test_a_changed_school_record_reaches_the_workflow_once(lab: BridgeLab) -> None:
    await started(lab)
    school = lab.schools[0]
    lab.publish(SCHOOLS.name, [(school, lab.record(school, 2, students=500))])

    async def changed() -> bool:
        view = await lab.look(school)
        return view.inputs.context is not None and view.inputs.context.students == 500

    await until(changed, what="the new enrolment to reach the school")

    async def published() -> int:
        return (await lab.kinds(school)).count("context-changed") - 1

    await until(published, what="its fact")
    await until(lambda: settled(lab), what="the sender to rest")
    assert await published() == 1, "one at the start, one now"


async def test_a_calendar_that_comes_after_the_start_reaches_the_school(lab: BridgeLab) -> None:
    await lab.teach(day_seconds=60, calendar=False)
    await lab.start()
    school = lab.schools[0]
    assert (await lab.look(school)).calendar_digest is None
    lab.publish_calendar(60)

    async def known() -> bool:
        return (await lab.look(school)).calendar_digest is not None

    await until(known, what="the calendar to reach the school")


async def test_a_silent_temporal_loses_nothing(stack: Settings) -> None:
    """While Temporal is out of reach readings gather; when it is back the school hears the latest, once."""
    async with Wire(stack.temporal_address) as wire:
        cut_off = stack.model_copy(update={"temporal_address": wire.address})
        async with bridge_lab(stack, bridge_settings=cut_off) as lab:
            await started(lab)
            school = lab.schools[0]
            wire.break_off()
            for value in (0.5, 0.6, 0.7):
                lab.observe(school, {"network.mbps-per-student": value})
            await until(lambda: consumed(lab, "network.mbps-per-student", 0.7), what="the readings to arrive")
            before = await signals(lab, school)
            await until(lambda: _unsettled(lab), what="the rollout to be dirty")
            wire.cut = False
            await until(lambda: settled(lab), what="the sender to catch up")
            assert await signals(lab, school) - before in (1, 2), "one signal; twice if its answer was lost on the way"
            view = await lab.look(school)
            assert view.inputs.evidence["network.mbps-per-student"].value == 0.7


async def _unsettled(lab: BridgeLab) -> bool:
    return not await settled(lab)


async def test_a_stopped_rollout_hears_nothing_more(lab: BridgeLab) -> None:
    await started(lab)
    school = lab.schools[0]
    await lab.stop()

    async def stopped() -> bool:
        status = await lab.pool.fetchval("select status from rollout where program_id = $1", lab.program)
        return bool(status == "stopped")

    await until(stopped, what="the rollout to be stopped")
    assert (await lab.kinds(school))[-1] == "rollout-stopped"
    lab.observe(school, {"network.mbps-per-student": 0.1})
    await until(lambda: consumed(lab, "network.mbps-per-student", 0.1), what="the reading to arrive")
    assert await settled(lab)


async def test_what_a_later_gate_alone_asks_is_no_reason_to_speak_and_comes_when_its_phase_opens(
    lab: BridgeLab,
) -> None:
    await lab.teach(day_seconds=3600)
    await lab.start()
    [school] = lab.schools
    await lab.until_phase(school, "charter")
    before = await signals(lab, school)
    later = {name: CLEAN[name] for name in ("network.mbps-per-student", "training.modules-complete-ratio")}
    lab.observe(school, later)

    async def known() -> bool:
        found = await lab.pool.fetchval(
            "select count(*) from watch where program_id = $1 and dirty and sequence > 0", lab.program
        )
        return bool(found == len(later))

    await until(known, what="the bridge to know both readings")
    await until(lambda: settled(lab), what="the sender to rest")
    assert await signals(lab, school) == before, "a school in charter hears of neither"
    await lab.sign_charter(school)

    async def heard() -> bool:
        return "network.mbps-per-student" in (await lab.look(school)).inputs.evidence

    await until(heard, what="the network's speed, once the infrastructure check has opened")
    lab.observe(school, {"training.modules-complete-ratio": 0.5})
    lab.observe(school, {"network.mbps-per-student": 0.5})

    async def slower() -> bool:
        found = (await lab.look(school)).inputs.evidence["network.mbps-per-student"].value
        return found == 0.5

    await until(slower, what="the slower network: it can move this gate")
