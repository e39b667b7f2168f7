"""`documented` describes every error status for OpenAPI, in standard words or the author's."""

import pytest

from backend.entrypoints.http.openapi.error_responses import documented


@pytest.mark.parametrize("status", range(400, 600))
def test_every_status_of_an_error_can_be_documented(status: int) -> None:
    (description,) = documented(status).values()
    assert description["description"].endswith(".")
    assert list(description["content"]) == ["application/problem+json"]


@pytest.mark.parametrize(
    ("status", "description"), [(409, "Conflict."), (418, "I'm a Teapot."), (499, "Client Error.")]
)
def test_the_default_description_is_the_reason_phrase(status: int, description: str) -> None:
    assert documented(status)[status]["description"] == description


def test_a_description_may_be_the_authors() -> None:
    responses = documented(401, {409: "The note is locked.", 410: "The note is gone."}, 503)
    assert list(responses) == [401, 409, 410, 503]
    assert responses[409]["description"] == "The note is locked."
    assert responses[409]["content"] == responses[401]["content"]


@pytest.mark.parametrize("status", [0, 200, 304, 399, 600])
def test_only_errors_can_be_documented(status: int) -> None:
    with pytest.raises(ValueError, match="use 400 to 599"):
        documented(status)
    with pytest.raises(ValueError, match="use 400 to 599"):
        documented({status: "words"})
