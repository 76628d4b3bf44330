"""`python -m services.assessment`: this room's process alone, until SIGTERM or SIGINT."""

import asyncio

from services.assessment.room import DOMAIN
from services.kit.settings import load_settings

if __name__ == "__main__":
    asyncio.run(DOMAIN.run(load_settings()))
