"""JSON bodies are UTF-8 (RFC 8259, section 8.1)."""

import json

import pytest
from httpx2 import Client

from tests.entrypoints.http.todos.api import JSON_BODY, URL, add, path_of, titles

ENCODINGS = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-16"])
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_json_in_another_encoding_gets_400(
    ada: Client, method: str, encoding: str, content_type: str
) -> None:
    todo = add(ada)
    path = URL if method == "POST" else path_of(todo)
    body = json.dumps({"title": "x"}).encode(encoding)
    response = ada.request(method, path, content=body, headers={"Content-Type": content_type})
    assert (response.status_code, response.json()["code"]) == (400, "bad_request")
    assert titles(ada) == [todo["title"]]


@pytest.mark.parametrize("text", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"])
def test_invalid_utf_8_gets_400(ada: Client, text: bytes) -> None:
    response = ada.post(URL, content=b'{"title": "' + text + b'"}', headers=JSON_BODY)
    assert (response.status_code, response.json()["code"]) == (400, "bad_request")


def test_a_byte_order_mark_is_ignored(ada: Client) -> None:
    body = '{"title": "Äpfel"}'.encode("utf-8-sig")
    assert ada.post(URL, content=body, headers=JSON_BODY).status_code == 201
    assert titles(ada) == ["Äpfel"]


@pytest.mark.parametrize("body", [b"\x00", b"{\x00}", b"0\x00", b"\xef\xbb\xbf\xef\xbb\xbf{}"])
def test_bytes_that_are_not_json_get_an_error(ada: Client, body: bytes) -> None:
    assert ada.post(URL, content=body, headers=JSON_BODY).status_code in {400, 422}
