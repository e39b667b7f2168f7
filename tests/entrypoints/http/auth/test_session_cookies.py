"""Session cookies: read strictly, and good for changes from known pages only."""

import logging
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from httpx2 import Client
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.auth import ExpiredTokenError, MalformedAuthorizationError
from backend.entrypoints.http.auth.guards import CurrentPrincipal, ProtectedRoute
from backend.entrypoints.http.auth.session_cookies import ForbiddenOriginError, SessionCookies
from tests.entrypoints.http.conftest import ADA, BOB, MakeApp, MakeClient
from tests.entrypoints.http.exchange import Answer, exchange
from tests.fakes import FakeTokenVerifier

NAME = "better-auth.session_data"
PAGE = "https://app.example.com"
BEARER = (b"authorization", b"Bearer ada")
JSON = (b"content-type", b"application/json")
ORIGIN = (b"origin", PAGE.encode())
SAFE = ("GET", "HEAD", "OPTIONS")


@pytest.fixture
def sessions() -> FakeTokenVerifier:
    """Knows two sessions by their cookies, and no bearer token."""
    return FakeTokenVerifier({"hers": ADA, "his": BOB})


@pytest.fixture
def cookie_app(make_app: MakeApp, sessions: FakeTokenVerifier) -> FastAPI:
    """An app that accepts session cookies, and changes from one page."""
    return make_app(auth_cookie="compact", cors_origins=PAGE, parts={"session_verifier": sessions})


async def ask(app: FastAPI, *cookies: str, **said: Any) -> Answer:
    headers = [*said.pop("headers", ()), *((b"cookie", one.encode("latin-1")) for one in cookies)]
    return await exchange(app, said.pop("path", "/api/me"), headers=headers, **said)


async def user(app: FastAPI, *cookies: str, **said: Any) -> str:
    """Return who the cookies stand for, or how they are refused."""
    answer = await ask(app, *cookies, **said)
    body = answer.json()
    return str(body["user_id"] if answer.status == 200 else body["code"])


@pytest.mark.anyio
@pytest.mark.parametrize(
    "cookies",
    [
        [f"{NAME}=hers"],
        [f"__Secure-{NAME}=hers"],
        [f"a=b; {NAME}=hers; c=d"],
        [f"a=b;{NAME}=hers;"],
        [f" \t{NAME} = hers \t; "],
        ["a=b", f"{NAME}=hers"],
        [f"{NAME}.0=he; {NAME}.1=rs"],
        [f"{NAME}.1=rs; {NAME}.0=he"],
        [f"{NAME}.1=rs", f"{NAME}.0=he"],
        ["; ".join([f"{NAME}.{number}=" for number in range(3)] + [f"{NAME}.0=hers"])],
        [f"__Secure-{NAME}.0=he; __Secure-{NAME}.1=rs"],
        [f"__Secure-{NAME}=hers; {NAME}=his"],
        [f"{NAME}=his; __Secure-{NAME}=hers"],
        [f"{NAME}=; __Secure-{NAME}=hers"],
        [f"__Secure-{NAME}=; {NAME}=hers"],
        [f"{NAME}=hers; {NAME}2=his; x{NAME}=his; {NAME}.x=his; {NAME}.01=his; {NAME}.100=his"],
        [f"{NAME}=hers; {NAME.upper()}=his"],
        [f"{NAME}=hers; {NAME}.0=hi; {NAME}.1=s"],
        [f"__Secure-{NAME}.0=hers; {NAME}=his"],
        ["=; ; =x; novalue; \xff\xfe=\x00", f"{NAME}=hers"],
    ],
)
async def test_the_session_cookie_is_found(cookie_app: FastAPI, cookies: list[str]) -> None:
    assert await user(cookie_app, *cookies) == "ada"


