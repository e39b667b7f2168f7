"""The authentication of an app: starts and stops with the app, and checks its routes."""

import asyncio
import functools
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.types import Scope

from backend.container.authentication import AuthContainer
from backend.entrypoints.http.auth.credentials import Authenticator
from backend.entrypoints.http.auth.dependencies import authenticated
from backend.entrypoints.http.auth.open_routes import OpenRoutes
from backend.entrypoints.http.auth.parts import AuthParts
from backend.entrypoints.http.auth.principal_parameters import require_verified_principals
from backend.entrypoints.http.auth.resource_metadata import MetadataRoute
from backend.entrypoints.http.auth.routes import all_apps, all_scopes
from backend.entrypoints.http.auth.startup_check import require_protection
from backend.entrypoints.http.problems.auth_problems import share_auth_problems
from backend.settings.complaints import ConfigurationError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The parts that authenticate connections while an app runs, for a single event loop.

    Attributes:
        authenticator: Turns the credentials of a connection into its principal.
        open_routes: The routes that need no principal.
        resources: The open resources of the container, such as the key set.
    """

    authenticator: Authenticator
    open_routes: OpenRoutes
    resources: AsyncExitStack


class Protection:
    """The authentication that `protect` adds to an app. Each part is made at its first use.

    Args:
        app: The app.
        public: The path templates that need no principal.
        make_container: Returns the container, the same or a new container at each start.

    Attributes:
        running: The parts in use, by event loop.
    """

    def __init__(
        self, app: FastAPI, *, public: Collection[str], make_container: Callable[[], AuthContainer]
    ) -> None:
        self._app = app
        self._public = public
        self._make_container = make_container
        self._parts: AuthParts | None = None
        self._opening: dict[asyncio.AbstractEventLoop, asyncio.Task[Running | None]] = {}
        self.running: dict[asyncio.AbstractEventLoop, Running] = {}

    @property
    def parts(self) -> AuthParts:
        """The parts of the container. The container is made at its first use."""
        if self._parts is None:
            self._parts = AuthParts(self._make_container())
        return self._parts

    @functools.cached_property
    def open_routes(self) -> OpenRoutes:
        """The routes that need no principal."""
        return OpenRoutes(self._app, public=self._public)

    @property
    def override(self) -> Any:
        """The function with which a test has replaced `authenticated`; None without a test."""
        return self._app.dependency_overrides.get(authenticated)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Check the app, and keep the resources of authentication open. For its lifespan.

        Raises:
            PrincipalFromRequestError: A route would read a principal from the request.
            UnprotectedRouteError: A route neither takes a principal nor is public.
        """
        self._check_routes()
        loop = asyncio.get_running_loop()
        replaced = self.running.pop(loop, None)  # a request before the lifespan has opened it
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

    async def run_without_lifespan(self, scope: Scope) -> Running | None:
        """Do the same as `run` for a request without a lifespan, once for each event loop.

        A mounted app has no lifespan. An app in HTTPX's `ASGITransport` has no lifespan either, nor
        has an app in a `TestClient` that is not used as a context manager. The resources are then
        never closed.

        Args:
            scope: The scope of the request.

        Returns:
            The parts in use; None if a test has overridden the principal, and there are no
            settings.

        Raises:
            ConfigurationError: The settings are wrong.
            PrincipalFromRequestError: A route would read a principal from the request.
            UnprotectedRouteError: A route neither takes a principal nor is public.
        """
        loop = asyncio.get_running_loop()
        opening = self._opening.get(loop)
        if opening is None:
            self._forget_closed_loops()
            self._check_routes()
            opening = self._opening[loop] = loop.create_task(self._open())
        try:
            running = await asyncio.shield(opening)
        finally:
            if opening.done():
                self._opening.pop(loop, None)
        if running is not None:
            self.running[loop] = running
        elif not self.open_routes.serve(scope):
            self._require_override(scope)
        return running

    def _require_override(self, scope: Scope) -> None:
        """Raise the `ConfigurationError` unless a test has overridden the principal of the app."""
        if not self.open_routes.authentication_is_overridden(scope):
            _ = self.parts.authenticator  # complains about the settings
            raise RuntimeError("The settings of the authentication were wrong.")

    def _forget_closed_loops(self) -> None:
        for loop in {*self.running, *self._opening}:
            if loop.is_closed():
                self.running.pop(loop, None)
                self._opening.pop(loop, None)

    def _check_routes(self) -> None:
        """Read and check the routes and mounts again, because the app may have new routes."""
        require_verified_principals(self._app)
        self.open_routes = OpenRoutes(self._app, public=self._public)
        if unknown := self.open_routes.unknown_paths():
            _log.warning("public paths that the app does not have: %s", ", ".join(unknown))
        if closed := self.open_routes.closed_paths():
            _log.warning("public paths that require a principal anyway: %s", ", ".join(closed))
        require_protection(self.open_routes)
        for _, mounted in all_apps(self._app):
            if isinstance(mounted, Starlette):
                share_auth_problems(self._app, mounted)

    async def _open(self) -> Running | None:
        """Make the parts, and open their resources.

        Returns:
            None if a test has overridden the principal, and there are no settings.
        """
        container = self._make_container()
        if self._parts is None or self._parts.container is not container:
            self._parts = AuthParts(container)
        try:
            authenticator = self._parts.authenticator
        except ConfigurationError:
            if self.open_routes.has_overrides():
                return None
            raise
        self._publish_metadata()
        async with AsyncExitStack() as stack:
            for resource in container.resources():
                await stack.enter_async_context(resource)
            return Running(
                authenticator=authenticator,
                open_routes=self.open_routes,
                resources=stack.pop_all(),
            )

    def _publish_metadata(self) -> None:
        """Add the public route of the metadata if `AUTH_RESOURCE` is set.

        The route comes first, because routes for every path would hide it.
        """
        metadata = self.parts.resource_metadata
        if metadata is None:
            return
        routes = self._app.router.routes
        others = [route for route in routes if not isinstance(route, MetadataRoute)]
        routes[:] = [metadata.route(all_scopes(self._app)), *others]
        self.open_routes = OpenRoutes(self._app, public={*self._public, metadata.path})
