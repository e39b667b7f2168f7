"""The authentication of an app: its settings, its open routes, and what runs beside it."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from backend.container.authentication import AuthContainer
from backend.entrypoints.http.auth.credentials import Authenticator
from backend.entrypoints.http.auth.open_routes import OpenRoutes
from backend.entrypoints.http.auth.principal_parameters import require_verified_principals
from backend.entrypoints.http.auth.session_cookies import SessionCookies
from backend.entrypoints.http.auth.startup_check import require_protection


class Protection:
    """What `protect` adds to an app. Everything is made when it is first used.

    Args:
        app: The app.
        public: The path templates that need no principal.
        make_container: Returns the container.

    Attributes:
        is_running: Whether the lifespan of the app is running.
    """

    def __init__(
        self, app: FastAPI, *, public: Collection[str], make_container: Callable[[], AuthContainer]
    ) -> None:
        self._app = app
        self._public = public
        self._make_container = make_container
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opening: asyncio.Future[None] | None = None
        self.is_running = False

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
    async def running(self) -> AsyncIterator[None]:
        """Check the app, and open what authentication needs. For the lifespan of the app.

        Raises:
            PrincipalFromRequestError: A route would read a principal from the request.
            UnprotectedRouteError: A route neither takes a principal nor is public.
        """
        async with AsyncExitStack() as stack:
            await self._open(stack)
            self.is_running = True
            try:
                yield
            finally:
                self.is_running = False
                self._loop = None
                self._forget_parts()

    async def run_without_lifespan(self) -> None:
        """Do the same for a request that comes without a lifespan, once for each event loop.

        Mounted apps have no lifespan, and neither has an app in HTTPX's `ASGITransport` or in a
        `TestClient` that is not used as a context manager. Nothing is closed then.
        """
        loop = asyncio.get_running_loop()
        if self._opening is None or self._loop is not loop:
            self._loop = loop
            self._opening = loop.create_task(self._open(AsyncExitStack()))
        await asyncio.shield(self._opening)

    def _forget_parts(self) -> None:
        """Make the parts again at the next start: a closed HTTP client cannot be opened again."""
        for name in ("container", "authenticator", "session_cookies"):
            self.__dict__.pop(name, None)

    async def _open(self, stack: AsyncExitStack) -> None:
        self.__dict__.pop("open_routes", None)  # routes may have been added since
        require_verified_principals(self._app)
        require_protection(self.open_routes)
        _ = self.authenticator  # complain about the settings now
        for resource in self.container.resources():
            await stack.enter_async_context(resource)
