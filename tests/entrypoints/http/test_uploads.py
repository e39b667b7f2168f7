"""Forms and files work with python-multipart. Without the package, the error has a remedy."""

import asyncio
import subprocess
import sys
from typing import Annotated

import pytest
from fastapi import FastAPI, File, Form, UploadFile

from backend.entrypoints.http.body_limit import MAX_BODY_BYTES, BodyLimit
from backend.entrypoints.http.problems.handlers import install
from tests.entrypoints.http.asgi_client import RawResponse, send_request

WITHOUT_MULTIPART = """
import sys
sys.modules["python_multipart"] = sys.modules["multipart"] = None
from fastapi import UploadFile
from backend.entrypoints.http.app import create_app
from fastapi import APIRouter
router = APIRouter()
@router.post("/api/files")
async def upload(file: UploadFile) -> None: ...
"""


def test_the_error_names_the_package_if_multipart_is_missing() -> None:
    command = [sys.executable, "-c", WITHOUT_MULTIPART]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert 'RuntimeError: Form data requires "python-multipart"' in result.stderr
    assert "pip install python-multipart" in result.stderr


@pytest.fixture
def app() -> FastAPI:
    """Return an app that takes files and forms."""
    app = FastAPI()
    install(app)
    app.router.middleware_stack = BodyLimit(app.router.middleware_stack)

    @app.post("/files", max_body_size=10 * MAX_BODY_BYTES)
    async def files(file: UploadFile, title: Annotated[str, Form()]) -> tuple[str, int]:
        return title, len(await file.read())

    @app.post("/small")
    async def small(file: Annotated[bytes, File()]) -> int:
        return len(file)

    return app


def upload(app: FastAPI, path: str, size: int, *, chunked: bool = False) -> RawResponse:
    """Upload a file of a size in bytes."""
    body = (
        b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nNote\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
        + b"x" * size
        + b"\r\n--b--\r\n"
    )
    headers = [(b"content-type", b"multipart/form-data; boundary=b")]
    if not chunked:
        headers.append((b"content-length", str(len(body)).encode()))
    return asyncio.run(send_request(app, path, method="POST", headers=headers, body=[body]))


def test_a_file_and_a_form_field_are_received(app: FastAPI) -> None:
    response = upload(app, "/files", 5 * MAX_BODY_BYTES)
    assert (response.status, response.json()) == (200, ["Note", 5 * MAX_BODY_BYTES])
    assert upload(app, "/small", 10).json() == 10


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("path", "limit"), [("/files", 10), ("/small", 1)])
def test_a_file_above_the_limit_of_its_route_gives_413(
    app: FastAPI, path: str, limit: int, *, chunked: bool
) -> None:
    response = upload(app, path, limit * MAX_BODY_BYTES, chunked=chunked)
    assert (response.status, response.json()["code"]) == (413, "content_too_large")


def test_a_form_that_cannot_be_parsed_gives_400(app: FastAPI) -> None:
    headers = [(b"content-type", b"multipart/form-data")]
    response = asyncio.run(
        send_request(app, "/files", method="POST", headers=headers, body=[b"--b\r\nX"])
    )
    assert (response.status, response.json()["code"]) == (400, "bad_request")
    assert response.json()["detail"] == "Missing boundary in multipart."
