"""The query parameters of a list of todos."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, Self

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend.domain.todo import TITLE_MAX_LENGTH, Priority
from backend.domain.todo_list import PAGE_MAX_LENGTH, TodoQuery, TodoSort
from backend.entrypoints.http.problems.errors import InvalidParameterError
from backend.entrypoints.http.todos.representations import TEXT_PATTERN, Timestamp

CURSOR_MAX_LENGTH: Final = 4096


class ListParameters(BaseModel):
    """Which todos to list."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(
        default=20,
        ge=1,
        le=PAGE_MAX_LENGTH,
        description="The maximum number of todos on a page. A page of long todos has fewer.",
    )
    cursor: str | None = Field(
        default=None,
        max_length=CURSOR_MAX_LENGTH,
        description="The `next_cursor` of the previous page. Keep the sort order and the filters.",
    )
    sort: TodoSort = Field(
        default=TodoSort.CREATED_AT_DESC, description="The sort order; a minus means descending."
    )
    completed: bool | None = Field(
        default=None, description="Only completed todos (`true`) or only open todos (`false`)."
    )
    priority: Priority | None = Field(default=None, description="Only todos with this priority.")
    due_before: Timestamp | None = Field(
        default=None, description="Only todos that are due before this time."
    )
    q: str | None = Field(
        default=None,
        min_length=1,
        max_length=TITLE_MAX_LENGTH,
        description="Only todos whose title or description contains this text, in any case and any "
        "Unicode normal form.",
        json_schema_extra={"pattern": TEXT_PATTERN},
    )

    @classmethod
    def from_request(cls, request: Request) -> Self:
        """Parse the query string of a request.

        FastAPI can do this, but it inspects the type of every field on every request, which is a
        third of the cost of a list.

        Raises:
            InvalidParameterError: A parameter was sent more than once.
            RequestValidationError: A parameter is invalid or unknown.
        """
        pairs = request.query_params.multi_items()
        values = dict(pairs)
        if len(values) < len(pairs):
            counts = Counter(name for name, _ in pairs)
            repeated = next(name for name, count in counts.items() if count > 1)
            raise InvalidParameterError(repeated[:TITLE_MAX_LENGTH], "must be sent only once")
        try:
            return cls.model_validate(values)
        except ValidationError as failure:
            errors = [{**error, "loc": ("query", *error["loc"])} for error in failure.errors()]
            raise RequestValidationError(errors) from None

    def to_query(self) -> TodoQuery:
        """Return the query for the repository, without the cursor.

        Raises:
            InvalidTodoQueryError: A filter breaks a rule of the domain.
        """
        return TodoQuery(**self.model_dump(exclude={"cursor"}))


def openapi_parameters() -> list[dict[str, Any]]:
    """Describe the query parameters for OpenAPI."""
    schema = ListParameters.model_json_schema()
    definitions = schema["$defs"]
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": field["description"],
            "schema": inline_references(field, definitions),
        }
        for name, field in schema["properties"].items()
    ]


def inline_references(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """Replace each `$ref` in a JSON schema with the definition that it points to."""
    if isinstance(schema, list):
        return [inline_references(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    members = {
        name: inline_references(value, definitions)
        for name, value in schema.items()
        if name != "$ref"
    }
    if "$ref" not in schema:
        return members
    definition = definitions[schema["$ref"].removeprefix("#/$defs/")]
    return {**inline_references(definition, definitions), **members}
