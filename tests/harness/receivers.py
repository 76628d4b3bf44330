"""Real receivers on loopback, for the notifier: an SMTP server, an HTTP endpoint, and one that never answers."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Mailbox:
    """What an SMTP server took."""

    port: int = 0
    mails: list[Message] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  its library's name
        assert isinstance(envelope.content, bytes)
        self.mails.append(BytesParser().parsebytes(envelope.content))
        return "250 taken"


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """An SMTP server on a free port of loopback."""
    box = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        box.port = probe.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=box.port, ready_timeout=30)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


@dataclass
class Hook:
    """What an HTTP endpoint took, and what it answers from now on."""

    url: str = ""
    answer: int = 202
    bodies: list[Any] = field(default_factory=list)
    """Any: whatever JSON the sender sends."""
    hangs: threading.Event = field(default_factory=threading.Event)
    """Set: requests are answered. Cleared by `hang`: they wait."""

    def hang(self) -> None:
        self.hangs.clear()

    def go_on(self) -> None:
        self.hangs.set()


@contextmanager
def web_hook() -> Iterator[Hook]:
    """An HTTP endpoint on a free port of loopback."""
    hook = Hook()
    hook.go_on()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.hangs.wait(60)
            if hook.answer < 300:
                hook.bodies.append(json.loads(body))
            self.send_response(hook.answer)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hook.url = f"127.0.0.1:{server.server_address[1]}"
    try:
        yield hook
    finally:
        hook.go_on()
        server.shutdown()
        server.server_close()
        thread.join()
