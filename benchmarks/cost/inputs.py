"""Requests of every kind, among them requests that are likely to cost the most for each byte."""

import base64
import itertools
import json
import string
import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.harness.tokens import ORIGIN, SECRET, make_tokens, tamper
from tests.adapters.auth.cookies import compact_cookie, iso, jwe_cookie, session_data

COOKIE = "better-auth.session_data"
FILL = 60_000  # bytes: the server accepts 64 KiB of request line and headers, and 64 KiB of body
SHORT_TODO = b'{"title": "Buy milk", "description": "two litres", "priority": "high"}'
LONG_TODO = b'{"title": "x", "description": "' + b"x" * 10_000 + b'"}'
UNKNOWN_ID = "01a1fb5f-f08e-7f5e-9cb6-2719083547c9"
PLAIN = "GET /api/me"

_NAMES = ["".join(pair) for pair in itertools.product(string.ascii_letters, repeat=3)]
_MARKS = "\u0315\u0300"  # combining marks in the wrong order


@dataclass(frozen=True, kw_only=True)
class Input:
    """One kind of request.

    Attributes:
        data: The bytes of the requests, which are sent in turn.
        cookies: The format of session cookies that the server accepts.
    """

    group: str
    name: str
    data: tuple[bytes, ...]
    cookies: str = "compact"


@dataclass(frozen=True, kw_only=True)
class Users:
    """The tokens of three users, and one todo.

    Attributes:
        reader: Has 100 short todos.
        writer: Creates and changes todos.
        hoarder: Has 100 todos of the longest description.
        todo_id: The id of a todo of the writer.
    """

    reader: str
    writer: str
    hoarder: str
    todo_id: str


def all_inputs(users: Users) -> list[Input]:
    todo = f"/api/todos/{users.todo_id}"
    return [
        *_plain(users, todo),
        *_queries(users.reader),
        *_paths(users.reader),
        *_headers(users.writer, todo),
        *_credentials(users.reader),
        *_cookies(),
        *_bodies(users.writer, todo),
        *_chunks(users.writer),
        *_answers(users.hoarder),
    ]


def request(
    target: str, *headers: str, token: str | None = None, body: bytes | None = None
) -> bytes:
    """Return the bytes of a request.

    Args:
        target: The method and the path.
        headers: Further header lines.
        token: The bearer token.
        body: The body, with its `Content-Length`.
    """
    lines = [f"{target} HTTP/1.1", "Accept: application/json"]
    if not any(header.startswith("Host:") for header in headers):
        lines.append("Host: 127.0.0.1")
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
        if not any(header.startswith("Content-Type:") for header in headers):
            lines.append("Content-Type: application/json")
    return "\r\n".join([*lines, *headers, "", ""]).encode("latin-1") + (body or b"")


def _plain(users: Users, todo: str) -> Iterator[Input]:
    reader, writer = users.reader, users.writer
    for name, data in {
        PLAIN: request(PLAIN, token=reader),
        "GET /api/todos": request("GET /api/todos", token=reader),
        "GET /api/todos?limit=100": request("GET /api/todos?limit=100", token=reader),
        "GET /api/todos/{id}": request(f"GET {todo}", token=writer),
        "GET /api/todos/{id}, unknown": request(f"GET /api/todos/{UNKNOWN_ID}", token=reader),
        "POST /api/todos": request("POST /api/todos", token=writer, body=SHORT_TODO),
        "PATCH /api/todos/{id}": request(f"PATCH {todo}", token=writer, body=SHORT_TODO),
        "DELETE /api/todos/{id}, unknown": request(f"DELETE /api/todos/{UNKNOWN_ID}", token=writer),
        "PUT /api/todos": request("PUT /api/todos", token=reader),
        "GET /api/me, no token": request(PLAIN),
        "GET /health/live": request("GET /health/live"),
        "GET /health/ready": request("GET /health/ready"),
        "GET /metrics": request("GET /metrics"),
        "GET /openapi.json": request("GET /openapi.json"),
        "GET /docs": request("GET /docs"),
        "GET /none": request("GET /none"),
    }.items():
        yield Input(group="plain", name=name, data=(data,))


