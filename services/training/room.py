"""Training's room: completions, hand-outs and coaches in, readings out. Named in the entry points."""

from pathlib import Path

from schemas.topics import TRAINING
from services.readings.desk import DomainRoom
from services.training.readiness import compute

DOMAIN = DomainRoom("training", TRAINING, compute, Path(__file__).parent / "migrations")
ROOM = DOMAIN.room()
