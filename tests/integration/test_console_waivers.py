"""What people type about waivers and overrides, against real tables: the register, the debt, and who is refused."""

import json

import pytest

from services.console.commands import gate, report, waiver
from tests.harness.exceptions import SLOW, at_infrastructure
from tests.harness.scenario import SCHOOL
from tests.integration.test_console_commands import Desk, desk, tell

__all__ = ["desk"]
pytestmark = pytest.mark.stack


async def told(desk: Desk) -> None:
    """One school with a waiver in force, a proposal, and an override."""
    school = at_infrastructure().hears(SLOW | {"device.enrolled-ratio": 0.5, "identity.login-success-ratio": 0.5})
    school.waived("page-load", days=20).proposes("enrolled", act_id="waiver-0002").overridden("enrolled")
    await tell(desk.settings, school)


async def test_the_register_is_public_by_role_and_its_audit_view_names_ids(desk: Desk) -> None:
    await told(desk)
    public = await desk.type(waiver.app, "register", "--json")
    assert public.exit_code == 0, public.output
    assert "actor-" not in public.stdout
    kinds = {(each["kind"], each["state"], each["granted_by"]) for each in json.loads(public.stdout)}
    assert ("waiver", "open", "state-director") in kinds
    assert ("override", "confirmed", "state-assessment-director") in kinds
    audit = await desk.type(waiver.app, "register", "--audit", "--json")
    assert "actor-statedirector" in audit.stdout
    assert "actor-" not in (await desk.type(waiver.app, "register")).stdout


async def test_overrides_lists_overrides_and_list_lists_what_stands(desk: Desk) -> None:
    await told(desk)
    overrides = json.loads((await desk.type(gate.app, "overrides", "--json")).stdout)
    assert [(each["kind"], each["criterion_ids"], each["sponsor"]) for each in overrides] == [
        ("override", ["enrolled"], "state-director")
    ]
    standing = json.loads((await desk.type(waiver.app, "list", SCHOOL, "--json")).stdout)
    assert {(each["id"], each["state"]) for each in standing} == {("waiver-0001", "open"), ("waiver-0002", "proposed")}


async def test_debt_is_told_by_district(desk: Desk) -> None:
    await told(desk)
    [owed] = json.loads((await desk.type(waiver.app, "debt", "--json")).stdout)
    assert (owed["district"], owed["waivers"], owed["criteria"]) == ("Fir School District", 1, {"page-load": 1})
    assert "page-load 1" in (await desk.type(waiver.app, "debt")).stdout
    told_by_report = (await desk.type(report.app)).stdout
    assert "passed without, not met" in told_by_report


async def test_a_proposal_without_temporal_is_unavailable_not_refused(desk: Desk) -> None:
    answer = await desk.type(
        waiver.app, "propose", SCHOOL, "page-load", "--instead", "paper-lists", "--reason", "cabling-late",
        "--as", "actor-p1",
    )  # fmt: skip
    assert answer.exit_code == 3, answer.output
