"""The schema of a problem in the OpenAPI document."""

from pydantic import BaseModel, Field


class FieldProblem(BaseModel):
    """An invalid part of a request."""

    field: str = Field(description="The member, parameter or header.", examples=["title"])
    detail: str = Field(description="What is wrong with it.")


class ProblemDetails(BaseModel):
    """A problem (RFC 9457)."""

    type: str = Field(
        description="A URI for the kind of problem. `about:blank`: only `code` names the error."
    )
    title: str = Field(description="The reason phrase of the status code, or of the kind.")
    status: int = Field(description="The status code.")
    code: str = Field(description="A stable name of the error, for programs.")
    detail: str = Field(description="What went wrong, for people.")
    request_id: str = Field(description="The id of this request in the server's log.")
    errors: list[FieldProblem] = Field(
        default_factory=list, description="With 422: the invalid parts of the request."
    )
