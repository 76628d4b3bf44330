"""An open loop's clock: what is due at an instant is done then, whatever became of what was due before.

For the bench's load; a test that waits for something to happen uses `until`.
"""

import asyncio
import time
from datetime import datetime


async def at_instant(due: datetime) -> float:
    """Returns at the instant, or at once when it has passed: by how many seconds it was missed."""
    left = due.timestamp() - time.time()
    if left > 0:
        await asyncio.sleep(left)
    return max(time.time() - due.timestamp(), 0.0)
