"""The spans of verifications."""

import time
from typing import Any

import httpx2
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, Tracer
from pydantic import SecretStr

from backend.adapters.tracing.verifier import TracedTokenVerifier
from backend.container.authentication import AuthContainer
from backend.domain.auth import AuthError, TokenVerifier, VerifierUnavailableError
from backend.domain.diagnosis import KeySetState
from backend.settings.authentication import AuthSettings
from backend.testing.fakes import FakeTokenVerifier, principal
from backend.testing.issuer import SECRET
from backend.testing.tokens import secret_token
from tests.adapters.auth.sessions import session_answer, signed
from tests.adapters.auth.tokens import ISSUER, NOW
from tests.adapters.tracing.conftest import RequestSpan

pytestmark = pytest.mark.anyio


def state(age: float | None) -> KeySetState:
    return KeySetState(kids=(), rejected=(), age=age, attempted=age, error=None, usable=True)


def traced(verifier: TokenVerifier, tracer: Tracer, **options: Any) -> TracedTokenVerifier:
    options = {"credential": "bearer", "key_set_state": None, "max_age": 300.0} | options
    return TracedTokenVerifier(verifier, tracer, **options)


def attributes_of(memory: InMemorySpanExporter) -> dict[str, Any]:
    span, *_ = memory.get_finished_spans()
    assert span.name == "verify token"
    assert span.events == ()
    return dict(span.attributes or {})


class Unavailable:
    async def verify(self, token: str, /) -> Any:
        raise VerifierUnavailableError("no keys")


async def test_only_the_second_verification_is_remembered(
    memory: InMemorySpanExporter, tracer: Tracer, request_span: RequestSpan
) -> None:
    settings = AuthSettings(better_auth_secret=SecretStr(SECRET))
    container = AuthContainer(settings=settings, tracer=tracer)
    verifier = container.token_verifier()
    token = secret_token(SECRET, sub="ada", exp=int(time.time()) + 60)
    for remembered in (False, True):
        memory.clear()
        with request_span():
            assert (await verifier.verify(token)).user_id == "ada"
        assert attributes_of(memory) == {
            "auth.credential": "bearer",
            "auth.remembered": remembered,
            "auth.outcome": "valid",
            "auth.algorithm": "HS256",
            "auth.key_source": "secret",
        }
    cache = container.token_cache_state()
    assert cache is not None
    assert (cache.hits, cache.misses) == (1, 1)


async def test_verifications_of_several_issuers_are_traced_and_remembered(
    memory: InMemorySpanExporter, tracer: Tracer, request_span: RequestSpan
) -> None:
    names = ("first", "second")
    entries = [
        {
            "name": name,
            "user_id_prefix": f"{name}:",
            "AUTH_ISSUER": name,
            "BETTER_AUTH_SECRET": f"{SECRET} {name}",
        }
        for name in names
    ]
    settings = AuthSettings.load(auth_trusted_issuers=entries)
    container = AuthContainer(settings=settings, tracer=tracer)
    verifier = container.token_verifier()
    for name in names:
        token = secret_token(f"{SECRET} {name}", sub="ada", iss=name)
        for remembered in (False, True):
            memory.clear()
            with request_span():
                assert (await verifier.verify(token)).user_id == f"{name}:ada"
            assert attributes_of(memory)["auth.remembered"] is remembered
    cache = container.token_cache_state()
    assert cache is not None
    assert (cache.hits, cache.misses) == (2, 2)


@pytest.mark.parametrize(("age", "source"), [(299.0, "fresh"), (301.0, "stale")])
async def test_the_span_says_whether_the_keys_are_fresh(
    memory: InMemorySpanExporter, tracer: Tracer, request_span: RequestSpan, age: float, source: str
) -> None:
    token = "eyJhbGciOiJFZERTQSIsImtpZCI6ImsxIn0.e30.signature"  # {"alg":"EdDSA","kid":"k1"}
    verifier = FakeTokenVerifier({token: principal()})
    with request_span():
        await traced(verifier, tracer, key_set_state=lambda: state(age)).verify(token)
    attributes = attributes_of(memory)
    assert attributes["auth.key_id"] == "k1"
    assert attributes["auth.key_source"] == source


async def test_an_invalid_token_is_not_an_error_of_the_server(
    memory: InMemorySpanExporter, tracer: Tracer, request_span: RequestSpan
) -> None:
    with request_span(), pytest.raises(AuthError):
        await traced(FakeTokenVerifier({}), tracer).verify("a.b.c")
    attributes = attributes_of(memory)
    assert attributes["auth.outcome"] == "invalid"
    assert attributes["auth.reason"]
    assert "auth.algorithm" not in attributes
    assert memory.get_finished_spans()[0].status.status_code is StatusCode.UNSET


async def test_an_outage_is_an_error(
    memory: InMemorySpanExporter, tracer: Tracer, request_span: RequestSpan
) -> None:
    with request_span(), pytest.raises(VerifierUnavailableError):
        await traced(Unavailable(), tracer).verify("a.b.c")
    attributes = attributes_of(memory)
    assert attributes["auth.outcome"] == "unavailable"
    assert attributes["error.type"] == "VerifierUnavailableError"
    assert memory.get_finished_spans()[0].status.status_code is StatusCode.ERROR


async def test_a_cookie_is_not_described(
    memory: InMemorySpanExporter, tracer: Tracer, request_span: RequestSpan
) -> None:
    cookie = "eyJhbGciOiJIUzI1NiJ9"  # a cookie in the compact format has data in its first segment
    verifier = traced(FakeTokenVerifier({cookie: principal()}), tracer, credential="cookie")
    with request_span():
        await verifier.verify(cookie)
    assert attributes_of(memory) == {
        "auth.credential": "cookie",
        "auth.remembered": True,
        "auth.outcome": "valid",
    }


async def test_only_the_first_verification_of_a_session_token_asks_better_auth(
    memory: InMemorySpanExporter, tracer: Tracer, request_span: RequestSpan
) -> None:
    def better_auth(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, stream=httpx2.ByteStream(session_answer()))

    settings = AuthSettings.load(
        better_auth_url=ISSUER,
        better_auth_secret=SECRET,
        auth_session_tokens="get-session",
    )
    client = httpx2.AsyncClient(transport=httpx2.MockTransport(better_auth))
    container = AuthContainer(
        settings=settings, tracer=tracer, get_session_client=client, clock=lambda: NOW
    )
    token = signed(secret=SECRET.encode())
    for names in (["GET /api/auth/get-session", "verify token"], ["verify token"]):
        memory.clear()
        with request_span():
            assert (await container.token_verifier().verify(token)).user_id == "user-1"
        *spans, _request = memory.get_finished_spans()
        assert [span.name for span in spans] == names
        assert spans[-1].attributes == {
            "auth.credential": "session_token",
            "auth.remembered": len(names) == 1,
            "auth.outcome": "valid",
        }
        assert token not in str([span.to_json() for span in spans])


async def test_nothing_is_recorded_outside_of_a_request(
    memory: InMemorySpanExporter, tracer: Tracer
) -> None:
    await traced(FakeTokenVerifier({"token": principal()}), tracer).verify("token")
    assert memory.get_finished_spans() == ()
