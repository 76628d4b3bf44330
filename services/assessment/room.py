"""Assessment's room: the beta, first sessions and round trips in, readings out. Named in the entry points."""

from pathlib import Path

from schemas.topics import ASSESSMENT
from services.assessment.readiness import compute
from services.readings.desk import DomainRoom

DOMAIN = DomainRoom("assessment", ASSESSMENT, compute, Path(__file__).parent / "migrations")
ROOM = DOMAIN.room()
