"""Session cookies are read strictly, and only trusted pages can change data with them."""

import logging
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from httpx2 import Client
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.auth import (
    ExpiredTokenError,
    InactiveTokenError,
    MalformedAuthorizationError,
    VerifierUnavailableError,
)
from backend.entrypoints.http import CurrentPrincipal, ProtectedRoute
from backend.entrypoints.http.auth.session_cookies import (
    ForbiddenOriginError,
    MalformedCookieError,
    SessionCookies,
)
from backend.testing.fakes import FakeTokenVerifier
from tests.entrypoints.http.asgi_client import Headers, RawResponse, send_request
from tests.entrypoints.http.conftest import ADA, BOB, MakeApp, MakeClient

NAME = "better-auth.session_data"
SECURE = f"__Secure-{NAME}"
PAGE = "https://app.example.com"
BEARER = (b"authorization", b"Bearer ada")
JSON = (b"content-type", b"application/json")
ORIGIN = (b"origin", PAGE.encode())
SAFE = ("GET", "HEAD", "OPTIONS")


@pytest.fixture
def sessions() -> FakeTokenVerifier:
    """Return a verifier that knows the session cookies of two users."""
    return FakeTokenVerifier({"ada-session": ADA, "bob-session": BOB})


@pytest.fixture
def cookie_app(make_app: MakeApp, sessions: FakeTokenVerifier) -> FastAPI:
    """Return an app that accepts session cookies and trusts a single origin."""
    return make_app(auth_cookie="compact", cors_origins=PAGE, parts={"session_verifier": sessions})


async def send(
    app: FastAPI, *cookies: str, path: str = "/api/me", headers: Headers = (), **options: Any
) -> RawResponse:
    cookie_headers = [(b"cookie", cookie.encode("latin-1")) for cookie in cookies]
    return await send_request(app, path, headers=[*headers, *cookie_headers], **options)


async def user_or_error(app: FastAPI, *cookies: str, headers: Headers = ()) -> str:
    """Return the user's id, or the code of the problem."""
    response = await send(app, *cookies, headers=headers)
    body = response.json()
    return str(body["user_id"] if response.status == 200 else body["code"])


@pytest.mark.anyio
@pytest.mark.parametrize(
    "cookies",
    [
        [f"{NAME}=ada-session"],
        [f"__Secure-{NAME}=ada-session"],
        [f"a=b; {NAME}=ada-session; c=d"],
        [f"a=b;{NAME}=ada-session;"],
        [f" \t{NAME} = ada-session \t; "],
        ["a=b", f"{NAME}=ada-session"],
        [f"{NAME}.0=ada-; {NAME}.1=session"],
        [f"{NAME}.1=session; {NAME}.0=ada-"],
        [f"{NAME}.1=session", f"{NAME}.0=ada-"],
        ["; ".join([f"{NAME}.{number}=" for number in range(3)] + [f"{NAME}.0=ada-session"])],
        [f"__Secure-{NAME}.0=ada-; __Secure-{NAME}.1=session"],
        [f"__Secure-{NAME}=ada-session; {NAME}=bob-session"],
        [f"{NAME}=bob-session; __Secure-{NAME}=ada-session"],
        [f"{NAME}=; __Secure-{NAME}=ada-session"],
        [f"__Secure-{NAME}=; {NAME}=ada-session"],
        [f"{NAME}=ada-session; {NAME}2=b; x{NAME}=b; {NAME}.x=b; {NAME}.01=b; {NAME}.100=b"],
        [f"{NAME}=ada-session; {NAME.upper()}=bob-session"],
        [f"{NAME}=ada-session; {NAME}.0=bob-; {NAME}.1=session"],
        [f"__Secure-{NAME}.0=ada-session; {NAME}=bob-session"],
        ["=; ; =x; novalue; \xff\xfe=\x00", f"{NAME}=ada-session"],
    ],
)
async def test_the_session_cookie_is_found(cookie_app: FastAPI, cookies: list[str]) -> None:
    assert await user_or_error(cookie_app, *cookies) == "ada"


