"""The report's page says what the figures say, escapes what it shows, and loads nothing."""

import re

from services.console.report import compile_report, page
from tests.harness.console import explained
from tests.harness.scenario import CLEAN, Scenario
from tests.unit.test_console_why import at_g1


def report_of(*schools: tuple[Scenario, str]):  # type: ignore[no-untyped-def]
    answers = [explained(school, f"school-{index}", name) for index, (school, name) in enumerate(schools)]
    return compile_report(answers, "wa-2026", max(school.now for school, _ in schools))


def test_schools_are_counted_by_phase_and_outcome() -> None:
    made = report_of(
        (at_g1(), "Alder"), (at_g1(**{"network.page-load-p95-seconds": 9.0}), "Birch"), (Scenario(), "Elm")
    )
    counts = {each.phase.value: each.outcomes for each in made.phases}
    assert counts["infrastructure-check"]["waiting"] == 1
    assert counts["infrastructure-check"]["unmet"] == 1
    assert counts["charter"]["unmet"] == 1
    assert made.schools == sum(each.schools for each in made.phases) == 3


def test_a_silent_source_is_named_with_its_district() -> None:
    made = report_of((at_g1(**{"device.enrolled-ratio": None}), "Alder"))
    [silent] = made.silent_sources
    assert (silent.source, silent.district, silent.signals) == (
        "provisioning", "Fir School District", ("device.enrolled-ratio",),
    )  # fmt: skip
    assert silent.newest_observed_at is None


def test_the_longest_held_come_first_and_waiting_is_not_held() -> None:
    early, late = Scenario(), Scenario()
    late.days_pass(2)
    made = report_of((early, "Early"), (late, "Late"), (at_g1(), "Waiting"))
    assert [each.school for each in made.longest_held] == ["Early", "Late"]


def test_the_page_is_self_contained_and_escapes() -> None:
    html = page(report_of((at_g1(**{"network.page-load-p95-seconds": 9.0}), "<b>Alder</b> & Sons")))
    assert "&lt;b&gt;Alder&lt;/b&gt; &amp; Sons" in html
    assert not re.search(r"<(script|link|img|iframe)|https?://|@import|url\(", html)


def test_simulated_evidence_is_said_at_the_top() -> None:
    school = Scenario(rehearsal=True).signs().hears(CLEAN, simulated=True)
    html = page(report_of((school, "Alder")))
    assert "SIMULATED" in html.split("<h1>")[0]
    assert "SIMULATED" not in page(report_of((at_g1(), "Alder")))
