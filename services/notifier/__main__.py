"""`python -m services.notifier`: the notifier's process in the foreground."""

import asyncio

from services.kit.settings import load_settings
from services.notifier.room import run

if __name__ == "__main__":
    asyncio.run(run(load_settings()))
