"""The codes of problems, for the OpenAPI document: the status and an example of each code.

A code is part of the contract: programs read it. docs/errors.md says what each code means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from backend.domain.auth import (
    AuthError,
    ExpiredTokenError,
    InvalidTokenError,
    MalformedAuthorizationError,
    MissingTokenError,
)
from backend.entrypoints.http.problems.problem_details import SHUTTING_DOWN

_TRY_AGAIN: Final = "The service is temporarily unavailable. Try again after `Retry-After` seconds."


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemCode:
    """The description of a code in the OpenAPI document.

    Attributes:
        status: The status of the response.
        description: When the response has this code.
        detail: An example of the text for the caller.
        errors: The invalid parts of the request, as an example.
    """

    status: HTTPStatus
    description: str
    detail: str
    errors: Sequence[Mapping[str, str]] = ()


def _unauthorized(error: type[AuthError], description: str) -> ProblemCode:
    return ProblemCode(status=HTTPStatus.UNAUTHORIZED, description=description, detail=error.detail)


def _unavailable(description: str, detail: str = _TRY_AGAIN) -> ProblemCode:
    return ProblemCode(
        status=HTTPStatus.SERVICE_UNAVAILABLE, description=description, detail=detail
    )


PROBLEM_CODES: Final[Mapping[str, ProblemCode]] = {
    "bad_request": ProblemCode(
        status=HTTPStatus.BAD_REQUEST,
        description="The body cannot be read.",
        detail="There was an error parsing the body",
    ),
    MissingTokenError.code: _unauthorized(MissingTokenError, "The request has no credentials."),
    MalformedAuthorizationError.code: _unauthorized(
        MalformedAuthorizationError, "The credentials are malformed."
    ),
    ExpiredTokenError.code: _unauthorized(ExpiredTokenError, "The credentials have expired."),
    InvalidTokenError.code: _unauthorized(InvalidTokenError, "The credentials are invalid."),
    "origin_not_allowed": ProblemCode(
        status=HTTPStatus.FORBIDDEN,
        description="With a session cookie: the origin of the page is not allowed.",
        detail="With a session cookie, a request that changes data, opens a WebSocket or comes from"
        " another site must have an allowed `Origin`.",
    ),
    "insufficient_scope": ProblemCode(
        status=HTTPStatus.FORBIDDEN,
        description="The credentials lack a scope.",
        detail="This needs an access token with these scopes: todos:write.",
    ),
    "missing_role": ProblemCode(
        status=HTTPStatus.FORBIDDEN,
        description="The caller lacks a role.",
        detail="You do not have a role that may do this.",
    ),
    "forbidden": ProblemCode(
        status=HTTPStatus.FORBIDDEN,
        description="The caller may not do this.",
        detail="You do not have permission to do this.",
    ),
    "not_found": ProblemCode(
        status=HTTPStatus.NOT_FOUND, description="Not found.", detail="No such route."
    ),
    "method_not_allowed": ProblemCode(
        status=HTTPStatus.METHOD_NOT_ALLOWED,
        description="The route does not support this method.",
        detail="Method not allowed. The `Allow` header lists the supported methods.",
    ),
    "todo_not_found": ProblemCode(
        status=HTTPStatus.NOT_FOUND,
        description="The caller has no such todo.",
        detail="No such todo.",
    ),
    "todo_limit_reached": ProblemCode(
        status=HTTPStatus.CONFLICT,
        description="The caller has as many todos as a user may have.",
        detail="You have 10000 todos, the most that a user may have. Delete some first.",
    ),
    "precondition_failed": ProblemCode(
        status=HTTPStatus.PRECONDITION_FAILED,
        description="The todo has changed since it was read.",
        detail="The todo has changed since you read it. Read it again.",
    ),
    "content_too_large": ProblemCode(
        status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        description="The body is larger than 64 KiB.",
        detail="The body is too large.",
    ),
    "invalid_request": ProblemCode(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        description="A part of the request is invalid; `errors` names it.",
        detail="The request is invalid: title.",
        errors=({"field": "title", "detail": "String should have at most 200 characters"},),
    ),
    "idempotency_key_reused": ProblemCode(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        description="The `Idempotency-Key` was already used with a different body.",
        detail="This key was already used with a different body. Use a new key for a new request.",
        errors=({"field": "Idempotency-Key", "detail": "was already used with a different body"},),
    ),
    "verifier_unavailable": _unavailable("The credentials cannot be verified now."),
    "database_unavailable": _unavailable("The database is unavailable."),
    "search_timeout": _unavailable(
        "The search took too long.",
        "The search took too long. Send fewer searches at a time, or add other filters.",
    ),
    # This project's server sends the codes below for every route.
    "untrusted_host": ProblemCode(
        status=HTTPStatus.BAD_REQUEST,
        description="The server does not serve this host.",
        detail="This server does not serve the host that the `Host` header names.",
    ),
    "malformed_request": ProblemCode(
        status=HTTPStatus.BAD_REQUEST,
        description="The request is not valid HTTP/1.1.",
        detail="The request is not valid HTTP/1.1.",
    ),
    "head_too_large": ProblemCode(
        status=HTTPStatus.BAD_REQUEST,
        description="There are too many bytes before the body.",
        detail="The head of the request has more than 64 KiB, or more than 128 headers.",
    ),
    "too_many_pipelined_requests": ProblemCode(
        status=HTTPStatus.BAD_REQUEST,
        description="Too many requests wait for a response.",
        detail="Too many requests wait for the response to an earlier request.",
    ),
    SHUTTING_DOWN.code: _unavailable("The server is shutting down.", SHUTTING_DOWN.detail),
    "too_many_connections": _unavailable(
        "The server has too many connections.",
        "The server has too many connections. Try again after `Retry-After` seconds.",
    ),
}

SERVER_CODES: Final = (
    "untrusted_host",
    "malformed_request",
    "head_too_large",
    "too_many_pipelined_requests",
    SHUTTING_DOWN.code,
    "too_many_connections",
)
