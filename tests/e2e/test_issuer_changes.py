"""What happens here when the issuer changes its keys, goes away, or is not there yet."""

import time

import jwt

from tests.e2e.backend import refusal
from tests.e2e.better_auth import User
from tests.e2e.processes import free_port, wait_for
from tests.e2e.servers import Servers


def key_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def test_a_token_of_a_new_key_is_accepted_at_first_sight(servers: Servers) -> None:
    issuer = servers.issuer(JWKS_ROTATION_INTERVAL="1")
    backend = servers.backend(BETTER_AUTH_URL=issuer.url)
    user = issuer.sign_up()
    before = user.token()
    assert backend.me(before).status_code == 200

    def of_a_new_key() -> str | None:
        token = user.token()
        return token if key_of(token) != key_of(before) else None

    after = wait_for(of_a_new_key)

    assert backend.me(after).status_code == 200
    assert backend.me(before).status_code == 200


def test_known_keys_outlive_their_issuer(servers: Servers) -> None:
    issuer = servers.issuer()
    backend = servers.backend(BETTER_AUTH_URL=issuer.url, AUTH_JWKS_MAX_AGE="1")
    seen, unseen = issuer.sign_up(), issuer.sign_up()
    remembered, fresh = seen.token(), unseen.token()
    assert backend.me(remembered).status_code == 200
    issuer.stop()
    old = time.monotonic() + 1.5  # then the keys are past their age, and to refresh them has failed

    def served_with_old_keys() -> bool | None:
        assert backend.me(remembered).status_code == 200
        return time.monotonic() > old or None

    wait_for(served_with_old_keys)
    answer = backend.me(fresh)

    assert answer.status_code == 200, answer.text
    assert answer.json()["user_id"] == unseen.id


def test_no_key_yet_is_no_fault_of_the_caller_and_mends_when_the_issuer_comes(
    servers: Servers, user: User
) -> None:
    port = free_port()
    backend = servers.backend(BETTER_AUTH_URL=f"http://127.0.0.1:{port}")
    token = user.token()

    answer = backend.me(token)

    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1
    assert "www-authenticate" not in answer.headers

    valid = servers.issuer(PORT=str(port)).sign_up().token()
    wait_for(lambda: backend.me(valid).is_success or None, within=30)
    assert refusal(backend.me(token)) == "invalid_token"
