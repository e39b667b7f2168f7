"""The host check: rejects requests whose `Host` header names no trusted host."""

import re
from collections.abc import Collection, Iterable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from backend.entrypoints.http.problems.middleware import untrusted_host

_HOST: Final = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")


class TrustedHosts:
    """Pure ASGI middleware that answers 400 unless the `Host` header names a trusted host.

    Args:
        app: The ASGI app that serves the trusted hosts.
        hosts: Host names without a port. `*.example.com` means every host below example.com, and
            `*` means any host.
        always: Paths that are served for any host. Health probes send the address of the server,
            which the settings cannot know.
    """

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str], always: Collection[str] = ()) -> None:
        names = {host.lower() for host in hosts}
        self._app = app
        self._always = frozenset(always)
        self._any = "*" in names
        self._names = frozenset(names)
        self._suffixes = tuple(name[1:] for name in names if name.startswith("*."))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request for a trusted host; reject any other request."""
        if (
            self._any
            or scope["type"] == "lifespan"
            or self._is_trusted(scope)
            or scope["path"].removeprefix(scope.get("root_path", "")) in self._always
        ):
            await self._app(scope, receive, send)
        else:
            await untrusted_host(scope, receive, send)

    def _is_trusted(self, scope: Scope) -> bool:
        sent = [value for name, value in scope["headers"] if name == b"host"]
        match = _HOST.fullmatch(sent[0]) if len(sent) == 1 else None
        if match is None:
            return False
        name = match[1].decode("ascii").lower()
        return name in self._names or name.endswith(self._suffixes)
