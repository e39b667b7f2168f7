"""Error responses in the OpenAPI document."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from backend.entrypoints.http.problems.problem_details import (
    MEDIA_TYPE,
    reason_phrase,
    require_error_status,
)

PROBLEM_SCHEMA: Final = {"$ref": "#/components/schemas/ProblemDetails"}

_DESCRIPTIONS: Final[Mapping[int, str]] = {
    HTTPStatus.BAD_REQUEST: "The body cannot be read.",
    HTTPStatus.UNAUTHORIZED: "The credentials are missing, malformed, expired or invalid.",
    HTTPStatus.FORBIDDEN: "The caller may not do this, or the page that sent a session cookie.",
    HTTPStatus.PRECONDITION_FAILED: "The resource has changed since it was read.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A part of the request is invalid; `errors` names it.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Try again after `Retry-After` seconds.",
}


def documented(*responses: int | Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI description of error responses.

        responses=documented(401, 503, {409: "The note is locked."})

    Args:
        *responses: Status codes from 400 to 599, and mappings from status codes to descriptions.

    Raises:
        ValueError: A status code is not from 400 to 599.
    """
    descriptions: dict[int, str] = {}
    for response in responses:
        if isinstance(response, Mapping):
            descriptions.update(response)
        else:
            phrase = f"{reason_phrase(response)}."
            descriptions[response] = _DESCRIPTIONS.get(response, phrase)
    for status in descriptions:
        require_error_status(status)
    content = {MEDIA_TYPE: {"schema": PROBLEM_SCHEMA}}
    return {
        status: {"description": description, "content": content}
        for status, description in descriptions.items()
    }