@pytest.mark.anyio
async def test_chunks_are_joined_in_numeric_order(
    cookie_app: FastAPI, sessions: FakeTokenVerifier
) -> None:
    chunks = [f"<{number}>" for number in range(12)]
    sent = sorted(f"{NAME}.{number}={chunk}" for number, chunk in enumerate(chunks))
    sessions.known["".join(chunks)] = ADA
    assert await user_or_error(cookie_app, "; ".join(sent)) == "ada"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "cookies",
    [
        [f"{NAME}.0=ada-; {NAME}.2=session"],
        [f"{NAME}.1=ada-session"],
        [f"{NAME}.0=ada-; {NAME}.1=; {NAME}.2=session"],
        [f"{NAME}.0=ada-; {NAME}.01=x; {NAME}.2=session"],
        [f"{SECURE}.1=session; {NAME}.1=ada-session"],
        ["; ".join(f"{NAME}={number}" for number in range(5))],
        [f"{NAME}=ada-session"] * 5,
        [f"{SECURE}=1; {SECURE}=2; {NAME}=3; {NAME}=4; {NAME}.0=ada-session"],
        ["; ".join(f"{NAME}.0={number}" for number in range(5))],
        ["; ".join([f"{NAME}.0=x"] * 300 + [f"{NAME}.1=x"] * 200 + [f"{NAME}.2=x"] * 100)],
    ],
)
async def test_incomplete_or_too_many_cookies_are_rejected_before_verification(
    cookie_app: FastAPI, sessions: FakeTokenVerifier, cookies: list[str]
) -> None:
    response = await send(cookie_app, *cookies)
    problem = response.json()
    assert (response.status, problem["code"]) == (401, "malformed_authorization")
    assert "cookie" in problem["detail"]
    assert "Authorization" not in problem["detail"]
    assert sessions.asked == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    "cookies",
    [
        [f"{NAME}=stale; {NAME}=ada-session"],  # of the host, and of its domain
        [f"{NAME}=ada-session; {NAME}=stale"],
        [f"{NAME}=stale", f"{NAME}=ada-session"],
        [f"{NAME}=ada-session; {NAME}=ada-session"],
        [f"{NAME}=ada-session; {NAME}=bob-session"],
        [f"{NAME}=1; {NAME}=2; {NAME}=3; {NAME}=ada-session"],
        [f"{SECURE}=stale; {NAME}=ada-session"],
        [f"{NAME}=stale; {NAME}.0=ada-; {NAME}.1=session"],
        [f"{NAME}.0=sta; {NAME}.1=le; {NAME}=ada-session"],
        [f"{NAME}.0=sta; {NAME}.1=le; {NAME}.0=ada-; {NAME}.1=session"],
        [f"{NAME}.0=sta; {NAME}.0=ada-; {NAME}.1=le; {NAME}.1=session"],
        [f"{NAME}.0=ada-; {NAME}.0=sta; {NAME}.1=session; {NAME}.1=le"],
        [f"{NAME}.0=ada-; {NAME}.0=st; {NAME}.1=session; {NAME}.1=a; {NAME}.2=le"],
        [f"{NAME}.0=st; {NAME}.0=ada-; {NAME}.1=a; {NAME}.1=session; {NAME}.2=le"],
        [f"{NAME}.0=sta; {NAME}.0=ada; {NAME}.1=le; {NAME}.1=-sess; {NAME}.2=ion"],
        [f"{NAME}.0=ada; {NAME}.0=sta; {NAME}.1=-sess; {NAME}.1=le; {NAME}.2=ion"],
        [f"{NAME}.0=ada-session; {NAME}.0=sta; {NAME}.1=le"],
        [f"{SECURE}.1=session; {NAME}=ada-session"],
    ],
)
async def test_the_first_valid_cookie_of_several_counts(
    cookie_app: FastAPI, cookies: list[str]
) -> None:
    assert await user_or_error(cookie_app, *cookies) == "ada"


