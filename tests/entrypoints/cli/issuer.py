"""An issuer for commands: publishes a key set over HTTP."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@contextmanager
def issuer(document: bytes, *, path: str = "/api/auth/jwks", status: int = 200) -> Iterator[str]:
    """Publish a key set, and yield the origin of the issuer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == path
            self.send_response(status if found else 404)
            self.end_headers()
            self.wfile.write(document if found else b"")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def current(origin: object, **claims: Any) -> dict[str, Any]:
    """Return the claims of a token that is valid now."""
    now = int(time.time())
    return {"iat": now, "exp": now + 900, "iss": origin, "aud": origin, **claims}
