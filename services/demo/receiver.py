"""A small receiver of messages on loopback, so that the demo shows notices as they arrive. It keeps them in memory."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

BYTES_MAX = 100_000
"""Of one message; a longer one is refused. Our judgement, 2026-11-25."""


class Receiver:
    """Takes the JSON that Apprise posts for `json://` addresses; the path says for whom it is."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str, str]] = []
        """Path without its slash, title, body, in the order of arrival."""
        messages = self.messages

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                if length > BYTES_MAX:
                    self.send_error(413)
                    return
                tree = json.loads(self.rfile.read(length))
                messages.append((self.path.strip("/"), str(tree["title"]), str(tree["message"])))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing: the screen is the story's."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def address(self, path: str) -> str:
        """The Apprise address that leads here."""
        return f"json://127.0.0.1:{self._server.server_port}/{path}"