@pytest.mark.anyio
async def test_several_bad_cookies_get_the_most_helpful_answer(
    cookie_app: FastAPI, sessions: FakeTokenVerifier
) -> None:
    sessions.known |= {
        "expired": ExpiredTokenError("the session has ended"),
        "banned": InactiveTokenError("the user is banned"),
        "outage": VerifierUnavailableError("the issuer is down"),
    }
    cases = {
        ("bad", "expired", "bad"): "token_expired",
        ("banned", "bad"): "invalid_token",
        ("expired", "outage", "bad"): "verifier_unavailable",
        ("outage", "expired"): "verifier_unavailable",
        ("outage", "ada-session"): "ada",
        ("expired", "ada-session"): "ada",
    }
    for values, expected in cases.items():
        cookies = "; ".join(f"{NAME}={value}" for value in values)
        assert await user_or_error(cookie_app, cookies) == expected, values


@pytest.mark.anyio
async def test_equal_cookies_are_verified_once(
    cookie_app: FastAPI, sessions: FakeTokenVerifier
) -> None:
    await send(cookie_app, f"{NAME}=x; {SECURE}=x; {NAME}.0=x")
    assert sessions.asked == ["x"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("url", "accepted", "refused"),
    [
        ("https://auth.example.com", SECURE, NAME),
        ("HTTPS://auth.example.com/api/auth", SECURE, NAME),
        ("http://localhost:3000", NAME, SECURE),
    ],
)
async def test_only_the_cookie_name_that_fits_the_url_is_accepted(
    make_app: MakeApp, sessions: FakeTokenVerifier, url: str, accepted: str, refused: str
) -> None:
    parts = {"session_verifier": sessions, "jwks_keys": None}
    app = make_app(auth_cookie="compact", better_auth_url=url, parts=parts)
    planted = f"{refused}=bob-session; {refused}.0=bob-session"
    assert await user_or_error(app, planted) == "missing_token"
    assert sessions.asked == []
    assert await user_or_error(app, f"{planted}; {accepted}=ada-session") == "ada"
    assert await user_or_error(app, f"{planted}; {accepted}=unknown") == "invalid_token"
    assert await user_or_error(app, f"{planted}; {accepted}.0=ada-; {accepted}.1=session") == "ada"
    assert app.openapi()["components"]["securitySchemes"]["SessionCookie"]["name"] == accepted


@pytest.mark.anyio
@pytest.mark.parametrize(
    "cookies",
    [
        [],
        [""],
        ["a=b"],
        [f"{NAME}="],
        [NAME],
        [f"{NAME}.0="],
        [f"{NAME}.00=ada-session"],
        [f"{NAME}2=ada-session"],
    ],
)
async def test_requests_without_a_session_cookie_can_use_a_bearer_token(
    cookie_app: FastAPI, cookies: list[str]
) -> None:
    assert await user_or_error(cookie_app, *cookies) == "missing_token"
    assert await user_or_error(cookie_app, *cookies, headers=[BEARER]) == "ada"


@pytest.mark.anyio
@pytest.mark.parametrize("cookie", ["bob-session", "unknown", ""])
async def test_a_bearer_token_beside_a_session_cookie_is_used(
    cookie_app: FastAPI, sessions: FakeTokenVerifier, cookie: str
) -> None:
    many = "; ".join([f"{NAME}={cookie}"] * 9 + [f"{NAME}.7=x"])
    for cookies in (f"{NAME}={cookie}", f"{NAME}.1={cookie}", many):
        assert await user_or_error(cookie_app, cookies, headers=[BEARER]) == "ada"
    unknown = (b"authorization", b"Bearer unknown")
    assert await user_or_error(cookie_app, f"{NAME}=ada-session", headers=[unknown]) == (
        "invalid_token"
    )
    assert sessions.asked == []


@pytest.mark.anyio
async def test_a_bearer_token_beside_a_session_cookie_needs_no_origin(cookie_app: FastAPI) -> None:
    options: dict[str, Any] = {"method": "POST", "path": "/api/todos", "body": [b'{"title": "x"}']}
    headers = [BEARER, JSON, (b"sec-fetch-site", b"cross-site")]
    response = await send(cookie_app, f"{NAME}=bob-session", headers=headers, **options)
    assert response.status == 201


@pytest.mark.anyio
@pytest.mark.parametrize("value", [b"Basic x", b"", b"Bearer", b"Bearer a b"])
async def test_a_cookie_beside_another_authorization_header_is_rejected(
    cookie_app: FastAPI, sessions: FakeTokenVerifier, value: bytes
) -> None:
    header = (b"authorization", value)
    response = await user_or_error(cookie_app, f"{NAME}=ada-session", headers=[header])
    assert response == "malformed_authorization"
    assert sessions.asked == []


