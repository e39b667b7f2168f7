"""An HTTP server on loopback that publishes a key set, or fails in the way that a test chooses."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, Final, Self

JWKS_PATH: Final = "/api/auth/jwks"
HANG_SECONDS: Final = 30.0  # the longest that a request hangs, so that a test ends
OVERSIZED: Final = 2_000_000  # bytes; more than the API reads of a key set

_POLL_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class KeyServer:
    """Publishes a key set on a free port of 127.0.0.1. Use it as a context manager.

    The server runs in threads of its own, so tests with and without an event loop can use it. The
    server ends with the context. The threads are daemons, so they never keep the process alive.

    Args:
        document: The key set.
        path: The path of the key set. Other paths get 404.

    Attributes:
        document: The key set. A test may change it.
        requests: The path of each request so far, in order.
    """

    def __init__(self, document: bytes, *, path: str = JWKS_PATH) -> None:
        self.document = document
        self.requests: list[str] = []
        self._path = path
        self._failure: _Reply | None = None
        self._answering = Event()
        self._answering.set()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.reply_to = self._reply_to
        self._thread = Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": _POLL_SECONDS}, daemon=True
        )

    def __enter__(self) -> Self:
        """Start the server."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End the server."""
        self.close()

    async def __aenter__(self) -> Self:
        """Start the server."""
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        """End the server."""
        self.close()

    def close(self) -> None:
        """End the server. From now on, connections are refused. Requests that hang are cut."""
        self._answering.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The origin of the server."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def fail(
        self, status: int = 503, *, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer every request with this response, until `recover`.

        Args:
            status: The status code.
            body: The body.
            headers: Further headers, for example `{"Retry-After": "30"}`.
        """
        self._failure = _Reply(status=status, body=body, headers=headers or {})

    def send_garbage(self) -> None:
        """Answer every request with a web page instead of the key set, until `recover`."""
        self.fail(200, body=b"<!doctype html><title>Sign in</title>")

    def send_oversized(self) -> None:
        """Answer every request with a key set that is too large, until `recover`."""
        self.fail(200, body=self.document + b" " * OVERSIZED)

    def hang(self) -> None:
        """Accept requests and do not answer them, until `recover`, or for 30 seconds each."""
        self._answering.clear()

    def recover(self) -> None:
        """Publish the key set again. Requests that hang are cut."""
        self._failure = None
        self._answering.set()

    def _reply_to(self, path: str) -> _Reply | None:
        """Return the response to a request, or None to close the connection without a response."""
        self.requests.append(path)
        if not self._answering.is_set():
            self._answering.wait(HANG_SECONDS)
            return None
        if self._failure is not None:
            return self._failure
        if path != self._path:
            return _Reply(status=404)
        return _Reply(body=self.document, headers={"Content-Type": "application/json"})


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"
    timeout = HANG_SECONDS  # of a client that sends nothing

    def do_GET(self) -> None:
        reply = self.server.reply_to(self.path)
        if reply is None:
            return
        with contextlib.suppress(ConnectionError):  # the client may not read the whole body
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    reply_to: Callable[[str], _Reply | None]
