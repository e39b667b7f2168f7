"""`protect(app)`: authentication for a FastAPI app, new or existing.

    app = FastAPI()
    protect(app)

    @app.get("/notes")
    async def list_notes(principal: CurrentPrincipal) -> list[Note]: ...

Then every route needs a principal, unless it is public on purpose.
"""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from backend.container.authentication import AuthContainer
from backend.entrypoints.http.auth.guard import Guard
from backend.entrypoints.http.auth.protection import Protection
from backend.entrypoints.http.problems.auth_problems import install_auth_problems
from backend.settings.authentication import AuthSettings


def protect(
    app: FastAPI,
    *,
    public: Collection[str] = (),
    settings: AuthSettings | None = None,
    container: AuthContainer | None = None,
) -> Protection:
    """Authenticate every connection of an app, before its body is read.

    The order does not matter: routes, middleware and exception handlers may be added before or
    after. The routes are read when the app starts. All middleware of the app stays outside, so that
    responses to anonymous requests have the app's CORS headers too.

    Args:
        app: The app.
        public: The path templates that need no principal, such as `["/", "/notes/{id}"]`. A path
            without a route names a mount: everything below that path is public. FastAPI's
            documentation is public too.
        settings: The settings of the authentication. By default, they come from the environment
            variables `BETTER_AUTH_*` and `AUTH_*` when the app starts.
        container: Provides the verifier, in place of settings.

    Returns:
        The authentication that was added to the app.

    Raises:
        RuntimeError: The app is protected already, or has started.
        TypeError: `app` is not a FastAPI app, `public` is a single string, or there are both
            settings and a container.
    """
    if not isinstance(app, FastAPI):
        raise TypeError("protect() takes a FastAPI app. It guards all of its routers and mounts.")
    is_protected = isinstance(app.router.middleware_stack, Guard)
    if is_protected:
        raise RuntimeError("This app is protected already. Call protect() once.")
    if app.middleware_stack is not None:
        raise RuntimeError("This app has started. Call protect() before it starts.")
    if isinstance(public, str):
        raise TypeError(f"public must be a list of paths: public=[{public!r}]")
    if settings is not None and container is not None:
        raise TypeError("protect() takes settings or a container, not both.")

    def make_container() -> AuthContainer:
        if container is not None:
            return container
        return AuthContainer(settings=settings) if settings is not None else AuthContainer()

    protection = Protection(app, public=public, make_container=make_container)
    app.router.middleware_stack = Guard(app.router.middleware_stack, protection)
    app.router.lifespan_context = _compose(protection, app.router.lifespan_context)
    install_auth_problems(app)
    _extend_openapi(app, protection)
    return protection


def _compose(protection: Protection, lifespan: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a lifespan that authenticates while the lifespan of the app runs."""

    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[Any]:
        async with protection.run(), lifespan(app) as state:
            yield state

    return run


def _extend_openapi(app: FastAPI, protection: Protection) -> None:
    """Make an app document how its routes authenticate. The rest of the document stays as it is."""
    make_document = app.openapi
    extended: dict[str, Any] | None = None

    def openapi() -> dict[str, Any]:
        nonlocal extended
        document = make_document()
        if document is not extended:  # FastAPI makes a new document when routes were added
            from backend.entrypoints.http.openapi import (  # noqa: PLC0415 - needs the document
                protected_app,
            )

            protected_app.document_protection(document, app, protection)
            extended = document
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI documents
