"""The help desk's room: tickets of schools and defects of releases in, readings out. Named in the entry points."""

from pathlib import Path

from schemas.topics import HELPDESK
from services.helpdesk.readiness import compute
from services.readings.desk import DomainRoom

DOMAIN = DomainRoom("helpdesk", HELPDESK, compute, Path(__file__).parent / "migrations")
ROOM = DOMAIN.room()