@pytest.mark.anyio
async def test_ten_chunks_and_more_are_joined_by_their_numbers(
    cookie_app: FastAPI, sessions: FakeTokenVerifier
) -> None:
    pieces = [f"<{number}>" for number in range(12)]
    sent = sorted(f"{NAME}.{number}={piece}" for number, piece in enumerate(pieces))
    sessions.known["".join(pieces)] = ADA
    assert await user(cookie_app, "; ".join(sent)) == "ada"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "cookies",
    [
        [f"{NAME}=hers; {NAME}=hers"],
        [f"{NAME}=hers", f"{NAME}=his"],
        [f"__Secure-{NAME}=hers; __Secure-{NAME}=his"],
        [f"{NAME}.0=he; {NAME}.0=he; {NAME}.1=rs"],
        [f"{NAME}.0=he; {NAME}.2=rs"],
        [f"{NAME}.1=hers"],
        [f"{NAME}.0=he; {NAME}.1=; {NAME}.2=rs"],
        [f"{NAME}.0=he; {NAME}.01=x; {NAME}.2=rs"],
        [f"__Secure-{NAME}.1=rs; {NAME}=hers"],
    ],
)
async def test_an_ambiguous_cookie_is_refused_unverified(
    cookie_app: FastAPI, sessions: FakeTokenVerifier, cookies: list[str]
) -> None:
    assert await user(cookie_app, *cookies) == "malformed_authorization"
    assert sessions.asked == []


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
        [f"{NAME}.00=hers"],
        [f"{NAME}2=hers"],
    ],
)
async def test_no_session_cookie_is_no_credential(cookie_app: FastAPI, cookies: list[str]) -> None:
    assert await user(cookie_app, *cookies) == "missing_token"
    assert await user(cookie_app, *cookies, headers=[BEARER]) == "ada"


@pytest.mark.anyio
async def test_two_kinds_of_credentials_are_refused(cookie_app: FastAPI) -> None:
    for header in (BEARER, (b"authorization", b"Basic x"), (b"authorization", b"")):
        answer = await user(cookie_app, f"{NAME}=hers", headers=[header])
        assert answer == "malformed_authorization"


@pytest.mark.anyio
async def test_a_credentials_place_chooses_its_verifier(
    cookie_app: FastAPI, verifier: FakeTokenVerifier, sessions: FakeTokenVerifier
) -> None:
    assert await user(cookie_app, f"{NAME}=ada") == "invalid_token"
    assert await user(cookie_app, headers=[(b"authorization", b"Bearer hers")]) == "invalid_token"
    assert (sessions.asked, verifier.asked) == (["ada"], ["hers"])


@pytest.mark.anyio
async def test_a_bad_cookie_is_refused_as_a_bad_token_is(
    cookie_app: FastAPI, sessions: FakeTokenVerifier
) -> None:
    sessions.known["hers"] = ExpiredTokenError("the session has ended")
    answer = await ask(cookie_app, f"{NAME}=hers")
    assert (answer.status, answer.json()["code"]) == (401, "token_expired")
    assert (answer.header("www-authenticate") or "").startswith('Bearer realm="api", error=')


@pytest.mark.anyio
async def test_cookies_are_not_looked_at_unless_they_are_accepted(make_app: MakeApp) -> None:
    app = make_app()
    assert await user(app, f"{NAME}=ada") == "missing_token"
    assert await user(app, f"{NAME}=his; {NAME}=hers", headers=[BEARER]) == "ada"


@pytest.mark.anyio
async def test_the_cookie_may_have_another_name(
    make_app: MakeApp, sessions: FakeTokenVerifier
) -> None:
    parts = {"session_verifier": sessions}
    app = make_app(auth_cookie="jwt", auth_cookie_name="mine.data", cors_origins=PAGE, parts=parts)
    assert await user(app, "mine.data=hers") == "ada"
    assert await user(app, "__Secure-mine.data=hers") == "ada"
    assert await user(app, f"{NAME}=hers; mineXdata=hers") == "missing_token"


# --- Changes ------------------------------------------------------------------------------------


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
async def test_a_page_that_is_not_known_changes_nothing(
    cookie_app: FastAPI,
    sessions: FakeTokenVerifier,
    method: str,
    path: str,
    origins: list[bytes],
) -> None:
    headers = [JSON, *((b"origin", origin) for origin in origins)]
    answer = await ask(cookie_app, f"{NAME}=hers", method=method, path=path, headers=headers)
    assert (answer.status, answer.json()["code"]) == (403, "origin_not_allowed")
    assert answer.header("content-type") == "application/problem+json"
    assert answer.received == 0
    assert sessions.asked == []


