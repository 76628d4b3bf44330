"""A school year as a Washington district has it, with a state testing window; invented, in the shape of 2026-27."""

from pathlib import Path

from schemas.calendar import Calendar
from schemas.freeze import Freeze
from schemas.gate import PolicyDocument, SchoolPolicy
from services.directory.calendars import read_calendar_file, resolve
from services.policies.loader import load
from services.policies.room import DEFAULT
from tests.harness.scenario import DISTRICT
from workflows.policy.authoring.document import resolve as resolve_policy

FILE = Path(__file__).parents[2] / "deploy" / "rehearsal" / "calendar.yaml"
TESTING = """
windows:
  - {name: sba, kind: testing, from: 2027-03-01, to: 2027-06-04}
"""


def washington(extra: str = TESTING) -> Calendar:
    """From Wednesday 2 September 2026 to 16 June 2027, Thanksgiving on 26 and 27 November."""
    return resolve(read_calendar_file(FILE.read_text("utf-8") + extra, "calendar.yaml"), DISTRICT, 1)


def default_policy(*, freezes: tuple[Freeze, ...] | None = None) -> SchoolPolicy:
    """The shipped policy's standard profile: 10, 30 and 20 days; its own freezes unless told."""
    document = load(DEFAULT.read_text("utf-8"))
    assert isinstance(document, PolicyDocument)
    policy = resolve_policy(document, "standard")
    return policy if freezes is None else policy.model_copy(update={"freezes": freezes})
