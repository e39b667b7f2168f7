"""The code of docs/errors.md does what the page says."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException

from backend.entrypoints.http.problems.handlers import install
from tests.documents import text_of
from tests.entrypoints.http.asgi_client import RawResponse, send_request

PAGE = text_of(Path("docs/errors.md"))


def block(language: str, containing: str) -> str:
    """Return the only code block of the page that contains a text."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    (found,) = [code for code in blocks if containing in code]
    return str(found)


def put_note(router: Any) -> tuple[FastAPI, RawResponse]:
    """Return an app with a router, and its response to a change of a note."""
    app = FastAPI()
    install(app)
    app.include_router(router)
    return app, asyncio.run(send_request(app, "/api/notes/1", method="PUT"))


def test_the_custom_problem_is_answered_as_shown() -> None:
    names: dict[str, Any] = {}
    exec(block("python", "ProblemError"), names)  # noqa: S102 - the code of our page
    app, response = put_note(names["router"])
    assert response.status == 409
    shown = json.loads(block("json", "note_locked"))
    assert {**response.json(), "request_id": shown["request_id"]} == shown
    operation = app.openapi()["paths"]["/api/notes/{note_id}"]["put"]
    assert operation["responses"]["409"]["description"] == "The note is locked."
    assert set(operation["responses"]) >= {"404", "409"}


@pytest.mark.parametrize(
    ("status", "detail"),
    [(404, "No such note."), (429, "Too many notes."), (409, {"locked_by": "ada"})],
)
def test_http_exceptions_are_answered_as_shown(status: int, detail: Any) -> None:
    code = block("python", f"raise HTTPException({status}")
    (line,) = [line for line in code.splitlines() if f"({status}" in line]
    with pytest.raises(HTTPException) as raised:
        exec(line, {"HTTPException": HTTPException})  # noqa: S102 - the code of our page
    assert (raised.value.status_code, raised.value.detail) == (status, detail)
