"""Requests that offer another protocol: the offer is ignored, and the body stays a body."""

from collections.abc import Iterator

import pytest

from tests.entrypoints.http.sockets import Server, request
from tests.entrypoints.server.apps import echo_app, receive_all

OFFERS = [
    (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"),
    (b"Connection: keep-alive, upgrade", b"UPGRADE: h2c"),
    (b"Upgrade: websocket", b"Connection: Upgrade"),
    (b"Upgrade: h2c", b"Upgrade: TLS/1.0", b"Connection: Upgrade"),
]
NEXT = request(b"GET /next", b"Connection: close")

# Headers that frame a body, and the bytes after the head.
FRAMINGS = [
    ((), b""),
    ((b"Content-Length: 0",), b""),
    ((b"Content-Length: 5",), b"hello"),
    ((b"Content-Length: %d" % len(NEXT),), NEXT),
    ((b"Content-Length: +5",), b"hello"),
    ((b"Content-Length: 5", b"Content-Length: 6"), b"hello"),
    ((b"Content-Length: 5, 5",), b"hello"),
    ((b"Transfer-Encoding: chunked",), b"5\r\nhello\r\n0\r\n\r\n"),
    ((b"Transfer-Encoding: chunked",), b"5;x=y\r\nhello\r\n0\r\nTrailer: x\r\n\r\n"),
    ((b"Transfer-Encoding: chunked",), b"%x\r\n%b\r\n0\r\n\r\n" % (len(NEXT), NEXT)),
    ((b"Transfer-Encoding: chunked",), b"zz\r\n"),
    ((b"Transfer-Encoding: gzip, chunked",), b"5\r\nhello\r\n0\r\n\r\n"),
    ((b"Transfer-Encoding: gzip",), b"hello"),
    ((b"Transfer-Encoding: xchunked",), b"5\r\nhello\r\n0\r\n\r\n"),
    ((b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"), b"hello"),
    ((b"Transfer-Encoding : chunked",), b"5\r\nhello\r\n0\r\n\r\n"),
    ((b"Transfer-Encoding: chunked", b"Content-Length: 5"), b"5\r\nhello\r\n0\r\n\r\n"),
    ((b"Expect: 100-continue", b"Content-Length: 5"), b"hello"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(echo_app()) as running:
        yield running


def responses(server: Server, *parts: bytes) -> list[bytes]:
    """Send bytes; return the status and the body of each response."""
    with server.connect() as connection:
        for part in parts:
            connection.sendall(part)
        received = receive_all(connection)
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        length = next(
            (
                int(line.split(b":")[1])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            ),
            0,
        )
        status = head.split()[1]
        # The problems of two requests differ in their ids only.
        found.append(status if status[:1] != b"2" else status + b" " + rest[:length])
        received = rest[length:]
    return found


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("method", [b"POST", b"GET"])
@pytest.mark.parametrize(("headers", "body"), FRAMINGS)
def test_an_offer_changes_neither_the_request_nor_what_follows(
    server: Server,
    offer: tuple[bytes, ...],
    method: bytes,
    headers: tuple[bytes, ...],
    body: bytes,
) -> None:
    plain = request(method + b" /echo?a=b", *headers) + body + NEXT
    offered = request(method + b" /echo?a=b", *headers, *offer) + body + NEXT
    expected = responses(server, plain)
    assert responses(server, offered) == expected
    assert expected != []


@pytest.mark.parametrize("offer", OFFERS)
def test_a_body_with_an_offer_is_read_and_the_next_request_is_answered(
    server: Server, offer: tuple[bytes, ...]
) -> None:
    offered = request(b"POST /echo", *offer, b"Content-Length: 5") + b"hello"
    assert responses(server, offered * 3 + NEXT) == [b"200 POST /echo hello"] * 3 + [
        b"200 GET /next "
    ]


@pytest.mark.parametrize("size", [1, 7])
def test_an_offer_in_many_pieces_is_ignored(server: Server, size: int) -> None:
    chunks = b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
    whole = request(b"POST /echo", *OFFERS[0], b"Transfer-Encoding: chunked") + chunks + NEXT
    pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
    assert responses(server, *pieces) == [b"200 POST /echo hello", b"200 GET /next "]


def test_a_body_larger_than_a_packet_is_read_behind_an_offer(server: Server) -> None:
    body = NEXT * 1_000  # below the limit of a body
    offered = request(b"POST /echo", *OFFERS[0], b"Content-Length: %d" % len(body))
    assert responses(server, offered + body + NEXT) == [
        b"200 POST /echo " + body,
        b"200 GET /next ",
    ]


@pytest.mark.parametrize("target", [b"example.com:443", b"/echo", b"*"])
def test_a_tunnel_is_refused(server: Server, target: bytes) -> None:
    tunnel = request(b"CONNECT " + target, b"Content-Length: %d" % len(NEXT))
    assert responses(server, tunnel + NEXT) == [b"400"]


@pytest.mark.parametrize(
    ("requests", "code"),
    [
        (request(b"GET /echo", *OFFERS[0]) * 20, b'"too_many_pipelined_requests"'),
        (
            request(b"GET /echo", *OFFERS[0]) + request(b"GET /", *[b"a: b"] * 200),
            b'"head_too_large"',
        ),
    ],
)
def test_a_refusal_behind_an_offer_names_its_reason(
    server: Server, requests: bytes, code: bytes
) -> None:
    with server.connect() as connection:
        connection.sendall(requests)
        assert code in receive_all(connection)
