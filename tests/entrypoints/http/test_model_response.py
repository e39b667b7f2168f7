"""An answer is a model's JSON, and nothing else's."""

from dataclasses import dataclass

import pytest
from pydantic import BaseModel

from backend.entrypoints.http.model_response import ModelResponse


class Shown(BaseModel):
    """What may be seen."""

    name: str


@dataclass
class Kept:
    """What has more than may be seen."""

    name: str
    secret: str

    extra: str = "e"


def test_a_model_is_written_down() -> None:
    answer = ModelResponse(Shown(name="Zoë"), 201, {"ETag": '"1"'})
    assert (answer.status_code, answer.body) == (201, '{"name":"Zoë"}'.encode())
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["ETag"] == '"1"'


@pytest.mark.parametrize(
    "content", [Kept("x", "hunter2"), {"secret": "hunter2"}, ["hunter2"], "hunter2", None]
)
def test_nothing_but_a_model_is(content: object) -> None:
    with pytest.raises(AttributeError):
        ModelResponse(content)