@pytest.mark.anyio
async def test_a_known_page_changes_what_its_visitor_owns(cookie_app: FastAPI) -> None:
    said: dict[str, Any] = {"method": "POST", "path": "/api/todos", "headers": [JSON, ORIGIN]}
    answer = await ask(cookie_app, f"{NAME}=hers", body=[b'{"title": "x"}'], **said)
    assert answer.status == 201
    place = answer.header("location") or ""
    assert (await ask(cookie_app, f"{NAME}=his", path=place)).status == 404
    for method, status in (("PATCH", 200), ("DELETE", 204)):
        said = {"method": method, "path": place, "headers": [JSON, ORIGIN], "body": [b"{}"]}
        assert (await ask(cookie_app, f"{NAME}=hers", **said)).status == status


@pytest.mark.anyio
async def test_better_auths_own_pages_are_known(
    make_app: MakeApp, sessions: FakeTokenVerifier
) -> None:
    app = make_app(
        auth_cookie="jwe",
        better_auth_url="https://Auth.example.com:443/api/auth",
        parts={"session_verifier": sessions, "jwks_keys": None},
    )
    for origin, status in ((b"https://auth.example.com", 201), (PAGE.encode(), 403)):
        said: dict[str, Any] = {"method": "POST", "path": "/api/todos", "body": [b'{"title": "x"}']}
        answer = await ask(app, f"{NAME}=hers", headers=[JSON, (b"origin", origin)], **said)
        assert answer.status == status


@pytest.mark.anyio
async def test_reading_is_safe_from_anywhere(cookie_app: FastAPI) -> None:
    assert (
        await user(cookie_app, f"{NAME}=hers", headers=[(b"origin", b"https://evil.example")])
        == "ada"
    )


@pytest.mark.anyio
async def test_bearers_need_no_origin(cookie_app: FastAPI) -> None:
    said: dict[str, Any] = {"method": "POST", "path": "/api/todos", "body": [b'{"title": "x"}']}
    assert (await ask(cookie_app, headers=[BEARER, JSON], **said)).status == 201