@pytest.mark.anyio
async def test_the_header_of_the_credentials_chooses_the_verifier(
    cookie_app: FastAPI, verifier: FakeTokenVerifier, sessions: FakeTokenVerifier
) -> None:
    assert await user_or_error(cookie_app, f"{NAME}=ada") == "invalid_token"
    assert (
        await user_or_error(cookie_app, headers=[(b"authorization", b"Bearer ada-session")])
        == "invalid_token"
    )
    assert (sessions.asked, verifier.asked) == (["ada"], ["ada-session"])


@pytest.mark.anyio
async def test_an_expired_cookie_gets_the_same_401_as_an_expired_token(
    cookie_app: FastAPI, sessions: FakeTokenVerifier
) -> None:
    sessions.known["ada-session"] = ExpiredTokenError("the session has ended")
    response = await send(cookie_app, f"{NAME}=ada-session")
    assert (response.status, response.json()["code"]) == (401, "token_expired")
    assert (response.header("www-authenticate") or "").startswith('Bearer realm="api", error=')


@pytest.mark.anyio
async def test_cookies_are_ignored_unless_auth_cookie_is_set(make_app: MakeApp) -> None:
    app = make_app()
    assert await user_or_error(app, f"{NAME}=ada") == "missing_token"
    assert (
        await user_or_error(app, f"{NAME}=bob-session; {NAME}=ada-session", headers=[BEARER])
        == "ada"
    )


@pytest.mark.anyio
async def test_the_cookie_name_is_configurable(
    make_app: MakeApp, sessions: FakeTokenVerifier
) -> None:
    parts = {"session_verifier": sessions}
    app = make_app(auth_cookie="jwt", auth_cookie_name="mine.data", cors_origins=PAGE, parts=parts)
    assert await user_or_error(app, "mine.data=ada-session") == "ada"
    assert await user_or_error(app, "__Secure-mine.data=ada-session") == "ada"
    assert await user_or_error(app, f"{NAME}=ada-session; mineXdata=ada-session") == "missing_token"


# --- Changes and their origin -------------------------------------------------------------------


CHANGES = [
    ("POST", "/api/todos"),
    ("PATCH", "/api/todos/01a1fb5f-f08e-7f5e-9cb6-2719083547c9"),
    ("DELETE", "/api/todos/01a1fb5f-f08e-7f5e-9cb6-2719083547c9"),
]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "origins",
    [
        [],
        [b""],
        [b"null"],
        [b"https://evil.example"],
        [b"http://app.example.com"],
        [b"https://app.example.com:8443"],
        [b"https://app.example.com/"],
        [b"https://app.example.com:443"],
        [b"HTTPS://App.Example.Com"],
        [b"https://app.example.com "],
        [b"//app.example.com"],
        [b"app.example.com"],
        [b"*"],
        [b"https://app.example.com.evil.example"],
        [b"https://evil.app.example.com"],
        [b"\xff"],
        [PAGE.encode(), PAGE.encode()],
        [PAGE.encode(), b"https://evil.example"],
        [PAGE.encode() + b", https://evil.example"],
    ],
)
@pytest.mark.parametrize(("method", "path"), CHANGES)
async def test_untrusted_pages_cannot_change_data(
    cookie_app: FastAPI,
    sessions: FakeTokenVerifier,
    method: str,
    path: str,
    origins: list[bytes],
) -> None:
    headers = [JSON, *((b"origin", origin) for origin in origins)]
    response = await send(
        cookie_app, f"{NAME}=ada-session", method=method, path=path, headers=headers
    )
    assert (response.status, response.json()["code"]) == (403, "origin_not_allowed")
    assert response.header("content-type") == "application/problem+json"
    assert response.received == 0
    assert sessions.asked == []


