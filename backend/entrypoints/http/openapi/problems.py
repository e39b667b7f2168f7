"""Problems in the OpenAPI document: which codes a response can have, and an example of each."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from backend.entrypoints.http.openapi.error_responses import PROBLEM_SCHEMA
from backend.entrypoints.http.openapi.headers import problem_headers
from backend.entrypoints.http.problems.codes import PROBLEM_CODES
from backend.entrypoints.http.problems.http_errors import code_of_status
from backend.entrypoints.http.problems.problem_details import MEDIA_TYPE, reason_phrase

_REQUEST_ID: Final = "0198a3f2-7c1e-7a10"


def documented_codes(*codes: str) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI description of error responses with any of these codes.

    The codes become an enumeration. Use `documented` for responses with other codes.

    Args:
        codes: Keys of `PROBLEM_CODES`.
    """
    return {int(status): _response(names) for status, names in _by_status(codes)}


def add_codes(responses: dict[str, Any], codes: Sequence[str]) -> None:
    """Add codes to the responses of an operation, and the responses that are missing.

    A response that may have any code stays as it is. A response with another media type keeps
    that content.

    Args:
        responses: The responses of an operation in an OpenAPI document, which are changed in place.
        codes: Keys of `PROBLEM_CODES`.
    """
    for status, names in _by_status(codes):
        response = responses.setdefault(str(status), {})
        contents = response.setdefault("content", {})
        before = codes_of(contents.get(MEDIA_TYPE, {}))
        if MEDIA_TYPE in contents and not before:
            continue
        addition = _response(list(dict.fromkeys([*before, *names])))
        contents.update(addition["content"])
        response["headers"] = {**addition["headers"], **response.get("headers", {})}
        description, generated = response.get("description", ""), _description(before)
        if not description or (generated and description.startswith(generated)):
            response["description"] = addition["description"]


def codes_of(content: Mapping[str, Any]) -> list[str]:
    """Return the codes that are documented for a content; an empty list if it may have any."""
    parts = content.get("schema", {}).get("allOf", [])
    members = [part.get("properties", {}).get("code", {}) for part in parts]
    return [code for member in members for code in member.get("enum", [])]


def example(code: str) -> dict[str, Any]:
    """Return a problem with a code, as an OpenAPI example.

    Args:
        code: A key of `PROBLEM_CODES`.
    """
    problem = PROBLEM_CODES[code]
    errors = {"errors": [dict(error) for error in problem.errors]} if problem.errors else {}
    value = _value(problem.status, code, problem.detail) | errors
    return {"summary": problem.description, "value": value}


def complete_problem(status: int, response: dict[str, Any]) -> None:
    """Add the headers and an example to a response that may be a problem with any code."""
    content = response.get("content", {}).get(MEDIA_TYPE)
    if content is None or codes_of(content):
        return
    response["headers"] = {**problem_headers(status), **response.get("headers", {})}
    if not content.keys() & {"example", "examples"}:
        content["example"] = _value(status, code_of_status(status), response["description"])


def _by_status(codes: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    for status in dict.fromkeys(PROBLEM_CODES[code].status for code in codes):
        yield int(status), [code for code in codes if PROBLEM_CODES[code].status is status]


def _response(codes: Sequence[str]) -> dict[str, Any]:
    """Return the description of a response with any of some codes, which have the same status."""
    status = int(PROBLEM_CODES[codes[0]].status)
    is_challenge = codes != ["origin_not_allowed"]
    code_schema = {"type": "string", "enum": [*codes]}
    restriction = {"type": "object", "properties": {"code": code_schema}, "required": ["code"]}
    return {
        "description": _description(codes),
        "headers": problem_headers(status) if is_challenge else {},
        "content": {
            MEDIA_TYPE: {
                "schema": {"allOf": [PROBLEM_SCHEMA, restriction]},
                "examples": {
                    code: {"$ref": f"#/components/examples/problem.{code}"} for code in codes
                },
            }
        },
    }


def _description(codes: Sequence[str]) -> str:
    """Return what the codes mean."""
    return " ".join(f"`{code}`: {PROBLEM_CODES[code].description}" for code in codes)


def _value(status: int, code: str, detail: str) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": reason_phrase(status),
        "status": int(status),
        "code": code,
        "detail": detail,
        "request_id": _REQUEST_ID,
    }
