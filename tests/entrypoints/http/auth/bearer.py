"""Requests with a bearer token, for the tests of authentication."""

from fastapi import FastAPI

from tests.entrypoints.http.asgi_client import RawResponse, send_request

ADA = (b"authorization", b"Bearer ada")
MALLORY = (b"authorization", b"Bearer mallory")
JSON = (b"content-type", b"application/json")


async def send(app: FastAPI, *headers: tuple[bytes, bytes], path: str = "/api/me") -> RawResponse:
    return await send_request(app, path, headers=headers)


def assert_unauthorized(response: RawResponse, code: str) -> None:
    assert response.status == 401
    assert response.json()["code"] == code
    assert (response.header("www-authenticate") or "").startswith('Bearer realm="')
