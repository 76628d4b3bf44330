"""`python -m services.provisioning`: the room's process in the foreground, until SIGTERM or SIGINT."""

import asyncio

from services.kit.settings import load_settings
from services.provisioning.room import DOMAIN

if __name__ == "__main__":
    asyncio.run(DOMAIN.run(load_settings()))
