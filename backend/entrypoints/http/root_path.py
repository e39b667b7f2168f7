"""The path prefix that a proxy strips, for links and redirects that the client follows."""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send


class RootPath:
    """Pure ASGI middleware that puts the prefix of the proxy into the scope, as ASGI demands.

    In ASGI, `path` includes `root_path`. A proxy that strips the prefix sends only the rest to the
    server. A request that still has the prefix is served as well, unless the app has routes below
    the prefix: then the prefix is part of a route.

    Args:
        app: The ASGI app to serve.
        root_path: The prefix, with a slash at its start and no slash at its end.
        is_ambiguous: Whether the app has routes below the prefix.
    """

    def __init__(self, app: ASGIApp, root_path: str, *, is_ambiguous: bool) -> None:
        self._app = app
        self._root_path = root_path
        self._below = f"{root_path}/"
        self._is_ambiguous = is_ambiguous

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve a request."""
        if scope["type"] in {"http", "websocket"} and scope.get("root_path") != self._root_path:
            # The scope is changed in place: the server and telemetry share `ENDED_WITH` in it.
            scope["root_path"] = self._root_path
            if self._is_ambiguous or not scope["path"].startswith(self._below):
                scope["path"] = self._root_path + scope["path"]
        return self._app(scope, receive, send)