def _queries(token: str) -> Iterator[Input]:
    cases = {
        "15 000 names": "&".join(_NAMES[:15_000]),
        "one name 20 000 times": "a=1&" * (FILL // 4),
        "64 long values": "&".join(f"{name}={'x' * 900}" for name in _NAMES[:64]),
        "64 unknown names of 900 bytes": "&".join(f"{name * 300}=" for name in _NAMES[:64]),
        "60 000 ampersands": "&" * FILL,
        "q percent-encoded": "q=" + "%C3%A9" * (FILL // 6),
        "q of 200 combining marks": "q=" + "%CC%95%CC%80" * 100,
        "q of pluses": "q=" + "+" * FILL,
        "limit of 60 000 digits": "limit=" + "9" * FILL,
        "due_before of 60 000 digits": "due_before=2026-01-01T00:00:00." + "9" * FILL,
        "cursor of 4 096 letters": "cursor=" + "A" * 4096,
        "cursor of 60 000 letters": "cursor=" + "A" * FILL,
    }
    for name, query in cases.items():
        data = request(f"GET /api/todos?{query}", token=token)
        yield Input(group="query", name=f"/api/todos: {name}", data=(data,))
    for path in ("/api/me", "/health/live", "/none"):
        for name in ("15 000 names", "q percent-encoded"):
            data = request(f"GET {path}?{cases[name]}", token=token)
            yield Input(group="query", name=f"{path}: {name}", data=(data,))


def _paths(token: str) -> Iterator[Input]:
    for name, target in {
        "id of 60 000 letters": "GET /api/todos/" + "a" * FILL,
        "id percent-encoded": "GET /api/todos/" + "%e9" * (FILL // 3),
        "60 000 slashes": "GET " + "/" * FILL,
        "20 000 encoded slashes": "GET /api/todos/" + "%2F" * (FILL // 3),
        "dots": "GET /api" + "/.." * (FILL // 3),
        "405 with a long id": "PUT /api/todos/" + "a" * FILL,
        "unknown method": "PROPFIND /api/todos/" + "a" * FILL,
    }.items():
        yield Input(group="path", name=name, data=(request(target, token=token),))


def _headers(token: str, todo: str) -> Iterator[Input]:
    for name, target, headers in [
        ("9 000 names", PLAIN, [f"{name}: 1" for name in _NAMES[:7_000]]),
        ("one name 12 000 times", PLAIN, ["a:"] * 12_000),
        ("a value of 60 000 bytes", PLAIN, ["X-Long: " + "x" * FILL]),
        ("If-None-Match: 15 000 tags", f"GET {todo}", ['If-None-Match: "1"' + ',"1"' * 15_000]),
        ("If-None-Match: commas", f"GET {todo}", ['If-None-Match: "1"' + ", " * (FILL // 2) + "x"]),
        ("If-None-Match 3 000 times", f"GET {todo}", ['If-None-Match: "1"'] * 3_000),
        ("If-Match: spaces", f"DELETE {todo}", ['If-Match: "0"' + ' ,"0" ' * (FILL // 6)]),
        ("If-Match without quotes", f"DELETE {todo}", ["If-Match: " + "0, " * (FILL // 3)]),
        ("X-Request-ID 4 000 times", PLAIN, ["X-Request-ID: a"] * 4_000),
        ("X-Request-ID of 60 000 letters", PLAIN, ["X-Request-ID: " + "a" * FILL]),
        ("Host of 60 000 letters", PLAIN, ["Host: " + "a." * (FILL // 2)]),
        ("Host 4 000 times", PLAIN, ["Host: 127.0.0.1"] * 4_000),
        ("Origin of 60 000 letters", PLAIN, ["Origin: https://" + "a" * FILL]),
        ("X-Forwarded-For", PLAIN, ["X-Forwarded-For: " + "192.0.2.1," * (FILL // 10)]),
        ("Forwarded", PLAIN, ["Forwarded: " + "for=192.0.2.1;" * (FILL // 14)]),
        ("traceparent of 60 000 digits", PLAIN, ["traceparent: 00-" + "0" * FILL]),
        ("Range", PLAIN, ["Range: bytes=" + "0-1," * (FILL // 4)]),
        (
            "preflight with 15 000 headers",
            "OPTIONS /api/todos",
            [
                f"Origin: {ORIGIN}",
                "Access-Control-Request-Method: POST",
                "Access-Control-Request-Headers: " + "abc," * (FILL // 4),
            ],
        ),
    ]:
        yield Input(group="header", name=name, data=(request(target, *headers, token=token),))
    for name, headers in {
        "Idempotency-Key of 60 000 letters": ["Idempotency-Key: " + "a" * FILL],
        "Idempotency-Key 3 000 times": ["Idempotency-Key: a"] * 3_000,
        "Content-Type with 12 000 parameters": ["Content-Type: application/json" + ";a=b" * 14_000],
        "Content-Type of slashes": ["Content-Type: " + "/" * FILL],
    }.items():
        data = request("POST /api/todos", *headers, token=token, body=b'{"title": ""}')
        yield Input(group="header", name=name, data=(data,))


def _credentials(token: str) -> Iterator[Input]:
    picture = "data:image/png;base64," + "iVBORw0KGgo" * 500
    fresh = make_tokens("HS256", 200, image=picture)
    for name, tokens in {
        "200 new tokens with a picture": fresh,
        "bad signatures": [tamper(text) for text in fresh],
        "60 000 letters": ["a" * FILL],
        "60 000 dots": ["." * FILL],
        "20 000 letters, dot, letters": ["a" * 20_000 + "." + "b" * 20_000 + "." + "c" * 20_000],
        "equals signs": ["a" + "=" * FILL],
        "odd characters": ["\xe9" * FILL],
        "spaces": [" " * FILL + "a"],
        "header of nested arrays": [_encoded("[" * 5_000) + ".e30.AA"],
        "header with 1 000 members": [_encoded(json.dumps(dict.fromkeys(_NAMES[:500]))) + ".e30.A"],
        "header with a long number": [_encoded('{"alg":' + "9" * 5_000 + "}") + ".e30.AA"],
    }.items():
        data = tuple(request(PLAIN, token=text) for text in tokens)
        yield Input(group="credentials", name=name, data=data)
    header = [f"Authorization: Bearer {token[:20]}"] * 1_000
    yield Input(group="credentials", name="1 000 headers", data=(request(PLAIN, *header),))


def _cookies() -> Iterator[Input]:
    secret = SECRET.encode()
    end = time.time() + 3_600
    user, session = {"image": "data:," + "a" * 20_000}, {"expiresAt": iso(end)}
    long = session_data(user=user, session=session)
    for target in (PLAIN, "GET /health/live"):
        for name, value in {
            "12 000 cookies": "abc=1;" * (FILL // 6),
            "30 000 semicolons": "; " * (FILL // 2),
            "quoted backslashes": 'a="' + "\\" * FILL + '"',
            "quoted octal escapes": 'a="' + "\\054" * (FILL // 4) + '"',
            "session of 60 000 letters": f"{COOKIE}=" + "a" * FILL,
            "session of 60 000 dots": f"{COOKIE}=" + "." * FILL,
            "session percent-encoded": f"{COOKIE}=" + "%7B" * (FILL // 3),
            "session in 100 chunks": "; ".join(f"{COOKIE}.{i}=" + "a" * 500 for i in range(100)),
            "session twice in 1 000": ";".join([f"{COOKIE}.1000=x"] * 900),
        }.items():
            for cookies in ("compact", "jwe", "jwt"):
                data = request(target, f"Cookie: {value}")
                if cookies == "compact" or ("session" in name and target == PLAIN):
                    label = f"{target}: {name} ({cookies})"
                    yield Input(group="cookie", name=label, data=(data,), cookies=cookies)
    for cookies, text in {
        "compact": compact_cookie(long, end=end, secret=secret),
        "jwe": jwe_cookie(long, end=end, secret=secret),
    }.items():
        data = request(PLAIN, f"Cookie: {COOKIE}={text}")
        name = f"a long session ({cookies})"
        yield Input(group="cookie", name=name, data=(data,), cookies=cookies)


def _bodies(token: str, todo: str) -> Iterator[Input]:
    for name, text in {
        "6 000 unknown members": json.dumps(dict.fromkeys(_NAMES[:6_000], 1)),
        "12 000 members of one name": "{" + '"a":0,' * 10_000 + '"a":0}',
        "nested arrays": "[" * FILL,
        "900 nested arrays as title": '{"title":' + "[" * 900 + "]" * 900 + "}",
        "nested objects": '{"a":' * (FILL // 5),
        "12 000 objects": "[" + "{}," * (FILL // 3) + "{}]",
        "30 000 numbers as title": '{"title":[' + "1," * (FILL // 2) + "1]}",
        "number of 60 000 digits": '{"title":' + "9" * FILL + "}",
        "13 numbers of 4 300 digits": "[" + ",".join(["9" * 4_300] * 13) + "]",
        "numbers with exponents": "[" + "1e300," * (FILL // 6) + "1]",
        "title of 60 000 letters": json.dumps({"title": "x" * FILL}),
        "title of 60 000 spaces": json.dumps({"title": " " * FILL}),
        "title of escapes": '{"title":"' + "\\u00e9" * (FILL // 6) + '"}',
        "title of surrogates": '{"title":"' + "\\ud800" * (FILL // 6) + '"}',
        "due_at of 60 000 digits": '{"title":"x","due_at":"2026-01-01T00:00:00.'
        + "9" * FILL
        + '"}',
        "due_at as a long number": '{"title":"x","due_at":' + "9" * 4_000 + "}",
        "description of 10 000 letters": json.dumps({"title": "x", "description": "x" * 10_000}),
        "description of emoji": '{"title":"x","description":"' + "\U0001f600" * 10_000 + '"}',
        "description of combining marks": '{"title":"x","description":"' + _MARKS * 5_000 + '"}',
        "description of capital sharp s": '{"title":"x","description":"' + "\u1e9e" * 10_000 + '"}',
        "description of Hangul": '{"title":"x","description":"' + "\ud55c" * 10_000 + '"}',
        "60 000 line breaks": "\n" * FILL + "x",
        "an open string": '{"title":"' + "x" * FILL,
        "not JSON": "x" * FILL,
        "NUL": "\0" * FILL,
    }.items():
        body = text.encode("utf-8", "surrogatepass")
        for target in ("POST /api/todos", f"PATCH {todo}"):
            label = f"{target.partition(' ')[0]}: {name}"
            data = request(target, token=token, body=body)
            yield Input(group="body", name=label, data=(data,))
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        data = request(
            "POST /api/todos", f"Content-Type: {content_type}", token=token, body=b"a=1&" * 15_000
        )
        yield Input(group="body", name=f"POST: {content_type}", data=(data,))


def _chunks(token: str) -> Iterator[Input]:
    head = request(
        "POST /api/todos",
        "Transfer-Encoding: chunked",
        "Content-Type: application/json",
        token=token,
    )
    text = json.dumps({"title": "x" * (FILL - 20)}).encode()
    for size in (1, 16, 1024):
        parts = (text[start : start + size] for start in range(0, len(text), size))
        body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        yield Input(group="chunks", name=f"chunks of {size} bytes", data=(head + body,))
    body = b"1;" + b"x" * FILL + b"\r\na\r\n0\r\n\r\n"
    yield Input(group="chunks", name="a long chunk extension", data=(head + body,))
    body = b"1\r\na\r\n0\r\n" + b"a: b\r\n" * (FILL // 6) + b"\r\n"
    yield Input(group="chunks", name="10 000 trailers", data=(head + body,))
    body = b"0" * FILL + b"1\r\na\r\n0\r\n\r\n"
    yield Input(group="chunks", name="a chunk size of 60 000 zeros", data=(head + body,))


def _answers(token: str) -> Iterator[Input]:
    for name, query in {
        "20 long todos": "",
        "100 long todos": "?limit=100",
        "search in 100 long todos": "?limit=100&q=" + "y" * 100,
    }.items():
        data = request(f"GET /api/todos{query}", token=token)
        yield Input(group="answer", name=name, data=(data,))


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
