"""The session cookies that Better Auth really sets, in each format that it offers."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import httpx2
import jwt
import pytest

from tests.e2e.backend import UNMEASURED, Backend, bearer, refusal
from tests.e2e.better_auth import Issuer, User
from tests.e2e.processes import free_port, wait_for
from tests.e2e.servers import Servers

PAGE = "https://app.example.com"
ELSEWHERE = "https://evil.example.com"
NEW_SECRET = "another secret of these end-to-end tests"
NAME = "better-auth.session_data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """An issuer, a server that takes its session cookies, and somebody who is signed in.

    Attributes:
        page: The origin whose pages may change things.
    """

    issuer: Issuer
    backend: Backend
    user: User
    page: str

    def me(self, cookie: str, **headers: str) -> httpx2.Response:
        """Ask who the cookie's bearer is."""
        return self.backend.client.get("/api/me", headers={"Cookie": cookie, **headers})

    def add(self, cookie: str, **headers: str) -> httpx2.Response:
        """Make a todo."""
        said = {"Cookie": cookie, **headers}
        return self.backend.client.post("/api/todos", json={"title": "x"}, headers=said)


@pytest.fixture(scope="module")
def pairs(shared_servers: Servers, secret: str) -> Mapping[str, Pair]:
    """For each format an issuer, and a server that knows no more than it needs."""
    port = str(free_port())
    slash = {"PORT": port, "BETTER_AUTH_URL": f"http://127.0.0.1:{port}/"}
    rotated = {"BETTER_AUTH_SECRETS": f"2:{secret},1:{NEW_SECRET}"}
    issuers = {
        "compact": rotated,
        "jwt": {"BETTER_AUTH_SECRET": secret},
        "jwe": {"BETTER_AUTH_SECRET": secret},
        "jwks": {"BETTER_AUTH_SECRET": secret, **slash},
    }
    backends = {
        "compact": {**rotated, "AUTH_LEEWAY": "0", "CORS_ORIGINS": PAGE},
        "jwt": {"BETTER_AUTH_SECRET": secret, "CORS_ORIGINS": PAGE},
        # The secret was changed since the issuer's users signed in.
        "jwe": {"BETTER_AUTH_SECRETS": f"2:{NEW_SECRET},1:{secret}", "CORS_ORIGINS": PAGE},
        "jwks": {"BETTER_AUTH_URL": f"http://127.0.0.1:{port}/"},
    }

    def start(name: str) -> Pair:
        issuer = shared_servers.issuer(COOKIE_CACHE=name, **issuers[name])
        kind = "jwt" if name == "jwks" else name
        backend = shared_servers.backend(AUTH_COOKIE=kind, **backends[name], **UNMEASURED)
        page = f"http://127.0.0.1:{port}" if name == "jwks" else PAGE
        return Pair(issuer=issuer, backend=backend, user=issuer.sign_up(), page=page)

    with ThreadPoolExecutor() as pool:  # together, because each takes seconds
        return dict(zip(issuers, pool.map(start, issuers), strict=True))


@pytest.fixture(params=["compact", "jwt", "jwe", "jwks"])
def pair(pairs: Mapping[str, Pair], request: pytest.FixtureRequest) -> Pair:
    """Each format in turn."""
    return pairs[request.param]


def value_of(cookie: str) -> str:
    name, _, value = cookie.partition("=")
    assert name == NAME
    return value


def test_the_cookie_of_a_session_names_its_user(pair: Pair) -> None:
    answer = pair.me(pair.user.session_cookie())

    assert answer.status_code == 200, answer.text
    me = answer.json()
    assert (me["user_id"], me["email"], me["name"]) == (pair.user.id, pair.user.email, "Ada")
    left = datetime.fromisoformat(me["expires_at"]).timestamp() - time.time()
    assert 0 < left <= 300


def test_only_an_allowed_page_changes_anything(pair: Pair) -> None:
    cookie = pair.user.session_cookie()

    for headers in ({}, {"Origin": "null"}, {"Origin": ELSEWHERE}, {"Origin": f"{pair.page}/"}):
        refused = pair.add(cookie, **headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "origin_not_allowed")
    made = pair.add(cookie, Origin=pair.page)
    assert made.status_code == 201, made.text
    todo = f"/api/todos/{made.json()['id']}"
    said = {"Cookie": cookie}
    client = pair.backend.client
    assert client.delete(todo, headers=said).status_code == 403
    assert client.delete(todo, headers={**said, "Origin": pair.page}).status_code == 204


def test_a_large_session_comes_in_chunks(pair: Pair) -> None:
    user = pair.issuer.sign_up("Ada" * 1500)
    cookie = user.session_cookie()
    assert f"{NAME}.1=" in cookie

    assert pair.me(cookie).json()["user_id"] == user.id
    backwards = "; ".join(reversed(cookie.split("; ")))
    assert pair.me(backwards).json()["user_id"] == user.id
    first, _, rest = cookie.partition("; ")
    assert refusal(pair.me(rest)) == "malformed_authorization"
    assert refusal(pair.me(first)) == "invalid_token"


