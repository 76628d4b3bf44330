"""A steady pace: turns at least so far apart, first come first served. Used by the sender and by paced starts."""

import asyncio


class Pace:
    """At most `rate` turns a second, without bursts; an idle pace gives its first turn at once."""

    def __init__(self, rate: float) -> None:
        self._gap = 1.0 / rate
        self._next = 0.0

    async def turn(self) -> None:
        """Returns when it is this caller's turn. Waits; never raises."""
        now = asyncio.get_running_loop().time()
        at = max(now, self._next)
        self._next = at + self._gap
        if at > now:
            await asyncio.sleep(at - now)
