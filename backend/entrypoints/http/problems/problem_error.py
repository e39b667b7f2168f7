"""An error with which a route answers with its own problem."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import HTTPException
from fastapi.encoders import jsonable_encoder

from backend.entrypoints.http.problems.problem_details import Problem, require_error_status

_MEMBERS: Final = frozenset({"type", "title", "status", "code", "detail", "request_id"})


class ProblemError(HTTPException):
    """A problem (RFC 9457) that a route answers with.

        raise ProblemError(409, "note_locked", "Ada edits this note.", extensions={"by": "ada"})

    The error is an `HTTPException`, so code that handles an `HTTPException` handles this error too.

    Args:
        status: The status code, from 400 to 599.
        code: A stable name of the error, for programs.
        detail: A description of the error, for people.
        type: The URI of the kind of problem, for example the address of a page about it.
        title: The name of that kind; by default the reason phrase of the status code.
        headers: Headers of the response. They replace the default headers of problems.
        extensions: Further members of the body, as values that FastAPI can encode.

    Attributes:
        problem: The problem to answer with.

    Raises:
        ValueError: The status is not from 400 to 599, or an extension has the name of a member
            that every problem has.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        type: str = "about:blank",  # noqa: A002 - the name of the member in RFC 9457
        title: str | None = None,
        headers: Mapping[str, str] | None = None,
        extensions: Mapping[str, Any] | None = None,
    ) -> None:
        require_error_status(status)
        extensions = extensions or {}
        if reserved := sorted(_MEMBERS & extensions.keys()):
            raise ValueError(f"extensions cannot replace members of every problem: {reserved}")
        super().__init__(status, detail, headers)
        self.problem = Problem(
            status=status,
            code=code,
            detail=detail,
            type=type,
            title=title,
            headers=headers or {},
            extensions=jsonable_encoder(extensions),
        )