@pytest.mark.anyio
async def test_trusted_pages_can_change_the_data_of_their_user(cookie_app: FastAPI) -> None:
    options: dict[str, Any] = {"method": "POST", "path": "/api/todos", "headers": [JSON, ORIGIN]}
    response = await send(cookie_app, f"{NAME}=ada-session", body=[b'{"title": "x"}'], **options)
    assert response.status == 201
    location = response.header("location") or ""
    assert (await send(cookie_app, f"{NAME}=bob-session", path=location)).status == 404
    for method, status in (("PATCH", 200), ("DELETE", 204)):
        options = {"method": method, "path": location, "headers": [JSON, ORIGIN], "body": [b"{}"]}
        assert (await send(cookie_app, f"{NAME}=ada-session", **options)).status == status


@pytest.mark.anyio
async def test_pages_of_the_better_auth_origin_are_trusted(
    make_app: MakeApp, sessions: FakeTokenVerifier
) -> None:
    app = make_app(
        auth_cookie="jwe",
        better_auth_url="https://Auth.example.com:443/api/auth",
        parts={"session_verifier": sessions, "jwks_keys": None},
    )
    for origin, status in ((b"https://auth.example.com", 201), (PAGE.encode(), 403)):
        options: dict[str, Any] = {
            "method": "POST",
            "path": "/api/todos",
            "body": [b'{"title": "x"}'],
        }
        response = await send(
            app, f"{SECURE}=ada-session", headers=[JSON, (b"origin", origin)], **options
        )
        assert response.status == status


@pytest.mark.anyio
async def test_reading_needs_no_trusted_origin(cookie_app: FastAPI) -> None:
    assert (
        await user_or_error(
            cookie_app, f"{NAME}=ada-session", headers=[(b"origin", b"https://evil.example")]
        )
        == "ada"
    )


FETCHES = {  # the headers of browsers: Sec-Fetch-Site, -Mode, -Dest
    "an image": ("cross-site", "no-cors", "image"),
    "a script": ("cross-site", "no-cors", "script"),
    "a fetch": ("cross-site", "cors", "empty"),
    "a frame": ("cross-site", "navigate", "iframe"),
    "an object": ("cross-site", "navigate", "object"),
    "a browser that says less": ("cross-site", "", ""),
}


def fetch_metadata(*values: str) -> list[tuple[bytes, bytes]]:
    names = (b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest")
    return [(name, value.encode()) for name, value in zip(names, values, strict=True) if value]


@pytest.mark.anyio
@pytest.mark.parametrize("fetch", FETCHES.values(), ids=FETCHES)
@pytest.mark.parametrize("origin", [None, b"null", b"https://evil.example"])
@pytest.mark.parametrize("path", ["/api/me", "/api/todos"])
async def test_pages_of_other_sites_cannot_read_with_a_cookie(
    cookie_app: FastAPI,
    sessions: FakeTokenVerifier,
    fetch: tuple[str, str, str],
    origin: bytes | None,
    path: str,
) -> None:
    headers = fetch_metadata(*fetch) + ([(b"origin", origin)] if origin else [])
    response = await send(cookie_app, f"{NAME}=ada-session", path=path, headers=headers)
    assert (response.status, response.json()["code"]) == (403, "origin_not_allowed")
    assert sessions.asked == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    "fetch",
    [
        ("cross-site", "navigate", "document"),  # a link
        ("same-site", "cors", "empty"),
        ("same-site", "no-cors", "image"),
        ("same-origin", "cors", "empty"),
        ("none", "navigate", "document"),
    ],
)
async def test_links_and_pages_of_the_same_site_can_read_with_a_cookie(
    cookie_app: FastAPI, fetch: tuple[str, str, str]
) -> None:
    headers = fetch_metadata(*fetch)
    assert await user_or_error(cookie_app, f"{NAME}=ada-session", headers=headers) == "ada"


@pytest.mark.anyio
async def test_only_a_get_counts_as_a_link(cookie_app: FastAPI) -> None:
    headers = fetch_metadata("cross-site", "navigate", "document")
    for method in ("POST", "DELETE", "HEAD"):
        with pytest.raises(ForbiddenOriginError):
            COOKIES.check_origin(method, headers)
    COOKIES.check_origin("GET", headers)


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_trusted_pages_of_other_sites_need_a_bearer_token(
    cookie_app: FastAPI, method: str
) -> None:
    headers = [ORIGIN, JSON, *fetch_metadata("cross-site", "cors", "empty")]
    response = await send(
        cookie_app, f"{NAME}=ada-session", path="/api/todos", method=method, headers=headers
    )
    assert (response.status, response.json()["code"]) == (403, "origin_not_allowed")


