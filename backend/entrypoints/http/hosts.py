"""Which host names are served: a request for any other is refused."""

import re
from collections.abc import Iterable
from typing import Final

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.entrypoints.http.problems import handlers as problems

_HOST: Final = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")


class TrustedHosts:
    """Pure ASGI middleware that serves the named hosts only.

    Args:
        app: What serves them.
        hosts: Their names, without a port; `*.example.com` is every host below example.com, and
            `*` any.
    """

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str]) -> None:
        names = {host.lower() for host in hosts}
        self._app = app
        self._any = "*" in names
        self._names = frozenset(names)
        self._endings = tuple(name[1:] for name in names if name.startswith("*."))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, if it is for a host that is served."""
        if self._any or scope["type"] != "http" or self._trusts(scope):
            await self._app(scope, receive, send)
        else:
            await problems.untrusted_host(Request(scope))(scope, receive, send)

    def _trusts(self, scope: Scope) -> bool:
        sent = [value for name, value in scope["headers"] if name == b"host"]
        match = _HOST.fullmatch(sent[0]) if len(sent) == 1 else None
        if match is None:
            return False
        name = match[1].decode("ascii").lower()
        return name in self._names or name.endswith(self._endings)
