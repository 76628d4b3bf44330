"""The provisioning room: its events, its pure function, its device table. Named in the project's entry points."""

from pathlib import Path

from schemas.topics import PROVISIONING
from services.provisioning.devices import DeviceColumns
from services.provisioning.readiness import readings_of
from services.readings.desk import DomainRoom

DOMAIN = DomainRoom(
    name="provisioning",
    topic=PROVISIONING,
    compute=readings_of,
    migrations=Path(__file__).parent / "migrations",
    columns=DeviceColumns(),
)
ROOM = DOMAIN.room()
