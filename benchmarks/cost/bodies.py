"""Bodies that may be expensive, whole and in chunks."""

import json
from collections.abc import Iterator

from benchmarks.cost.requests import FILL, NAMES, Input, request

_MARKS = "\u0315\u0300"  # combining marks in the wrong order


def bodies(token: str, todo: str) -> Iterator[Input]:
    for name, text in {
        "6 000 unknown members": json.dumps(dict.fromkeys(NAMES[:6_000], 1)),
        "10 000 members of one name": "{" + '"a":0,' * 10_000 + '"a":0}',
        "nested arrays": "[" * FILL,
        "900 nested arrays as title": '{"title":' + "[" * 900 + "]" * 900 + "}",
        "nested objects": '{"a":' * (FILL // 5),
        "20 000 objects": "[" + "{}," * (FILL // 3) + "{}]",
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


def chunks(token: str) -> Iterator[Input]:
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
