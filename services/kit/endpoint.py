"""The small HTTP endpoint of a process: /metrics for Prometheus, /health for supervisors.

Opened by `services.kit.process`; its port is written to `<home>/ports/<process>.json`. It answers GET of two
paths and refuses everything else.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import Callable
from types import TracebackType

from services.kit.metrics import CONTENT_TYPE, Metrics
from services.kit.settings import Settings

REQUEST_SECONDS_MAX = 5.0
"""Seconds a client may take to say what it wants. Our judgement, 2026-11-23."""


class Endpoint:
    """Listens while entered."""

    def __init__(self, name: str, settings: Settings, metrics: Metrics, health: Callable[[], tuple[bool, str]]) -> None:
        self.port = 0
        """The port in use, once entered."""
        self._name, self._settings, self._metrics, self._health = name, settings, metrics, health
        self._file = settings.home / "ports" / f"{name}.json"
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "Endpoint":
        host = self._settings.listen_host
        try:
            self._server = await asyncio.start_server(self._answer, host, self._settings.metrics_port)
        except OSError:
            if self._settings.metrics_port == 0:
                raise
            # several processes may share one setting; the first has it, the others take what is free
            self._server = await asyncio.start_server(self._answer, host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(f".{os.getpid()}.part")
        draft.write_text(self._told(), "utf-8")
        draft.replace(self._file)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        with contextlib.suppress(FileNotFoundError):
            if self._file.read_text("utf-8") == self._told():  # a second process of the room may have written since
                self._file.unlink()

    def _told(self) -> str:
        return json.dumps({"metrics": self.port, "pid": os.getpid()})

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), REQUEST_SECONDS_MAX)
            status, kind, body = self._page(request.split(b"\r\n", 1)[0].decode("latin-1"))
            head = (
                f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode() + body)
            await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    def _page(self, line: str) -> tuple[str, str, bytes]:
        if line.startswith(("GET /metrics ", "GET /metrics?")):
            return "200 OK", CONTENT_TYPE, self._metrics.render()
        if line.startswith("GET /health "):
            well, why = self._health()
            body = json.dumps({"process": self._name, "healthy": well, "because": why}).encode()
            return ("200 OK" if well else "503 Service Unavailable"), "application/json", body
        return "404 Not Found", "text/plain", b"expected GET /metrics or GET /health\n"
