"""Session tokens of a real Better Auth server with the plugin `bearer`: see docs/revocation.md."""

import time
from collections.abc import Callable
from urllib.parse import unquote

import httpx2
import jwt
import pytest

from tests.e2e.backend import NO_COVERAGE, Backend, bearer, rejection_code
from tests.e2e.better_auth import Issuer, User
from tests.e2e.processes import wait_for
from tests.e2e.servers import Servers
from tests.entrypoints.cli.command_line import run

MAX_AGE = 1  # seconds
PASSWORD = "correct horse battery staple"


def start_issuer(servers: Servers, secret: str) -> Issuer:
    """Start an issuer whose answers set cookies, because the cookie cache is on."""
    return servers.issuer(BETTER_AUTH_SECRET=secret, BEARER="on", COOKIE_CACHE="compact")


def trust(issuer: Issuer, secret: str) -> dict[str, str]:
    """Return the settings that accept the session tokens of an issuer."""
    return {
        "BETTER_AUTH_URL": issuer.url,
        "BETTER_AUTH_SECRET": secret,
        "AUTH_SESSION_TOKENS": "get-session",
        "AUTH_SESSION_MAX_AGE": str(MAX_AGE),
    }


@pytest.fixture(scope="module")
def issuer(shared_servers: Servers, secret: str) -> Issuer:
    return start_issuer(shared_servers, secret)


@pytest.fixture(scope="module")
def variables(issuer: Issuer, secret: str) -> dict[str, str]:
    return trust(issuer, secret)


@pytest.fixture(scope="module")
def backend(shared_servers: Servers, variables: dict[str, str]) -> Backend:
    return shared_servers.backend(**variables, **NO_COVERAGE)


def sign_in(user: User) -> httpx2.Response:
    """Sign in as a mobile app does. The response has the header `set-auth-token`."""
    body = {"email": user.email, "password": PASSWORD}
    return user.browser.post("/api/auth/sign-in/email", json=body).raise_for_status()


def until(call: Callable[[], httpx2.Response], status: int) -> httpx2.Response:
    def probe() -> httpx2.Response | None:
        response = call()
        return response if response.status_code == status else None

    return wait_for(probe)


def test_the_token_of_the_header_is_accepted_and_everything_else_stays_as_it_was(
    backend: Backend, issuer: Issuer, secret: str
) -> None:
    user = issuer.sign_up()
    response = sign_in(user)
    session_token, unsigned = response.headers["set-auth-token"], response.json()["token"]
    assert session_token == unquote(user.browser.cookies["better-auth.session_token"])

    me = backend.me(session_token)
    assert me.status_code == 200, me.text
    assert (me.json()["user_id"], me.json()["email"]) == (user.id, user.email)
    assert backend.me(user.token()).json()["user_id"] == user.id

    claims = {"sub": user.id, "iss": issuer.url, "aud": issuer.url, "exp": int(time.time()) + 60}
    forged = jwt.encode(claims, secret, algorithm="HS256")
    for text in (unsigned, forged, f"{unsigned[::-1]}.{session_token.rpartition('.')[2]}"):
        assert rejection_code(backend.me(text)) == "invalid_token"
    assert (
        rejection_code(backend.me(session_token.replace("=", "%3D"))) == "malformed_authorization"
    )


def test_two_users_who_call_in_turn_never_meet(backend: Backend, issuer: Issuer) -> None:
    users = [issuer.sign_up(name) for name in ("Ada", "Bob")]
    tokens = [sign_in(user).headers["set-auth-token"] for user in users]
    for age in (0, MAX_AGE):
        time.sleep(age)
        for user, token in zip(users, tokens, strict=True):
            assert backend.me(token).json()["user_id"] == user.id


def test_explain_and_doctor_ask_better_auth(
    issuer: Issuer, variables: dict[str, str], database_url: str
) -> None:
    token = sign_in(issuer.sign_up()).headers["set-auth-token"]
    explain = run("explain", stdin=token, **variables)
    assert explain.exit_code == 0, explain.output
    assert "accepts this session token" in explain.stdout
    assert token not in explain.output
    doctor = run("doctor", **variables, DATABASE_URL=database_url)
    assert doctor.exit_code == 0, doctor.output
    assert f"{issuer.url}/api/auth/get-session" in doctor.stdout


def test_signing_out_ends_the_token_and_an_outage_does_not(servers: Servers, secret: str) -> None:
    issuer = start_issuer(servers, secret)
    backend = servers.backend(**trust(issuer, secret))
    leaving, staying = issuer.sign_up("Ada"), issuer.sign_up("Bob")
    ended, token = (sign_in(user).headers["set-auth-token"] for user in (leaving, staying))
    for text in (ended, token):
        assert backend.me(text).status_code == 200
    leaving.browser.cookies.clear()
    leaving.browser.post("/api/auth/sign-out", headers=bearer(ended)).raise_for_status()
    started = time.monotonic()
    assert rejection_code(until(lambda: backend.me(ended), 401)) == "invalid_token"
    assert time.monotonic() - started < MAX_AGE + 1
    assert backend.me(token).status_code == 200

    issuer.stop()
    unavailable = until(lambda: backend.me(token), 503)
    assert unavailable.json()["code"] == "verifier_unavailable"
    assert int(unavailable.headers["Retry-After"]) >= 1
    assert "WWW-Authenticate" not in unavailable.headers
    forged = token.replace(token[:4], "AAAA")
    assert rejection_code(backend.me(forged)) == "invalid_token"  # needs no Better Auth