def test_a_known_page_may_send_cookies(cookie_app: FastAPI, make_client: MakeClient) -> None:
    client: Client = make_client(cookie_app)
    asking = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    answer = client.options("/api/todos", headers=asking)
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    refused = client.options("/api/todos", headers={**asking, "Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in refused.headers


def test_the_document_says_that_a_cookie_does_as_well(
    cookie_app: FastAPI, make_client: MakeClient
) -> None:
    client = make_client(cookie_app)
    documents = [client.get("/openapi.json").json() for _ in range(2)]
    assert documents[0] == documents[1]
    schemes = documents[0]["components"]["securitySchemes"]
    assert schemes["SessionCookie"] == {"type": "apiKey", "in": "cookie", "name": NAME}
    for path, operations in documents[0]["paths"].items():
        for operation in operations.values():
            names = [name for one in operation.get("security", []) for name in one]
            assert names == (["Bearer", "SessionCookie"] if path.startswith("/api/") else [])


def test_cookies_come_from_pages_only_if_they_are_accepted(
    make_app: MakeApp, make_client: MakeClient
) -> None:
    client = make_client(make_app(cors_origins=PAGE))
    asking = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    for answer in (client.options("/api/todos", headers=asking), client.get("/", headers=asking)):
        assert answer.headers["Access-Control-Allow-Origin"] in {PAGE, "*"}
        assert "Access-Control-Allow-Credentials" not in answer.headers


def test_a_page_reads_the_refusal_of_its_visitors_cookie(
    cookie_app: FastAPI, make_client: MakeClient
) -> None:
    client = make_client(cookie_app)
    answer = client.get("/api/me", headers={"Origin": PAGE, "Cookie": f"{NAME}=nobodys"})
    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Origin" in answer.headers["Vary"]


def test_the_document_keeps_up_with_routes_that_are_added(cookie_app: FastAPI) -> None:
    before = len(cookie_app.openapi()["paths"])
    router = APIRouter(prefix="/api/of-this-test", route_class=ProtectedRoute)

    @router.get("")
    async def list_notes(principal: CurrentPrincipal) -> str:
        return principal.user_id

    cookie_app.include_router(router)
    for _ in range(2):
        document = cookie_app.openapi()
        assert len(document["paths"]) == before + 1
        said = document["paths"]["/api/of-this-test"]["get"]["security"]
        assert said == [{"Bearer": []}, {"SessionCookie": []}]


def test_the_document_names_no_cookie_where_none_is_accepted(make_app: MakeApp) -> None:
    assert "SessionCookie" not in str(make_app(cors_origins=PAGE).openapi())


@pytest.mark.anyio
@pytest.mark.parametrize("strategy", ["compact", "jwt", "jwe"])
async def test_no_cookie_is_too_large_or_too_odd_to_be_refused(
    make_app: MakeApp, strategy: str
) -> None:
    app = make_app(auth_cookie=strategy, cors_origins=PAGE)
    chunks = "; ".join(f"{NAME}.{number}={'x' * 4000}" for number in range(100))
    for value in ("x" * 40_000, "\xe9", "\x00", "\xff\xfe", "a b", "%41", "...", "....", "=="):
        assert await user(app, f"{NAME}={value}") == "invalid_token"
    for cookies in (chunks, f"{NAME}={'x' * 1_000_000}"):
        assert await user(app, cookies) == "malformed_authorization"


@pytest.mark.anyio
async def test_no_cookie_is_ever_logged(
    cookie_app: FastAPI, sessions: FakeTokenVerifier, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "never-to-be-told"
    sent = [[f"{NAME}={secret}"], [f"{NAME}={secret}; {NAME}={secret}"], [f"{NAME}.1={secret}"]]
    said: dict[str, Any] = {"method": "POST", "path": "/api/todos"}
    answers = [await ask(cookie_app, *cookies) for cookies in sent]
    answers.append(await ask(cookie_app, *sent[0], headers=[BEARER]))
    answers.append(await ask(cookie_app, *sent[0], headers=[(b"origin", secret.encode())], **said))
    sessions.known[secret] = ADA
    answers.append(await ask(cookie_app, *sent[0]))
    assert [answer.status for answer in answers] == [401, 401, 401, 401, 403, 200]
    assert len(caplog.records) >= 5
    for shown in [
        *map(repr, answers),
        *(f"{one.getMessage()} {one.args}" for one in caplog.records),
    ]:
        assert secret not in shown


@given(st.text(max_size=9).filter(lambda method: method not in SAFE))
def test_a_method_that_is_not_known_to_be_safe_needs_a_page(method: str) -> None:
    with pytest.raises(ForbiddenOriginError):
        COOKIES.check_origin(method, [])
    COOKIES.check_origin(method, [ORIGIN])


def test_safe_methods_need_no_page() -> None:
    for method in SAFE:
        COOKIES.check_origin(method, [])
        with pytest.raises(ForbiddenOriginError):
            COOKIES.check_origin(method.lower(), [])


COOKIES = SessionCookies(name=NAME, verifier=FakeTokenVerifier(), origins=frozenset({PAGE}))
PAIRS = st.tuples(
    st.sampled_from([NAME, f"__Secure-{NAME}", f"{NAME}.0", f"{NAME}.1", f"{NAME}.", "x"]),
    st.text(st.characters(max_codepoint=255), max_size=5),
).map("=".join)


@given(st.lists(PAIRS | st.text(st.characters(max_codepoint=255), max_size=9)))
def test_no_cookie_header_is_too_odd_to_be_judged(pairs: list[str]) -> None:
    try:
        found = COOKIES.find([(b"cookie", "; ".join(pairs).encode("latin-1"))])
    except MalformedAuthorizationError:
        return
    assert found is None or found


@pytest.mark.anyio
async def test_more_cookies_than_a_browser_sends_are_refused(cookie_app: FastAPI) -> None:
    others = "x=" + "x" * 60_000
    assert await user(cookie_app, others, f"{NAME}=hers") == "ada"
    assert await user(cookie_app, others, others, f"{NAME}=hers") == "malformed_authorization"


@pytest.mark.anyio
async def test_cookies_too_many_to_look_at_are_refused(cookie_app: FastAPI) -> None:
    """Each takes time to look at, and nobody needs credentials to send thousands."""
    assert await user(cookie_app, "x=y; " * 1_023 + f"{NAME}=hers") == "ada"
    assert await user(cookie_app, "x=y; " * 1_024 + f"{NAME}=hers") == "malformed_authorization"
    assert await user(cookie_app, *["x"] * 1_024, f"{NAME}=hers") == "malformed_authorization"
    assert await user(cookie_app, ";" * 60_000) == "malformed_authorization"