def test_a_tampered_cookie_is_refused_even_after_its_original_was_accepted(pair: Pair) -> None:
    cookie = pair.user.session_cookie()
    assert pair.me(cookie).status_code == 200

    value = value_of(cookie)
    places = range(0, len(value), len(value) // 20)
    changed = [value[:at] + ("A" if value[at] != "A" else "B") + value[at + 1 :] for at in places]
    for text in [*changed, value[:-1], value[1:], f"{value}=", f'"{value}"', value * 2]:
        assert refusal(pair.me(f"{NAME}={text}")) == "invalid_token"
    assert pair.me(cookie).status_code == 200


def test_a_cookie_is_no_bearer_token(pair: Pair, backend: Backend) -> None:
    value = value_of(pair.user.session_cookie())

    for one in (pair.backend, backend):
        assert refusal(one.me(value)) == "invalid_token"


def test_a_bearer_token_is_no_cookie(pair: Pair, secret: str) -> None:
    claims = {"sub": pair.user.id, "exp": int(time.time()) + 60}
    ours = jwt.encode(claims, secret, algorithm="HS256")

    for token in (pair.user.token(), ours):
        assert refusal(pair.me(f"{NAME}={token}")) == "invalid_token"


def test_a_bearer_token_beside_a_cookie_is_used(pairs: Mapping[str, Pair]) -> None:
    pair = pairs["jwks"]
    other = pair.issuer.sign_up()
    for cookie in (pair.user.session_cookie(), f"{NAME}=bad", f"{NAME}.1=incomplete"):
        response = pair.me(cookie, **bearer(other.token()))
        assert response.json()["user_id"] == other.id

    assert refusal(pair.me(pair.user.session_cookie(), **bearer("bad"))) == "invalid_token"


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
    assert refusal(pair.me("; ".join([whole] * 5))) == "malformed_authorization"


def test_a_name_cut_in_the_middle_of_an_emoji_does_not_lock_its_user_out(pair: Pair) -> None:
    user = pair.issuer.sign_up("Ada \ud83d")

    response = pair.me(user.session_cookie())

    assert response.status_code == 200, response.text
    me = response.json()
    assert (me["user_id"], me["email"], me["name"]) == (user.id, user.email, None)


def test_a_mailed_link_is_no_cookie(pair: Pair, issuer: Issuer, user: User) -> None:
    mailed = issuer.mailed_token(user)

    assert refusal(pair.me(f"{NAME}={mailed}")) == "invalid_token"


def test_the_cookie_of_another_format_is_refused(pair: Pair, pairs: Mapping[str, Pair]) -> None:
    for other in pairs.values():
        if other is not pair:
            assert refusal(pair.me(other.user.session_cookie())) == "invalid_token"


def test_who_signs_out_has_no_cookie_left(pair: Pair) -> None:
    user = pair.issuer.sign_up()
    assert pair.me(user.session_cookie()).status_code == 200

    answer = user.browser.post("/api/auth/sign-out", json={}).raise_for_status()

    sent = [one for one in answer.headers.get_list("set-cookie") if one.startswith(f"{NAME}=")]
    assert sent
    assert user.session_cookie() == ""
    assert refusal(pair.me(user.session_cookie())) == "missing_token"
    assert refusal(pair.me(sent[0].partition(";")[0])) == "missing_token"


def test_a_cookie_is_nothing_where_none_is_accepted(pair: Pair, backend: Backend) -> None:
    cookie = pair.user.session_cookie()

    answer = backend.client.get("/api/me", headers={"Cookie": cookie})

    assert refusal(answer) == "missing_token"


def test_a_cookie_of_the_key_set_is_issued_by_the_origin_of_the_base_url(
    pairs: Mapping[str, Pair],
) -> None:
    pair = pairs["jwks"]
    cookie = value_of(pair.user.session_cookie())

    claims = jwt.decode(cookie, options={"verify_signature": False})
    assert jwt.get_unverified_header(cookie)["typ"] == "better-auth.session-cache+jwt"
    assert (claims["iss"], claims["aud"]) == (pair.page, "better-auth:session-cache")
    assert pair.issuer.url == f"{pair.page}/"  # which makes no difference
    assert claims["sub"] == pair.user.id


def test_a_cookie_is_good_until_it_expires_and_no_longer(
    pairs: Mapping[str, Pair], servers: Servers, secret: str
) -> None:
    brief = {"COOKIE_CACHE": "compact", "COOKIE_CACHE_MAX_AGE": "3"}
    issuer = servers.issuer(BETTER_AUTH_SECRET=secret, **brief)
    ask = pairs["compact"].me

    def let_in() -> str | None:
        cookie = issuer.sign_up().session_cookie()
        return cookie if ask(cookie).is_success else None

    cookie = wait_for(let_in)
    wait_for(lambda: not ask(cookie).is_success or None)
    assert refusal(ask(cookie)) == "token_expired"


def test_no_session_is_ever_logged(pair: Pair) -> None:
    cookie = pair.user.session_cookie()
    pair.me(cookie)
    pair.me(f"{cookie}x")
    pair.add(cookie)

    said = pair.backend.output
    session = pair.user.browser.get("/api/auth/get-session").raise_for_status().json()["session"]
    assert [one for one in (value_of(cookie), session["token"]) if one in said] == []
    assert "refused" in said
