"""Records what a running release issues, and sends each credential to the running API."""

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import httpx2
import jwt

from tests.compat.captures import ACCESS_TOKEN, DISCOVERED, Capture, Credential, changed
from tests.compat.releases import Release
from tests.e2e.backend import rejection_code
from tests.e2e.better_auth import Issuer, User
from tests.e2e.oauth import OAuthClient
from tests.e2e.processes import connect
from tests.e2e.servers import Servers

SECRET: Final = "the secret of the captured credentials, known to all"
RESOURCE: Final = "https://todos.example.com"
NAME: Final = "better-auth.session_data"
METADATA: Final = "/api/auth/.well-known/openid-configuration"

SIGN_UPS: Final = 3  # 1.2.12 sometimes refuses a session that it has just made

# The algorithm of the tokens and the format of the cookies of each server.
SERVERS: Final = (
    ("EdDSA", "compact"),
    ("ES256", "jwt"),
    ("ES512", "jwe"),
    ("RS256", "jwks"),
    ("PS256", "off"),
)


def record(release: Release, servers: Servers) -> tuple[Capture, list[str]]:
    """Start a release in each of its configurations, record its credentials and try them.

    Args:
        release: An installed release.
        servers: Starts the processes.

    Returns:
        The capture, and a sentence for each wrong answer of the API.
    """
    credentials: list[Credential] = []
    problems = []
    for algorithm, cookies in SERVERS:
        env = {"JWT_ALGORITHM": algorithm, "COOKIE_CACHE": cookies, "BETTER_AUTH_SECRET": SECRET}
        if release.has_oauth and algorithm == "EdDSA":
            env["OAUTH_RESOURCE"] = RESOURCE
        issuer = servers.issuer(release.command, **env)
        has_oauth = "OAUTH_RESOURCE" in env
        for issued in _credentials(issuer, algorithm, cookies, has_oauth=has_oauth):
            credential = replace(issued, accepted=not release.refuses(issued.kind))
            credentials.append(credential)
            problems += _problems(servers, credential)
        issuer.stop()
    return Capture(release=release.name, credentials=credentials), problems


def _credentials(
    issuer: Issuer, algorithm: str, cookies: str, *, has_oauth: bool
) -> Iterator[Credential]:
    user, token = _sign_in(issuer)
    base = {"BETTER_AUTH_URL": issuer.url}
    key_set = {f"{issuer.url}/api/auth/jwks": _get(issuer, "/api/auth/jwks")}
    if jwt.get_unverified_header(token)["alg"] == algorithm:
        yield _credential(f"token {algorithm}", token, user, base, key_set)
    cookie = user.session_cookie().removeprefix(f"{NAME}=")
    if cookie and (strategy := _strategy(cookie)) == cookies:
        settings = {**base, "AUTH_COOKIE": "jwt" if strategy == "jwks" else strategy}
        if strategy != "jwks":
            settings |= {"BETTER_AUTH_SECRET": SECRET}
        yield _credential(f"cookie {strategy}", cookie, user, settings, key_set)
    if has_oauth:
        yield from _access_tokens(issuer, user, key_set)


def _sign_in(issuer: Issuer) -> tuple[User, str]:
    """Sign a user up, and return the user with a token. If the issuer refuses, try other users."""
    for _ in range(SIGN_UPS - 1):
        user = issuer.sign_up()
        with contextlib.suppress(httpx2.HTTPStatusError):
            return user, user.token()
    user = issuer.sign_up()
    return user, user.token()


def _access_tokens(issuer: Issuer, user: User, key_set: Mapping[str, Any]) -> Iterator[Credential]:
    metadata = _get(issuer, METADATA)
    with connect(issuer.url) as http:
        client = OAuthClient.register(http, metadata)
        tokens = client.tokens(user, "openid todos:read", resource=RESOURCE)
    token = tokens["access_token"]
    settings = {"BETTER_AUTH_URL": issuer.url, "AUTH_RESOURCE": RESOURCE}
    yield _credential(ACCESS_TOKEN, token, user, settings, key_set)
    settings = {
        "AUTH_PROVIDER": "oidc",
        "OIDC_ISSUER": f"{issuer.url}/api/auth",
        "AUTH_AUDIENCE": RESOURCE,
    }
    documents = {**key_set, f"{issuer.url}{METADATA}": metadata}
    yield _credential(DISCOVERED, token, user, settings, documents)


def _strategy(cookie: str) -> str:
    """Tell the format of a session cookie from its value."""
    dots = cookie.count(".")
    if dots in {0, 4}:
        return "jwe" if dots else "compact"
    return "jwt" if jwt.get_unverified_header(cookie)["alg"] == "HS256" else "jwks"


def _credential(
    kind: str, value: str, user: User, settings: Mapping[str, str], documents: Mapping[str, Any]
) -> Credential:
    return Credential(
        kind=kind,
        value=value,
        user_id=user.id,
        settings=settings,
        documents=documents,
        captured_at=int(time.time()),
        accepted=True,
    )


def _get(issuer: Issuer, path: str) -> Any:
    with connect(issuer.url) as http:
        return json.loads(http.get(path).raise_for_status().content)


def _problems(servers: Servers, credential: Credential) -> list[str]:
    """Send a credential to the running API, unchanged and with a change."""
    api = servers.backend(**credential.settings)
    found = []
    response = api.client.get("/api/me", headers=_headers(credential, credential.value))
    if not credential.accepted:
        if rejection_code(response) != "invalid_token":
            found.append(f"{credential.kind} was not refused: {response.text}")
    elif not response.is_success or response.json()["user_id"] != credential.user_id:
        found.append(f"{credential.kind} was not accepted: {response.text}\n{api.output}")
    response = api.client.get("/api/me", headers=_headers(credential, changed(credential.value)))
    if rejection_code(response) != "invalid_token":
        found.append(f"{credential.kind} with a change was not refused: {response.text}")
    api.stop()
    return found


def _headers(credential: Credential, value: str) -> dict[str, str]:
    if credential.is_cookie:
        return {"Cookie": f"{NAME}={value}"}
    return {"Authorization": f"Bearer {value}"}
