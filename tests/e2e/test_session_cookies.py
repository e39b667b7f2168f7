"""Session cookies of a real Better Auth server, in each of its formats."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import httpx2
import jwt
import pytest

from tests.e2e.backend import NO_COVERAGE, Backend, bearer, rejection_code
from tests.e2e.better_auth import Issuer, User
from tests.e2e.processes import free_port, wait_for
from tests.e2e.servers import Servers

ORIGIN = "https://app.example.com"
OTHER_ORIGIN = "https://evil.example.com"
NEW_SECRET = "another secret of these end-to-end tests"
NAME = "better-auth.session_data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """An issuer, a backend that accepts its session cookies, and a user who is signed in.

    Attributes:
        origin: The origin whose pages may send requests that change data.
    """

    issuer: Issuer
    backend: Backend
    user: User
    origin: str

    def me(self, cookie: str, **headers: str) -> httpx2.Response:
        """Send `GET /api/me` with a cookie."""
        return self.backend.client.get("/api/me", headers={"Cookie": cookie, **headers})

    def create_todo(self, cookie: str, **headers: str) -> httpx2.Response:
        """Send `POST /api/todos` with a cookie."""
        headers = {"Cookie": cookie, **headers}
        return self.backend.client.post("/api/todos", json={"title": "x"}, headers=headers)


@pytest.fixture(scope="module")
def pairs(shared_servers: Servers, secret: str) -> Mapping[str, Pair]:
    """For each format, an issuer and a backend with the minimal configuration."""
    port = str(free_port())
    trailing_slash = {"PORT": port, "BETTER_AUTH_URL": f"http://127.0.0.1:{port}/"}
    rotated = {"BETTER_AUTH_SECRETS": f"2:{secret},1:{NEW_SECRET}"}
    issuers = {
        "compact": rotated,
        "jwt": {"BETTER_AUTH_SECRET": secret},
        "jwe": {"BETTER_AUTH_SECRET": secret},
        "jwks": {"BETTER_AUTH_SECRET": secret, **trailing_slash},
    }
    backends = {
        "compact": {**rotated, "AUTH_LEEWAY": "0", "CORS_ORIGINS": ORIGIN},
        "jwt": {"BETTER_AUTH_SECRET": secret, "CORS_ORIGINS": ORIGIN},
        # The backend already has a newer secret than the issuer.
        "jwe": {"BETTER_AUTH_SECRETS": f"2:{NEW_SECRET},1:{secret}", "CORS_ORIGINS": ORIGIN},
        "jwks": {"BETTER_AUTH_URL": f"http://127.0.0.1:{port}/"},
    }

    def start(name: str) -> Pair:
        issuer = shared_servers.issuer(COOKIE_CACHE=name, **issuers[name])
        kind = "jwt" if name == "jwks" else name
        backend = shared_servers.backend(AUTH_COOKIE=kind, **backends[name], **NO_COVERAGE)
        origin = f"http://127.0.0.1:{port}" if name == "jwks" else ORIGIN
        return Pair(issuer=issuer, backend=backend, user=issuer.sign_up(), origin=origin)

    with ThreadPoolExecutor() as pool:  # in parallel, because each start takes seconds
        return dict(zip(issuers, pool.map(start, issuers), strict=True))


@pytest.fixture(params=["compact", "jwt", "jwe", "jwks"])
def pair(pairs: Mapping[str, Pair], request: pytest.FixtureRequest) -> Pair:
    """Each format."""
    return pairs[request.param]


def cookie_value(cookie: str) -> str:
    name, _, value = cookie.partition("=")
    assert name == NAME
    return value


def test_a_session_cookie_is_accepted(pair: Pair) -> None:
    response = pair.me(pair.user.session_cookie())

    assert response.status_code == 200, response.text
    me = response.json()
    assert (me["user_id"], me["email"], me["name"]) == (pair.user.id, pair.user.email, "Ada")
    seconds_left = datetime.fromisoformat(me["expires_at"]).timestamp() - time.time()
    assert 0 < seconds_left <= 300


def test_only_trusted_origins_may_change_data(pair: Pair) -> None:
    cookie = pair.user.session_cookie()

    for headers in (
        {},
        {"Origin": "null"},
        {"Origin": OTHER_ORIGIN},
        {"Origin": f"{pair.origin}/"},
    ):
        rejected = pair.create_todo(cookie, **headers)
        assert (rejected.status_code, rejected.json()["code"]) == (403, "origin_not_allowed")
    created = pair.create_todo(cookie, Origin=pair.origin)
    assert created.status_code == 201, created.text
    url = f"/api/todos/{created.json()['id']}"
    headers = {"Cookie": cookie}
    client = pair.backend.client
    assert client.delete(url, headers=headers).status_code == 403
    assert client.delete(url, headers={**headers, "Origin": pair.origin}).status_code == 204


def test_a_chunked_cookie_is_accepted_in_any_order_if_complete(pair: Pair) -> None:
    user = pair.issuer.sign_up("Ada" * 1500)
    cookie = user.session_cookie()
    assert f"{NAME}.1=" in cookie

    assert pair.me(cookie).json()["user_id"] == user.id
    reversed_chunks = "; ".join(reversed(cookie.split("; ")))
    assert pair.me(reversed_chunks).json()["user_id"] == user.id
    first, _, rest = cookie.partition("; ")
    assert rejection_code(pair.me(rest)) == "malformed_authorization"
    assert rejection_code(pair.me(first)) == "invalid_token"


def test_a_tampered_cookie_is_rejected_even_after_the_original_was_accepted(pair: Pair) -> None:
    cookie = pair.user.session_cookie()
    assert pair.me(cookie).status_code == 200

    value = cookie_value(cookie)
    indexes = range(0, len(value), len(value) // 20)
    changed = [value[:i] + ("A" if value[i] != "A" else "B") + value[i + 1 :] for i in indexes]
    for tampered in [*changed, value[:-1], value[1:], f"{value}=", f'"{value}"', value * 2]:
        assert rejection_code(pair.me(f"{NAME}={tampered}")) == "invalid_token"
    assert pair.me(cookie).status_code == 200


def test_a_cookie_is_rejected_as_a_bearer_token(pair: Pair, backend: Backend) -> None:
    value = cookie_value(pair.user.session_cookie())

    for server in (pair.backend, backend):
        assert rejection_code(server.me(value)) == "invalid_token"


def test_a_bearer_token_is_rejected_as_a_cookie(pair: Pair, secret: str) -> None:
    claims = {"sub": pair.user.id, "exp": int(time.time()) + 60}
    signed_with_secret = jwt.encode(claims, secret, algorithm="HS256")

    for token in (pair.user.token(), signed_with_secret):
        assert rejection_code(pair.me(f"{NAME}={token}")) == "invalid_token"


def test_a_bearer_token_beside_a_cookie_is_used(pairs: Mapping[str, Pair]) -> None:
    pair = pairs["jwks"]
    other = pair.issuer.sign_up()
    for cookie in (pair.user.session_cookie(), f"{NAME}=bad", f"{NAME}.1=incomplete"):
        response = pair.me(cookie, **bearer(other.token()))
        assert response.json()["user_id"] == other.id

    assert rejection_code(pair.me(pair.user.session_cookie(), **bearer("bad"))) == "invalid_token"


def test_the_first_valid_cookie_of_several_counts(pair: Pair) -> None:
    large = pair.issuer.sign_up("Ada" * 1500)
    chunks, whole = large.session_cookie(), pair.user.session_cookie()

    for cookie, user in (
        (f"{NAME}=stale; {whole}", pair.user),
        (f"{whole}; {NAME}=stale", pair.user),
        (f"{NAME}=stale; {chunks}", large),
        (f"{NAME}.0=sta; {NAME}.1=le; {chunks}", large),
        (f"{chunks}; {NAME}.0=sta; {NAME}.1=le", large),
        (f"{NAME}.0=stale; {whole}", pair.user),
    ):
        assert pair.me(cookie).json().get("user_id") == user.id
    assert rejection_code(pair.me("; ".join([whole] * 5))) == "malformed_authorization"


def test_a_name_cut_in_the_middle_of_an_emoji_does_not_lock_its_user_out(pair: Pair) -> None:
    user = pair.issuer.sign_up("Ada \ud83d")

    response = pair.me(user.session_cookie())

    assert response.status_code == 200, response.text
    me = response.json()
    assert (me["user_id"], me["email"], me["name"]) == (user.id, user.email, None)


def test_the_token_of_a_verification_link_is_rejected_as_a_cookie(
    pair: Pair, issuer: Issuer, user: User
) -> None:
    link_token = issuer.verification_link_token(user)

    assert rejection_code(pair.me(f"{NAME}={link_token}")) == "invalid_token"


def test_a_cookie_in_another_format_is_rejected(pair: Pair, pairs: Mapping[str, Pair]) -> None:
    for other in pairs.values():
        if other is not pair:
            assert rejection_code(pair.me(other.user.session_cookie())) == "invalid_token"


def test_signing_out_removes_the_cookie(pair: Pair) -> None:
    user = pair.issuer.sign_up()
    assert pair.me(user.session_cookie()).status_code == 200

    response = user.browser.post("/api/auth/sign-out", json={}).raise_for_status()

    set_cookies = response.headers.get_list("set-cookie")
    removals = [cookie for cookie in set_cookies if cookie.startswith(f"{NAME}=")]
    assert removals
    assert user.session_cookie() == ""
    assert rejection_code(pair.me(user.session_cookie())) == "missing_token"
    assert rejection_code(pair.me(removals[0].partition(";")[0])) == "missing_token"


def test_cookies_are_ignored_when_they_are_not_configured(pair: Pair, backend: Backend) -> None:
    cookie = pair.user.session_cookie()

    response = backend.client.get("/api/me", headers={"Cookie": cookie})

    assert rejection_code(response) == "missing_token"


def test_the_issuer_of_a_cookie_signed_with_the_key_set_is_the_origin_of_the_base_url(
    pairs: Mapping[str, Pair],
) -> None:
    pair = pairs["jwks"]
    cookie = cookie_value(pair.user.session_cookie())

    claims = jwt.decode(cookie, options={"verify_signature": False})
    assert jwt.get_unverified_header(cookie)["typ"] == "better-auth.session-cache+jwt"
    assert (claims["iss"], claims["aud"]) == (pair.origin, "better-auth:session-cache")
    assert pair.issuer.url == f"{pair.origin}/"  # the `iss` claim has no slash
    assert claims["sub"] == pair.user.id


def test_a_cookie_is_accepted_until_it_expires(
    pairs: Mapping[str, Pair], servers: Servers, secret: str
) -> None:
    cookie_settings = {"COOKIE_CACHE": "compact", "COOKIE_CACHE_MAX_AGE": "3"}
    issuer = servers.issuer(BETTER_AUTH_SECRET=secret, **cookie_settings)
    me = pairs["compact"].me

    def accepted_cookie() -> str | None:
        cookie = issuer.sign_up().session_cookie()
        return cookie if me(cookie).is_success else None

    cookie = wait_for(accepted_cookie)
    wait_for(lambda: not me(cookie).is_success or None)
    assert rejection_code(me(cookie)) == "token_expired"


def test_cookies_and_session_tokens_are_never_logged(pair: Pair) -> None:
    cookie = pair.user.session_cookie()
    pair.me(cookie)
    pair.me(f"{cookie}x")
    pair.create_todo(cookie)

    output = pair.backend.output
    session = pair.user.browser.get("/api/auth/get-session").raise_for_status().json()["session"]
    secrets = (cookie_value(cookie), session["token"])
    assert [secret for secret in secrets if secret in output] == []
    assert "refused" in output
