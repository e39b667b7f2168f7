"""Request lines and headers that may be expensive."""

import base64
import json
import time
from collections.abc import Iterator

from backend.testing.session_cookies import compact_cookie, jwe_cookie, session_data
from benchmarks.cost.requests import FILL, NAMES, PLAIN, Input, request
from benchmarks.harness.tokens import ORIGIN, SECRET, make_tokens, tamper

COOKIE = "better-auth.session_data"


def queries(token: str) -> Iterator[Input]:
    cases = {
        "15 000 names": "&".join(NAMES[:15_000]),
        "one name 15 000 times": "a=1&" * (FILL // 4),
        "64 long values": "&".join(f"{name}={'x' * 900}" for name in NAMES[:64]),
        "64 unknown names of 900 bytes": "&".join(f"{name * 300}=" for name in NAMES[:64]),
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


def paths(token: str) -> Iterator[Input]:
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


def headers(token: str, todo: str) -> Iterator[Input]:
    for name, target, headers in [
        ("7 000 names", PLAIN, [f"{name}: 1" for name in NAMES[:7_000]]),
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
        "Content-Type with 14 000 parameters": ["Content-Type: application/json" + ";a=b" * 14_000],
        "Content-Type of slashes": ["Content-Type: " + "/" * FILL],
    }.items():
        data = request("POST /api/todos", *headers, token=token, body=b'{"title": ""}')
        yield Input(group="header", name=name, data=(data,))


def credentials(token: str) -> Iterator[Input]:
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
        "header with 500 members": [_encoded(json.dumps(dict.fromkeys(NAMES[:500]))) + ".e30.A"],
        "header with a long number": [_encoded('{"alg":' + "9" * 5_000 + "}") + ".e30.AA"],
    }.items():
        data = tuple(request(PLAIN, token=text) for text in tokens)
        yield Input(group="credentials", name=name, data=data)
    header = [f"Authorization: Bearer {token[:20]}"] * 1_000
    yield Input(group="credentials", name="1 000 headers", data=(request(PLAIN, *header),))


def cookies() -> Iterator[Input]:
    secret = SECRET.encode()
    now = time.time()
    end = now + 3_600
    long = session_data(now=now, user={"image": "data:," + "a" * 20_000})
    for target in (PLAIN, "GET /health/live"):
        for name, value in {
            "10 000 cookies": "abc=1;" * (FILL // 6),
            "30 000 semicolons": "; " * (FILL // 2),
            "quoted backslashes": 'a="' + "\\" * FILL + '"',
            "quoted octal escapes": 'a="' + "\\054" * (FILL // 4) + '"',
            "session of 60 000 letters": f"{COOKIE}=" + "a" * FILL,
            "session of 60 000 dots": f"{COOKIE}=" + "." * FILL,
            "session percent-encoded": f"{COOKIE}=" + "%7B" * (FILL // 3),
            "session in 100 chunks": "; ".join(f"{COOKIE}.{i}=" + "a" * 500 for i in range(100)),
            "session in 900 chunks of one number": ";".join([f"{COOKIE}.1000=x"] * 900),
        }.items():
            for cookies in ("compact", "jwe", "jwt"):
                data = request(target, f"Cookie: {value}")
                if cookies == "compact" or ("session" in name and target == PLAIN):
                    label = f"{target}: {name} ({cookies})"
                    yield Input(group="cookie", name=label, data=(data,), cookies=cookies)
    for cookies, text in {
        "compact": compact_cookie(long, end=end, secret=secret),
        "jwe": jwe_cookie(long, start=now, end=end, secret=secret),
    }.items():
        data = request(PLAIN, f"Cookie: {COOKIE}={text}")
        name = f"a long session ({cookies})"
        yield Input(group="cookie", name=name, data=(data,), cookies=cookies)


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
