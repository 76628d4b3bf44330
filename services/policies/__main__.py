"""`python -m services.policies`: the process in the foreground."""

import asyncio

from services.kit.settings import load_settings
from services.policies.room import run

if __name__ == "__main__":
    asyncio.run(run(load_settings()))