def test_the_error_of_cookies_shares_the_code_of_malformed_credentials() -> None:
    assert MalformedCookieError.code == MalformedAuthorizationError.code
    assert "cookie" in MalformedCookieError.detail


@pytest.mark.anyio
async def test_bearer_tokens_of_pages_of_other_sites_are_accepted(cookie_app: FastAPI) -> None:
    headers = [BEARER, *fetch_metadata("cross-site", "cors", "empty")]
    assert await user_or_error(cookie_app, headers=headers) == "ada"


@pytest.mark.anyio
async def test_bearer_tokens_need_no_origin(cookie_app: FastAPI) -> None:
    options: dict[str, Any] = {"method": "POST", "path": "/api/todos", "body": [b'{"title": "x"}']}
    assert (await send(cookie_app, headers=[BEARER, JSON], **options)).status == 201


def test_cors_allows_trusted_pages_to_send_cookies(
    cookie_app: FastAPI, make_client: MakeClient
) -> None:
    client: Client = make_client(cookie_app)
    preflight = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    response = client.options("/api/todos", headers=preflight)
    assert response.headers["Access-Control-Allow-Credentials"] == "true"
    assert response.headers["Access-Control-Allow-Origin"] == PAGE
    rejected = client.options("/api/todos", headers={**preflight, "Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in rejected.headers


def test_openapi_lists_the_session_cookie_beside_the_bearer_token(
    cookie_app: FastAPI, make_client: MakeClient
) -> None:
    client = make_client(cookie_app)
    documents = [client.get("/openapi.json").json() for _ in range(2)]
    assert documents[0] == documents[1]
    schemes = documents[0]["components"]["securitySchemes"]
    assert schemes["SessionCookie"] == {"type": "apiKey", "in": "cookie", "name": NAME}
    for path, operations in documents[0]["paths"].items():
        for operation in operations.values():
            names = [name for scheme in operation.get("security", []) for name in scheme]
            assert names == (["Bearer", "SessionCookie"] if path.startswith("/api/") else [])


def test_cors_allows_cookies_only_if_auth_cookie_is_set(
    make_app: MakeApp, make_client: MakeClient
) -> None:
    client = make_client(make_app(cors_origins=PAGE))
    preflight = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    for response in (
        client.options("/api/todos", headers=preflight),
        client.get("/", headers=preflight),
    ):
        assert response.headers["Access-Control-Allow-Origin"] in {PAGE, "*"}
        assert "Access-Control-Allow-Credentials" not in response.headers


def test_trusted_pages_can_read_a_401(cookie_app: FastAPI, make_client: MakeClient) -> None:
    client = make_client(cookie_app)
    response = client.get("/api/me", headers={"Origin": PAGE, "Cookie": f"{NAME}=unknown"})
    assert response.status_code == 401
    assert response.headers["Access-Control-Allow-Origin"] == PAGE
    assert response.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Origin" in response.headers["Vary"]


def test_openapi_lists_the_session_cookie_for_routes_added_later(cookie_app: FastAPI) -> None:
    before = len(cookie_app.openapi()["paths"])
    router = APIRouter(prefix="/api/test", route_class=ProtectedRoute)

    @router.get("")
    async def list_notes(principal: CurrentPrincipal) -> str:
        return principal.user_id

    cookie_app.include_router(router)
    for _ in range(2):
        document = cookie_app.openapi()
        assert len(document["paths"]) == before + 1
        security = document["paths"]["/api/test"]["get"]["security"]
        assert security == [{"Bearer": []}, {"SessionCookie": []}]


def test_openapi_lists_no_cookie_unless_auth_cookie_is_set(make_app: MakeApp) -> None:
    assert "SessionCookie" not in str(make_app(cors_origins=PAGE).openapi())


@pytest.mark.anyio
@pytest.mark.parametrize("strategy", ["compact", "jwt", "jwe"])
async def test_huge_and_unusual_cookies_are_rejected(make_app: MakeApp, strategy: str) -> None:
    app = make_app(auth_cookie=strategy, cors_origins=PAGE)
    chunks = "; ".join(f"{NAME}.{number}={'x' * 4000}" for number in range(100))
    for value in ("x" * 40_000, "\xe9", "\x00", "\xff\xfe", "a b", "%41", "...", "....", "=="):
        assert await user_or_error(app, f"{NAME}={value}") == "invalid_token"
    for cookies in (chunks, f"{NAME}={'x' * 1_000_000}"):
        assert await user_or_error(app, cookies) == "malformed_authorization"


@pytest.mark.anyio
async def test_cookies_are_never_logged(
    cookie_app: FastAPI, sessions: FakeTokenVerifier, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "never-to-be-logged"
    sent = [[f"{NAME}={secret}"], [f"{NAME}={secret}; {NAME}=x"], [f"{NAME}.1={secret}"]]
    options: dict[str, Any] = {"method": "POST", "path": "/api/todos"}
    responses = [await send(cookie_app, *cookies) for cookies in sent]
    responses.append(await send(cookie_app, *([f"{NAME}={secret}"] * 5)))
    responses.append(
        await send(cookie_app, *sent[0], headers=[(b"origin", secret.encode())], **options)
    )
    sessions.known[secret] = ADA
    responses.append(await send(cookie_app, *sent[0]))
    assert [response.status for response in responses] == [401, 401, 401, 401, 403, 200]
    assert len(caplog.records) >= 5
    for shown in [
        *map(repr, responses),
        *(f"{record.getMessage()} {record.args}" for record in caplog.records),
    ]:
        assert secret not in shown


@given(st.text(max_size=9).filter(lambda method: method not in SAFE))
def test_every_other_method_needs_a_trusted_origin(method: str) -> None:
    with pytest.raises(ForbiddenOriginError):
        COOKIES.check_origin(method, [])
    COOKIES.check_origin(method, [ORIGIN])


def test_safe_methods_need_no_origin() -> None:
    for method in SAFE:
        COOKIES.check_origin(method, [])
        with pytest.raises(ForbiddenOriginError):
            COOKIES.check_origin(method.lower(), [])


COOKIES = SessionCookies(
    names=[SECURE, NAME], verifier=FakeTokenVerifier(), origins=frozenset({PAGE})
)
PAIRS = st.tuples(
    st.sampled_from([NAME, f"__Secure-{NAME}", f"{NAME}.0", f"{NAME}.1", f"{NAME}.", "x"]),
    st.text(st.characters(max_codepoint=255), max_size=5),
).map("=".join)


@given(st.lists(PAIRS | st.text(st.characters(max_codepoint=255), max_size=9)))
def test_any_cookie_header_is_parsed_or_rejected(pairs: list[str]) -> None:
    try:
        found = COOKIES.find([(b"cookie", "; ".join(pairs).encode("latin-1"))])
    except MalformedAuthorizationError:
        return
    assert len(found) <= 4
    assert all(found)


@pytest.mark.anyio
async def test_more_than_64_kib_of_cookies_are_rejected(cookie_app: FastAPI) -> None:
    others = "x=" + "x" * 60_000
    assert await user_or_error(cookie_app, others, f"{NAME}=ada-session") == "ada"
    assert (
        await user_or_error(cookie_app, others, others, f"{NAME}=ada-session")
        == "malformed_authorization"
    )


@pytest.mark.anyio
async def test_more_than_1024_cookies_are_rejected(cookie_app: FastAPI) -> None:
    """Parsing takes time for each cookie, and anonymous callers can send thousands."""
    assert await user_or_error(cookie_app, "x=y; " * 1_023 + f"{NAME}=ada-session") == "ada"
    assert (
        await user_or_error(cookie_app, "x=y; " * 1_024 + f"{NAME}=ada-session")
        == "malformed_authorization"
    )
    assert (
        await user_or_error(cookie_app, *["x"] * 1_024, f"{NAME}=ada-session")
        == "malformed_authorization"
    )
    assert await user_or_error(cookie_app, ";" * 60_000) == "malformed_authorization"
