"""`python -m services.auditor`: the process in the foreground."""

import asyncio

from services.auditor.room import run
from services.kit.settings import load_settings

if __name__ == "__main__":
    asyncio.run(run(load_settings()))
