"""ModelResponse sends the JSON of a Pydantic model, and nothing else."""

from dataclasses import dataclass

import pytest
from pydantic import BaseModel

from backend.entrypoints.http.model_response import ModelResponse


class Public(BaseModel):
    """What callers may see."""

    name: str


@dataclass
class Stored:
    """Has more fields than callers may see."""

    name: str
    secret: str

    extra: str = "e"


def test_a_model_is_serialised_as_json() -> None:
    response = ModelResponse(Public(name="Zoë"), 201, {"ETag": '"1"'})
    assert (response.status_code, response.body) == (201, '{"name":"Zoë"}'.encode())
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["ETag"] == '"1"'


@pytest.mark.parametrize(
    "content", [Stored("x", "hunter2"), {"secret": "hunter2"}, ["hunter2"], "hunter2", None]
)
def test_other_content_is_an_error(content: object) -> None:
    with pytest.raises(AttributeError):
        ModelResponse(content)
