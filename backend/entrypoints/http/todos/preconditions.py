"""Conditional requests: the headers If-Match and If-None-Match (RFC 9110, section 13.1)."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Header
from pydantic import WithJsonSchema

from backend.domain.todo import Todo, TodoConflictError
from backend.entrypoints.http.problems.errors import UnusableEntityTagError
from backend.entrypoints.http.todos import etags

# A list, because a request may repeat the header. Clients send it once, so OpenAPI shows a string.
_EntityTags = Annotated[list[str] | None, WithJsonSchema({"type": "string"})]
IfMatch = Annotated[
    _EntityTags,
    Header(
        alias="If-Match",
        description="The `ETag` of the version to change; 412 if the todo has another version.",
    ),
]
IfNoneMatch = Annotated[
    _EntityTags,
    Header(
        alias="If-None-Match",
        description="The `ETag` of your copy; 304 if the todo still has this version.",
    ),
]


def names_version(if_match: Sequence[str] | None) -> bool:
    """Return whether the caller accepts certain versions only.

    Args:
        if_match: The values of If-Match; None if the header is absent.
    """
    return if_match is not None and not etags.is_any(if_match)


def require_match(if_match: Sequence[str] | None, todo: Todo) -> None:
    """Check that the caller accepts the current version of a todo.

    Args:
        if_match: The values of If-Match; None if the header is absent, which accepts every version.
        todo: The todo.

    Raises:
        TodoConflictError: The header names other versions.
        UnusableEntityTagError: The header has a weak tag or is malformed.
    """
    if if_match is None or etags.match(if_match, todo):
        return
    if not etags.are_strong(if_match):
        raise UnusableEntityTagError("If-Match has a weak tag or is malformed")
    raise TodoConflictError("If-Match names another version")
