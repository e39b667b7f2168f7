"""`HTTPException` as a problem. The author of the exception chooses the detail and the headers."""

from collections.abc import Mapping
from http import HTTPStatus
from http.client import responses
from typing import Any, Final

from fastapi import Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.exception_handlers import http_exception_handler
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import Match

from backend.entrypoints.http.problems.challenges import (
    INSUFFICIENT_SCOPE,
    challenge,
    name_metadata,
)
from backend.entrypoints.http.problems.problem_details import (
    Problem,
    is_error_status,
    problem_response,
    reason_phrase,
)
from backend.entrypoints.http.problems.problem_error import ProblemError

# Codes are part of the contract, so they are not the names of http.HTTPStatus: Python renames some.
_CODES: Final[Mapping[int, str]] = {
    HTTPStatus.BAD_REQUEST: "bad_request",
    HTTPStatus.UNAUTHORIZED: "unauthorized",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "content_too_large",
}

_BODY_LIMIT_DETAIL: Final = "Content Too Large"  # Starlette's; Python may name the status otherwise

# The default detail by status. The default for other statuses is the reason phrase.
_DETAILS: Final[Mapping[int, str]] = {
    HTTPStatus.FORBIDDEN: "You do not have permission to do this.",
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "Method not allowed. The `Allow` header lists the supported methods."
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
}

CONTENT_TOO_LARGE: Final = Problem(
    status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    code="content_too_large",
    detail=_DETAILS[HTTPStatus.REQUEST_ENTITY_TOO_LARGE],
)

_CHALLENGES: Final[Mapping[int, str]] = {
    HTTPStatus.UNAUTHORIZED: challenge(),  # RFC 9110, section 15.5.2
    HTTPStatus.FORBIDDEN: challenge(error=INSUFFICIENT_SCOPE),  # RFC 6750, section 3.1
}


async def handle_http_error(request: Request, error: HTTPException) -> Response:
    """Return the response to an `HTTPException`: a problem if its status is that of an error."""
    status = error.status_code
    if not is_error_status(status):
        return await http_exception_handler(request, error)
    response = problem_response(request, _to_problem(error))
    if status in _CHALLENGES:
        response.headers.setdefault("WWW-Authenticate", _CHALLENGES[status])
        name_metadata(response.headers, request.scope)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        if _comes_from_router(error):  # the router knows the methods of a single route only
            del response.headers["Allow"]
        response.headers.setdefault("Allow", ", ".join(sorted(_allowed_methods(request))))
    return response


def code_of_status(status: int) -> str:
    """Return the code of an `HTTPException`, whose author cannot choose a code."""
    return _CODES.get(status, f"http_{int(status)}")


def _to_problem(error: HTTPException) -> Problem:
    if isinstance(error, ProblemError):
        return error.problem
    status = error.status_code
    return Problem(
        status=status,
        code=code_of_status(status),
        detail=_detail(error),
        headers=error.headers or {},
    )


def _detail(error: HTTPException) -> Any:
    """Return the detail that the author wrote, as a JSON value, or the detail of the status."""
    status = error.status_code
    if _has_detail(error):
        return jsonable_encoder(error.detail)
    if status == HTTPStatus.NOT_FOUND and _comes_from_router(error):
        return "No such route."
    return _DETAILS.get(status, reason_phrase(status))


def _has_detail(error: HTTPException) -> bool:
    """Return whether the author wrote a detail. Starlette has a default for a missing detail."""
    defaults = (None, "", responses.get(error.status_code), _BODY_LIMIT_DETAIL)
    return error.detail not in defaults


def _comes_from_router(error: HTTPException) -> bool:
    """Return whether a router raised the error: of Starlette's class, and without a detail."""
    return type(error) is HTTPException and not _has_detail(error)


def _allowed_methods(request: Request) -> set[str]:
    """Return the methods of every route that has this path (RFC 9110, section 15.5.6)."""
    routes = iter_route_contexts(request.app.routes)
    matching = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    methods = {method for route in matching for method in route.methods or ()}
    return methods | {"HEAD"} if "GET" in methods else methods
