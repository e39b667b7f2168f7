"""Session tokens in a container: what is wired, which algorithms stay closed, and revocation."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest

from backend.adapters.auth.better_auth.bearer_tokens import BearerTokenVerifier
from backend.adapters.auth.cache import CachedTokenVerifier
from backend.adapters.persistence.memory import InMemoryDatabase, InMemoryRevocationStore
from backend.adapters.persistence.revocations import CachedRevocationCheck
from backend.container.http_client import make_http_client
from backend.container.inspection import InspectionContainer
from backend.container.mcp import mcp_settings
from backend.container.session_tokens import ask
from backend.domain.auth import (
    ExpiredTokenError,
    InvalidAlgorithmError,
    InvalidSignatureError,
    MalformedTokenError,
    VerifierUnavailableError,
)
from backend.domain.revocation import Revocation, RevocationKind, RevokedTokenError
from backend.settings import Settings
from backend.testing.encoding import iso
from tests.adapters.auth.cookies import OLD_SECRET
from tests.adapters.auth.key_server import answer, endless, key_server
from tests.adapters.auth.sessions import TEXT, session_answer, signed
from tests.adapters.auth.tokens import NOW, SECRET, secret_signer, token
from tests.container.key_server import SIGNERS, URL, KeyServer
from tests.container.outcomes import token_outcome

pytestmark = pytest.mark.anyio

ON = {
    "better_auth_url": URL,
    "better_auth_secret": SECRET.decode(),
    "auth_session_tokens": "get-session",
}


def response(status: int, content: bytes) -> httpx2.Response:
    """Return a response whose body can be read as a stream."""

    async def stream() -> AsyncIterator[bytes]:
        yield content

    return httpx2.Response(status, content=stream())


def refuse(_request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("connection refused")


class BetterAuth:
    """A transport for HTTP clients: a Better Auth that knows the session of `TEXT`.

    Attributes:
        session: Members of its session to change or add.
        status: The status code of the answers.
        requests: The requests, in order.
    """

    def __init__(self, **session: Any) -> None:
        self.session = session
        self.status = 200
        self.requests: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        is_known = request.headers["Authorization"] == f"Bearer {signed()}"
        content = session_answer(session=self.session) if is_known else b"null"
        return response(self.status, content)


def make_container(
    better_auth: Callable[[httpx2.Request], httpx2.Response], **values: Any
) -> InspectionContainer:
    """Make a container whose clock shows `NOW`, and whose entries of revocation are in memory."""
    store = InMemoryRevocationStore()
    settings = Settings.load(**{**ON, **values})
    check = CachedRevocationCheck(store, max_age=1, clock=lambda: NOW)
    return InspectionContainer(
        settings=settings,
        clock=lambda: NOW,
        http_client=httpx2.AsyncClient(transport=httpx2.MockTransport(KeyServer())),
        get_session_client=httpx2.AsyncClient(transport=httpx2.MockTransport(better_auth)),
        database=InMemoryDatabase(),
        revocation_store=store,
        revocation_check=check if settings.auth_revocation == "database" else None,
    )


async def test_without_the_setting_no_part_is_made() -> None:
    container = make_container(BetterAuth(), auth_session_tokens="off")
    assert container.session_token_verifier() is None
    assert container.session_token_explainer() is None
    assert await container.diagnose_session_tokens() == []
    assert container.issuer().get_session_url is None
    assert type(container.token_verifier()) is CachedTokenVerifier
    assert await token_outcome(container, signed()) is MalformedTokenError


@pytest.mark.parametrize("path", ["", "/", "/api/auth", "/auth/"])
async def test_better_auth_is_asked_once_with_the_token_at_its_base_path(path: str) -> None:
    better_auth = BetterAuth()
    container = make_container(better_auth, better_auth_url=f"{URL}{path}")
    for _ in range(3):
        assert await token_outcome(container, signed()) == "user-1"
    (request,) = better_auth.requests
    base = path.rstrip("/") or "/api/auth"
    assert (request.method, str(request.url)) == ("GET", f"{URL}{base}/get-session")
    assert request.headers["Authorization"] == f"Bearer {signed()}"
    assert "Cookie" not in request.headers


async def test_the_key_set_is_the_only_source_of_keys_for_jwts() -> None:
    better_auth = BetterAuth()
    container = make_container(better_auth)
    assert type(container.token_verifier()) is BearerTokenVerifier
    by_secret = token(secret_signer())
    keys = container.jwks_keys()
    assert keys is not None
    async with keys:
        for by in SIGNERS.values():
            assert await token_outcome(container, token(by)) == "user-1"
        assert await token_outcome(container, by_secret) is InvalidAlgorithmError
        state = container.token_cache_state()
        assert state is not None
        assert state.tokens > 0
    explanation = await container.token_explainer().explain(by_secret)
    remedies = [finding.remedy or "" for finding in explanation.findings]
    assert any("AUTH_SESSION_TOKENS" in remedy for remedy in remedies)
    assert better_auth.requests == []


async def test_the_mcp_server_accepts_neither_session_tokens_nor_hs256() -> None:
    settings = mcp_settings(Settings.load(**ON, mcp_url="https://mcp.example.com/mcp"))
    container = InspectionContainer(settings=settings, clock=lambda: NOW)
    assert container.session_token_verifier() is None
    assert await token_outcome(container, signed()) is MalformedTokenError
    assert await token_outcome(container, token(secret_signer())) is InvalidAlgorithmError


async def test_hs256_stays_open_where_the_operator_lists_it() -> None:
    container = make_container(BetterAuth(), auth_algorithms="EdDSA,HS256")
    assert await token_outcome(container, token(secret_signer())) == "user-1"


async def test_only_the_current_secret_signs_sessions() -> None:
    secrets = f"2:{SECRET.decode()},1:{OLD_SECRET.decode()}"
    container = make_container(BetterAuth(), better_auth_secret=None, better_auth_secrets=secrets)
    assert await token_outcome(container, signed()) == "user-1"
    assert await token_outcome(container, signed(secret=OLD_SECRET)) is InvalidSignatureError


async def test_the_claims_that_the_operator_chose_reach_the_principal() -> None:
    container = make_container(
        BetterAuth(activeOrganizationId="org-1"), auth_claims="plan,activeOrganizationId"
    )
    principal = await container.token_verifier().verify(signed())
    assert dict(principal.claims) == {"activeOrganizationId": "org-1"}


@pytest.mark.parametrize(
    ("kind", "value", "before", "expected"),
    [
        (RevocationKind.USER, "user-1", NOW, RevokedTokenError),
        (RevocationKind.USER, "user-1", NOW - 100, "user-1"),
        (RevocationKind.SESSION, "session-1", None, RevokedTokenError),
        (RevocationKind.SESSION, TEXT, None, "user-1"),
        (RevocationKind.TOKEN, "session-1", None, "user-1"),
    ],
)
async def test_a_revoked_session_is_refused_also_while_the_answer_is_kept(
    kind: RevocationKind, value: str, before: float | None, expected: object
) -> None:
    better_auth = BetterAuth(createdAt=iso(NOW - 60))
    container = make_container(better_auth, auth_revocation="database", auth_max_lifetime=900)
    entry = Revocation(kind=kind, value=value, issued_before=before, expires_at=NOW + 900)
    await container.revocation_store().add(entry, now=NOW)
    for _ in range(2):
        assert await token_outcome(container, signed()) == expected
    assert len(better_auth.requests) == 1


@pytest.mark.parametrize(
    ("age", "expected"), [(0, "user-1"), (900, "user-1"), (911, ExpiredTokenError)]
)
async def test_with_revocation_a_session_ends_after_the_maximum_lifetime(
    age: int, expected: object
) -> None:
    better_auth = BetterAuth(createdAt=iso(NOW - age))
    values = {"auth_revocation": "database", "auth_max_lifetime": 900}
    assert await token_outcome(make_container(better_auth, **values), signed()) == expected
    assert (
        await token_outcome(make_container(better_auth, auth_max_lifetime=900), signed())
        == "user-1"
    )


async def test_an_outage_is_not_an_error_of_the_token() -> None:
    better_auth = BetterAuth()
    better_auth.status = 502
    with pytest.raises(VerifierUnavailableError):
        await token_outcome(make_container(better_auth), signed())


async def test_cookies_of_an_answer_are_not_sent_with_the_next_question() -> None:
    behaviour = answer(b"null", headers={"Set-Cookie": "better-auth.session_data=ada; Path=/"})
    async with key_server(behaviour) as server, make_http_client(server.url) as client:
        for _ in range(2):
            assert await ask(client, server.url, signed()) == b"null"
        assert not client.cookies
        assert len(server.requests) == 2
        for request in server.requests:
            assert b"cookie" not in request.lower()
            assert f"\r\nAuthorization: Bearer {signed()}\r\n".encode() in request


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_the_token_does_not_follow_a_redirect(status: int) -> None:
    async with key_server(answer(b"{}")) as thief:
        redirect = answer(b"", status=status, headers={"Location": thief.url})
        async with key_server(redirect) as server, make_http_client(server.url) as client:
            container = make_container(
                BetterAuth(), better_auth_url=f"http://127.0.0.1:{server.port}"
            )
            container.get_session_client.override(client)
            with pytest.raises(VerifierUnavailableError, match=str(status)):
                await container.token_verifier().verify(signed())
        assert thief.requests == []


async def test_a_huge_answer_is_cut_off() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n"
    async with key_server(endless(head)) as server, make_http_client(server.url) as client:
        container = make_container(BetterAuth(), better_auth_url=f"http://127.0.0.1:{server.port}")
        container.get_session_client.override(client)
        with pytest.raises(VerifierUnavailableError, match="1000000 bytes"):
            await container.token_verifier().verify(signed())


async def test_explain_shows_every_check_of_a_session_token() -> None:
    explainer = make_container(BetterAuth()).session_token_explainer()
    assert explainer is not None
    explanation = await explainer.explain(signed())
    assert explanation.accepted
    assert explanation.credential == "session token"
    checks = [finding.check for finding in explanation.findings]
    assert checks == ["format", "signature", "session"]
    assert TEXT not in str(explanation)


@pytest.mark.parametrize(
    ("text", "check", "words"),
    [
        (TEXT, "format", "set-auth-token"),
        (signed().replace("=", "%3D").replace("+", "%2B"), "format", "decodeURIComponent"),
        (signed(secret=OLD_SECRET), "signature", "BETTER_AUTH_SECRET"),
        (f"{signed(secret=OLD_SECRET)[:-1]}%3D", "signature", "BETTER_AUTH_SECRET"),
        (f"{TEXT}.{'a' * 44}", "format", "set-auth-token"),
        (signed("a" * 32), "session", "Sign in again".lower()),
    ],
)
async def test_explain_names_the_usual_mistakes(text: str, check: str, words: str) -> None:
    explainer = make_container(BetterAuth()).session_token_explainer()
    assert explainer is not None
    assert explainer.recognizes(text)
    explanation = await explainer.explain(text)
    (finding,) = (finding for finding in explanation.findings if finding.failed)
    assert finding.check == check
    assert words in (finding.remedy or "").replace("Sign", "sign")
    assert text not in str(explanation)
    assert explanation.code == "invalid_token"


@pytest.mark.parametrize(
    ("better_auth", "code", "words"),
    [
        (lambda _: response(429, b""), "verifier_unavailable", "customRules"),
        (lambda _: response(502, b""), "verifier_unavailable", "own `get-session`"),
        (lambda _: response(200, b"{}"), "verifier_unavailable", "own `get-session`"),
        (refuse, "verifier_unavailable", "Start Better Auth"),
        (BetterAuth(userId="user-2"), "invalid_token", "database of Better Auth"),
        (BetterAuth(expiresAt=iso(NOW - 60)), "token_expired", "Sign in again"),
    ],
)
async def test_explain_has_a_remedy_for_every_answer(
    better_auth: Callable[[httpx2.Request], httpx2.Response], code: str, words: str
) -> None:
    explainer = make_container(better_auth).session_token_explainer()
    assert explainer is not None
    explanation = await explainer.explain(signed())
    assert explanation.code == code
    assert words in (explanation.findings[-1].remedy or "")
    assert TEXT not in str(explanation)


async def test_explain_recognizes_no_jwt_and_no_placeholder() -> None:
    explainer = make_container(BetterAuth()).session_token_explainer()
    assert explainer is not None
    for text in ("", "undefined", token(), "a b", "{", "a.b.c"):
        assert not explainer.recognizes(text)


@pytest.mark.parametrize(
    ("status", "words"),
    [(200, ""), (404, "base path"), (429, "customRules"), (502, "own `get-session`")],
)
async def test_doctor_asks_better_auth_without_a_token(status: int, words: str) -> None:
    def better_auth(request: httpx2.Request) -> httpx2.Response:
        assert "Authorization" not in request.headers
        return response(status, b"null")

    (finding,) = await make_container(better_auth).diagnose_session_tokens()
    assert finding.failed is (status != 200)
    assert words in (finding.remedy or "")


async def test_doctor_notices_an_answer_of_another_server() -> None:
    container = make_container(lambda _: response(200, b"<html>"))
    (finding,) = await container.diagnose_session_tokens()
    assert finding.failed
