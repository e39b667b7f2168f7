"""The authentication of an app: its settings, its open routes, and what runs beside it."""

import asyncio
import functools
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI
from starlette.applications import Starlette

from backend.container.authentication import AuthContainer
from backend.entrypoints.http.auth.credentials import Authenticator
from backend.entrypoints.http.auth.open_routes import OpenRoutes
from backend.entrypoints.http.auth.principal_parameters import require_verified_principals
from backend.entrypoints.http.auth.routes import all_apps
from backend.entrypoints.http.auth.session_cookies import SessionCookies
from backend.entrypoints.http.auth.startup_check import require_protection
from backend.entrypoints.http.problems.auth_problems import share_auth_problems
from backend.settings.complaints import ConfigurationError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What authenticates the connections of one event loop.

    Attributes:
        authenticator: Turns the credentials of a connection into its principal.
        open_routes: The routes that need no principal.
        resources: What is open.
    """

    authenticator: Authenticator
    open_routes: OpenRoutes
    resources: AsyncExitStack


class Protection:
    """What `protect` adds to an app. Everything is made when it is first used.

    Args:
        app: The app.
        public: The path templates that need no principal.
        make_container: Returns the container.

    Attributes:
        running: What authenticates now, for each event loop.
    """

    def __init__(
        self, app: FastAPI, *, public: Collection[str], make_container: Callable[[], AuthContainer]
    ) -> None:
        self._app = app
        self._public = public
        self._make_container = make_container
        self._opening: dict[asyncio.AbstractEventLoop, asyncio.Task[Running | None]] = {}
        self.running: dict[asyncio.AbstractEventLoop, Running] = {}

    @functools.cached_property
    def container(self) -> AuthContainer:
        """The container, which reads the settings."""
        return self._make_container()

    @functools.cached_property
    def authenticator(self) -> Authenticator:
        """Turns the credentials of a connection into its principal."""
        return Authenticator(
            token_verifier=self.container.token_verifier(), session_cookies=self.session_cookies
        )

    @functools.cached_property
    def session_cookies(self) -> SessionCookies | None:
        """Reads session cookies; None if they are not accepted."""
        verifier = self.container.session_verifier()
        if verifier is None:
            return None
        names, origins = self.container.cookie_names(), self.container.web_origins()
        return SessionCookies(names=names, verifier=verifier, origins=origins)

    @functools.cached_property
    def clock(self) -> Callable[[], float]:
        """The clock that ends WebSockets, in seconds since the epoch."""
        clock: Callable[[], float] = self.container.clock()
        return clock

    @functools.cached_property
    def leeway(self) -> float:
        """How long a WebSocket stays open after its credential has expired, in seconds."""
        return float(self.container.settings().auth_leeway)

    @functools.cached_property
    def open_routes(self) -> OpenRoutes:
        """The routes that need no principal."""
        return OpenRoutes(self._app, public=self._public)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Check the app, and open what authentication needs. For the lifespan of the app.

        Raises:
            PrincipalFromRequestError: A route would read a principal from the request.
            UnprotectedRouteError: A route neither takes a principal nor is public.
        """
        self._check_routes()
        loop = asyncio.get_running_loop()
        replaced = self.running.pop(loop, None)  # of requests before the lifespan
        if replaced is not None:
            await replaced.resources.aclose()
        running = await self._open()
        if running is None:
            yield
            return
        self.running[loop] = running
        async with running.resources:
            try:
                yield
            finally:
                self.running.pop(loop, None)

    async def run_without_lifespan(self) -> Running | None:
        """Do the same for a request that comes without a lifespan, once for each event loop.

        Mounted apps have no lifespan, and neither has an app in HTTPX's `ASGITransport` or in a
        `TestClient` that is not used as a context manager. Nothing is closed then.

        Returns:
            None if a test has overridden the principal, and there are no settings.
        """
        loop = asyncio.get_running_loop()
        opening = self._opening.get(loop)
        if opening is None:
            for ended in [loop for loop in (*self.running, *self._opening) if loop.is_closed()]:
                self.running.pop(ended, None)
                self._opening.pop(ended, None)
            self._check_routes()
            opening = self._opening[loop] = loop.create_task(self._open())
        try:
            running = await asyncio.shield(opening)
        finally:
            if opening.done():
                self._opening.pop(loop, None)
        if running is not None:
            self.running[loop] = running
        return running

    def _check_routes(self) -> None:
        """Read the routes and mounts again, and check them: some may have been added since."""
        self.__dict__.pop("open_routes", None)
        require_verified_principals(self._app)
        require_protection(self.open_routes)
        if unknown := self.open_routes.unknown_paths():
            _log.warning("public paths that the app does not have: %s", ", ".join(unknown))
        for _, mounted in all_apps(self._app):
            if isinstance(mounted, Starlette):
                share_auth_problems(self._app, mounted)

    async def _open(self) -> Running | None:
        """Make and open the parts. Tests that override the principal need no settings."""
        container = self._make_container()
        if container is not self.__dict__.get("container"):
            for name in ("authenticator", "session_cookies", "clock", "leeway"):
                self.__dict__.pop(name, None)
            self.container = container
        try:
            authenticator = self.authenticator
        except ConfigurationError:
            if self.open_routes.authentication_is_overridden():
                return None
            raise
        async with AsyncExitStack() as stack:
            for resource in container.resources():
                await stack.enter_async_context(resource)
            return Running(
                authenticator=authenticator,
                open_routes=self.open_routes,
                resources=stack.pop_all(),
            )
