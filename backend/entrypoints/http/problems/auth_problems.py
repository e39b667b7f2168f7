"""The problems of authentication and authorization, in every protected app."""

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.responses import Response

from backend.domain.auth import AuthError, MissingTokenError, VerifierUnavailableError
from backend.entrypoints.http.auth.errors import MissingRoleError, MissingScopeError
from backend.entrypoints.http.auth.session_cookies import ForbiddenOriginError
from backend.entrypoints.http.problems.challenges import INSUFFICIENT_SCOPE, challenge
from backend.entrypoints.http.problems.http_errors import handle_http_error
from backend.entrypoints.http.problems.outages import Outage
from backend.entrypoints.http.problems.problem_details import (
    Problem,
    problem_response,
    unavailable,
)
from backend.entrypoints.http.problems.problem_error import ProblemError
from backend.entrypoints.http.request_ids import request_id


def install_auth_problems(app: Starlette, *, outage: Outage | None = None) -> None:
    """Make an app answer errors of authentication, and a `ProblemError`, with problems.

    Other errors are not affected. Handlers that the app has for these errors stay.

    Args:
        app: The app. The state of the app is not used.
        outage: Logs the outages of the verifier. By default an outage ends after some seconds
            without a 503.
    """
    outage = outage or Outage("verifier")

    async def handle(connection: HTTPConnection, error: Exception) -> Response:
        if isinstance(error, VerifierUnavailableError):
            outage.record(error, request_id=request_id(connection.scope))
        return problem_response(connection, auth_problem(error))

    handlers: dict[Any, Any] = dict.fromkeys(_PROBLEMS, handle)
    for error_class, handler in {**handlers, ProblemError: handle_http_error}.items():
        app.exception_handlers.setdefault(error_class, handler)


def share_auth_problems(app: Starlette, mounted: Starlette) -> None:
    """Make a mounted app answer errors of authentication as the app that mounts it does.

    A mounted app has its own exception handlers. Without these, a missing role would be a 500.
    """
    for error_class in (*_PROBLEMS, ProblemError):
        handler = app.exception_handlers[error_class]
        mounted.exception_handlers.setdefault(error_class, handler)


def auth_problem(error: Exception) -> Problem:
    """Return the problem of an error of authentication or authorization.

    Raises:
        LookupError: The error is of another kind.
    """
    for kind in type(error).__mro__:
        if kind in _PROBLEMS:
            return _PROBLEMS[kind](error)
    raise LookupError(f"{type(error).__name__} is not an error of authentication")


def _unauthorized(error: AuthError) -> Problem:
    attributes = {}
    if not isinstance(error, MissingTokenError):  # RFC 6750, section 3.1
        attributes = {"error": "invalid_token", "error_description": error.detail}
    return Problem(
        status=HTTPStatus.UNAUTHORIZED,
        code=error.code,
        detail=error.detail,
        headers={"WWW-Authenticate": challenge(**attributes)},
        log=(logging.INFO, f"refused: {error.reason}: {error}{_details(error)}", error.reason),
    )


def _details(error: AuthError) -> str:
    values = {"found": error.found, "expected": error.expected}
    details = ", ".join(f"{name} {value}" for name, value in values.items() if value)
    return f"; {details}" if details else ""


def _forbidden_origin(error: ForbiddenOriginError) -> Problem:
    return Problem(
        status=HTTPStatus.FORBIDDEN,
        code="origin_not_allowed",
        detail=(
            "With a session cookie, a request that changes data, opens a WebSocket or comes from"
            " another site must have an allowed `Origin`."
        ),
        log=(logging.INFO, f"refused: {error}", "origin_not_allowed"),
    )


def _missing_scope(error: MissingScopeError) -> Problem:
    scopes = " ".join(error.scopes)
    return Problem(
        status=HTTPStatus.FORBIDDEN,
        code=INSUFFICIENT_SCOPE,
        detail=f"This needs an access token with these scopes: {scopes}.",
        headers={"WWW-Authenticate": challenge(error=INSUFFICIENT_SCOPE, scope=scopes)},
        log=(logging.INFO, f"refused: {error}", INSUFFICIENT_SCOPE),
    )


def _missing_role(error: MissingRoleError) -> Problem:
    return Problem(
        status=HTTPStatus.FORBIDDEN,
        code="missing_role",
        detail="You do not have a role that may do this.",
        headers={"WWW-Authenticate": challenge(error=INSUFFICIENT_SCOPE)},
        log=(logging.INFO, f"refused: {error}", "missing_role"),
    )


def _verifier_unavailable(error: VerifierUnavailableError) -> Problem:
    return unavailable("verifier", error, retry_after=error.retry_after)


_PROBLEMS: Final[Mapping[type, Callable[[Any], Problem]]] = {
    AuthError: _unauthorized,
    ForbiddenOriginError: _forbidden_origin,
    MissingScopeError: _missing_scope,
    MissingRoleError: _missing_role,
    VerifierUnavailableError: _verifier_unavailable,
}
