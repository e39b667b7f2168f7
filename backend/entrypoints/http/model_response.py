"""A response whose body is a Pydantic model."""

from fastapi import Response
from pydantic import BaseModel


class ModelResponse(Response):
    """A Pydantic model as JSON. Any other content is an error, so no hidden field can leak.

    FastAPI would serialise the return value of an endpoint too, but it validates the model a second
    time first. The second validation takes a tenth of the time of `GET /api/me`.
    """

    media_type = "application/json"

    def render(self, content: BaseModel) -> bytes:
        """Serialise a model as JSON."""
        return content.__pydantic_serializer__.to_json(content)
