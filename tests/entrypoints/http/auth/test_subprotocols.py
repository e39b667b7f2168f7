"""The token of a WebSocket may be a subprotocol, which the app does not see."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Scope

from backend.domain.auth import MalformedAuthorizationError
from backend.entrypoints.http.auth.credentials import read_bearer_token
from backend.entrypoints.http.auth.subprotocols import move_bearer_token


def handshake(*subprotocols: str, authorization: bytes | None = None) -> Scope:
    """Return the scope of a handshake that offers some subprotocols."""
    headers = [(b"sec-websocket-protocol", ", ".join(subprotocols).encode("latin-1"))]
    if authorization is not None:
        headers.append((b"authorization", authorization))
    return {"type": "websocket", "subprotocols": list(subprotocols), "headers": headers}


@pytest.mark.parametrize(
    ("offered", "left"),
    [
        (("bearer", "a.b-c_d"), ()),
        (("chat", "bearer", "a.b-c_d"), ("chat",)),
        (("bearer", "a.b-c_d", "chat", "v2.chat"), ("chat", "v2.chat")),
    ],
)
def test_the_token_after_bearer_becomes_a_header(
    offered: tuple[str, ...], left: tuple[str, ...]
) -> None:
    scope = handshake(*offered)
    assert move_bearer_token(scope)
    assert read_bearer_token(scope["headers"]) == "a.b-c_d"
    assert scope["subprotocols"] == list(left)
    protocols = [value for name, value in scope["headers"] if name == b"sec-websocket-protocol"]
    assert protocols == ([", ".join(left).encode()] if left else [])


@pytest.mark.parametrize("offered", [(), ("chat",), ("Bearer", "a.b.c"), ("bearer.a.b.c",)])
def test_other_subprotocols_stay(offered: tuple[str, ...]) -> None:
    scope = handshake(*offered)
    before = {**scope, "subprotocols": [*offered], "headers": [*scope["headers"]]}
    assert not move_bearer_token(scope)
    assert scope == before


def test_a_scope_without_subprotocols_stays() -> None:
    scope: Scope = {"type": "websocket", "headers": []}
    assert not move_bearer_token(scope)
    assert scope == {"type": "websocket", "headers": []}


@pytest.mark.parametrize(
    "offered",
    [
        ("bearer",),
        ("bearer", ""),
        ("chat", "bearer"),
        ("bearer", "a/b"),
        ("bearer", "a=="),
        ("bearer", "a b"),
        ("bearer", "ä"),
        ("bearer", "a,b"),
        ("bearer", "a", "bearer", "b"),
        ("bearer", "bearer", "a"),
        ("bearer", "bearer"),
    ],
)
def test_a_malformed_offer_is_a_malformed_header(offered: tuple[str, ...]) -> None:
    scope = handshake(*offered)
    assert move_bearer_token(scope)
    assert "bearer" not in scope["subprotocols"]
    with pytest.raises(MalformedAuthorizationError):
        read_bearer_token(scope["headers"])


@pytest.mark.parametrize("authorization", [b"Bearer a", b"Basic a", b""])
def test_a_header_and_a_subprotocol_are_malformed(authorization: bytes) -> None:
    scope = handshake("bearer", "a", authorization=authorization)
    move_bearer_token(scope)
    with pytest.raises(MalformedAuthorizationError):
        read_bearer_token(scope["headers"])


@given(st.lists(st.sampled_from(["bearer", "a.b", "chat", "ä", "a/b", ""]), max_size=5))
def test_any_offer_is_parsed_and_the_token_is_removed(offered: list[str]) -> None:
    scope = handshake(*offered)
    moved = move_bearer_token(scope)
    assert moved == ("bearer" in offered)
    assert "bearer" not in scope["subprotocols"]
    if moved:
        with contextlib.suppress(MalformedAuthorizationError):
            assert read_bearer_token(scope["headers"]) == offered[offered.index("bearer") + 1]
