"""The issuer rotates its keys, stops, or starts after the backend."""

import time

import jwt

from tests.e2e.backend import rejection_code
from tests.e2e.better_auth import User
from tests.e2e.processes import free_port, wait_for
from tests.e2e.servers import Servers


def key_id(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def test_the_first_token_of_a_new_key_is_accepted(servers: Servers) -> None:
    issuer = servers.issuer(JWKS_ROTATION_INTERVAL="1")
    backend = servers.backend(BETTER_AUTH_URL=issuer.url)
    user = issuer.sign_up()
    old_token = user.token()
    assert backend.me(old_token).status_code == 200

    def token_of_a_new_key() -> str | None:
        token = user.token()
        return token if key_id(token) != key_id(old_token) else None

    new_token = wait_for(token_of_a_new_key)

    assert backend.me(new_token).status_code == 200
    assert backend.me(old_token).status_code == 200


def test_stale_keys_are_used_while_the_issuer_is_down(servers: Servers) -> None:
    issuer = servers.issuer()
    backend = servers.backend(BETTER_AUTH_URL=issuer.url, AUTH_JWKS_MAX_AGE="1")
    user, other_user = issuer.sign_up(), issuer.sign_up()
    cached, fresh = user.token(), other_user.token()
    assert backend.me(cached).status_code == 200
    issuer.stop()
    stale_at = time.monotonic() + 1.5  # past the maximum age, and the first refresh has failed

    def accepted_until_stale() -> bool | None:
        assert backend.me(cached).status_code == 200
        return time.monotonic() > stale_at or None

    wait_for(accepted_until_stale)
    response = backend.me(fresh)

    assert response.status_code == 200, response.text
    assert response.json()["user_id"] == other_user.id


def test_requests_get_503_until_the_issuer_has_started(servers: Servers, user: User) -> None:
    port = free_port()
    backend = servers.backend(BETTER_AUTH_URL=f"http://127.0.0.1:{port}")
    token = user.token()

    response = backend.me(token)

    assert response.status_code == 503, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert int(response.headers["retry-after"]) >= 1
    assert "www-authenticate" not in response.headers

    valid = servers.issuer(PORT=str(port)).sign_up().token()
    wait_for(lambda: backend.me(valid).is_success or None, within=30)
    assert rejection_code(backend.me(token)) == "invalid_token"
