"""The worker's process: it runs workflows and makes their facts durable in the bridge's tables.

A process of its own, so that deciding never waits for ingesting, and so that more of them may be started.
"""

import asyncio
import atexit
import json
import os
import socket
import sys

from temporalio.client import Client
from temporalio.service import RPCError

from schemas.metrics import BRIDGE
from services.bridge import temporal
from services.bridge.activities import Activities
from services.bridge.compatibility import Candidate, objection
from services.bridge.worker import runtime, this_build, worker
from services.kit.database import Pool, is_transient, open_pool
from services.kit.metrics import Metrics
from services.kit.process import Process
from services.kit.room import Room
from services.kit.settings import Settings

CONNECTIONS_MAX = 12
"""Connections for publications. Our judgement, 2026-11-23."""


CHECK_SECONDS = 60.0
"""Between two looks of a refused worker: what spoke against it may have ended. Our judgement, 2026-11-25."""
RETRY_SECONDS = 2.0
"""Between two tries while a server is away. Our judgement, 2026-11-25."""


class WorkerProcess(Process):
    """A kit process that consumes nothing, relays nothing, and works on the bridge's tables."""

    _connected = False
    _refused: str | None = None
    """Why this build may not poll. None: nothing spoke against it."""
    candidate: Candidate | None = None
    """None: this build's own code."""

    async def _reach(self) -> Pool:
        return await open_pool(self.settings, "bridge", connections_max=CONNECTIONS_MAX)

    async def _work(self) -> None:
        host = self.settings.listen_host
        port = _free_port(host)
        client = await temporal.connect_patiently(self.settings, self.stopping, runtime=runtime(host, port))
        if client is None:
            return
        file = self.settings.home / "ports" / "worker-temporal.json"
        file.write_text(json.dumps({"metrics": port, "pid": os.getpid()}), "utf-8")
        up = self.metrics.gauge("firstbell_process_up").labels(self.name)
        try:
            if not await self._may_decide(client):
                return
            async with worker(client, self.settings, Activities(self.pool, self.metrics), candidate=self.candidate):
                self._connected = True
                up.set(1)
                self._log.info("process-started", address=self.settings.temporal_address)
                await self.stopping.wait()
        finally:
            up.set(0)
            file.unlink(missing_ok=True)
        self._log.info("process-stopped", because="asked to")

    async def _may_decide(self, client: Client) -> bool:
        """Waits until nothing speaks against this build. False: told to stop before. It polls nothing meanwhile."""
        while not self.stopping.is_set():
            try:
                self._refused = await objection(self.pool, client, self.settings, self.candidate or this_build())
                if self._refused is None:
                    return True
                self._log.error("worker-refused", because=self._refused)
            except Exception as error:
                if not (is_transient(error) or isinstance(error, RPCError)):
                    raise
                self._log.warning("worker-check-waits", because=repr(error)[:300])
            await self._sleep(CHECK_SECONDS if self._refused else RETRY_SECONDS)
        return False

    def health(self) -> tuple[bool, str]:
        """Whether the worker polls Temporal."""
        if self._refused is not None:
            return False, f"refused: {self._refused}"
        return (True, "in progress") if self._connected else (False, "waiting for the database or for Temporal")


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


async def run(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT; the operating-system process then ends without taking Temporal's threads down.

    Some workers die in `PyGILState_Release` at the interpreter's exit, after all their work is done.
    """
    ending = _Ending()
    if "pytest" not in sys.modules:
        atexit.register(ending.end)
    await WorkerProcess("worker", settings, metrics=Metrics(BRIDGE)).run()
    ending.code = 0


class _Ending:
    """Exit code of this process: 1 unless `run` came to its end."""

    code = 1

    def end(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(self.code)


ROOM = Room(name="worker", run=run)

if __name__ == "__main__":
    from services.kit.settings import load_settings

    asyncio.run(run(load_settings()))
