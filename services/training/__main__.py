"""`python -m services.training`: this room's process alone, until SIGTERM or SIGINT."""

import asyncio

from services.kit.settings import load_settings
from services.training.room import DOMAIN

if __name__ == "__main__":
    asyncio.run(DOMAIN.run(load_settings()))
