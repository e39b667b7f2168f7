"""Tokens that a real Better Auth server issues: which are accepted and which are rejected."""

import base64
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import jwt
import pytest

from tests.e2e.backend import NO_COVERAGE, Backend, rejection_code
from tests.e2e.better_auth import Issuer, User
from tests.e2e.processes import wait_for
from tests.e2e.servers import Servers


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def test_a_token_of_better_auth_with_default_settings_is_accepted(
    backend: Backend, user: User
) -> None:
    token = user.token()

    response = backend.me(token)

    assert response.status_code == 200, response.text
    me = response.json()
    assert jwt.get_unverified_header(token)["alg"] == "EdDSA"
    assert (me["user_id"], me["email"], me["name"]) == (user.id, user.email, "Ada")
    assert datetime.fromisoformat(me["expires_at"]).timestamp() == claims_of(token)["exp"]


def test_a_picture_in_the_token_does_not_lock_its_user_out(
    backend: Backend, issuer: Issuer
) -> None:
    user = issuer.sign_up(image="data:image/png;base64," + "A" * 9_000)
    token = user.token()
    assert 12_000 < len(token) < 16_384

    assert backend.me(token).json()["user_id"] == user.id


def test_a_name_cut_in_the_middle_of_an_emoji_does_not_lock_its_user_out(
    backend: Backend, issuer: Issuer
) -> None:
    user = issuer.sign_up("Ada \ud83d")

    me = backend.me(user.token()).json()

    assert (me["user_id"], me["email"], me["name"]) == (user.id, user.email, None)
    assert me["email_verified"] is False


ALGORITHMS = ["EdDSA", "ES256", "ES512", "RS256", "PS256"]


@pytest.fixture(scope="module")
def pairs(
    shared_servers: Servers, issuer: Issuer, backend: Backend
) -> Mapping[str, tuple[Issuer, Backend]]:
    """For each algorithm, an issuer that signs with it and a backend that has the issuer's URL."""

    def start(algorithm: str) -> tuple[Issuer, Backend]:
        issuer = shared_servers.issuer(JWT_ALGORITHM=algorithm)
        return issuer, shared_servers.backend(BETTER_AUTH_URL=issuer.url, **NO_COVERAGE)

    other_algorithms = ALGORITHMS[1:]
    with ThreadPoolExecutor() as pool:  # in parallel, because each start takes seconds
        others = dict(zip(other_algorithms, pool.map(start, other_algorithms), strict=True))
    return {"EdDSA": (issuer, backend), **others}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_of_better_auth_needs_only_its_url(
    pairs: Mapping[str, tuple[Issuer, Backend]], algorithm: str
) -> None:
    issuer, backend = pairs[algorithm]
    user = issuer.sign_up()
    token = user.token()

    response = backend.me(token)

    assert jwt.get_unverified_header(token)["alg"] == algorithm
    assert response.status_code == 200, response.text
    assert response.json()["user_id"] == user.id


def test_a_request_without_a_token_gets_a_challenge_without_an_error_code(backend: Backend) -> None:
    response = backend.client.get("/api/me")

    assert rejection_code(response) == "missing_token"
    assert "error" not in response.headers["www-authenticate"]


def flip_signature_bit(token: str) -> str:
    signing_input, _, signature = token.rpartition(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    raw[len(raw) // 2] ^= 1
    return f"{signing_input}.{base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}"


def truncate_signature(token: str) -> str:
    return token[:-10]


def remove_signature(token: str) -> str:
    return token.rpartition(".")[0] + "."


def change_subject(token: str) -> str:
    header, payload, signature = token.split(".")
    claims = base64.urlsafe_b64decode(payload + "==").replace(b'"sub":"', b'"sub":"x')
    return f"{header}.{base64.urlsafe_b64encode(claims).rstrip(b'=').decode()}.{signature}"


@pytest.mark.parametrize(
    "tamper",
    [flip_signature_bit, truncate_signature, remove_signature, change_subject],
)
def test_a_tampered_token_is_rejected_even_after_the_original_was_accepted(
    backend: Backend, user: User, tamper: Callable[[str], str]
) -> None:
    token = user.token()
    assert backend.me(token).status_code == 200

    response = backend.me(tamper(token))

    assert rejection_code(response) == "invalid_token"
    assert 'error="invalid_token"' in response.headers["www-authenticate"]
    assert backend.me(token).status_code == 200


def test_a_token_of_another_better_auth_server_is_rejected(
    backend: Backend, user: User, other_issuer: Issuer
) -> None:
    assert backend.me(user.token()).status_code == 200  # old releases publish no key before this

    response = backend.me(other_issuer.sign_up().token())

    assert rejection_code(response) == "invalid_token"
    assert 'error="invalid_token"' in response.headers["www-authenticate"]


def test_a_token_is_accepted_until_it_expires(servers: Servers) -> None:
    issuer = servers.issuer(JWT_EXPIRATION="3s")
    backend = servers.backend(BETTER_AUTH_URL=issuer.url, AUTH_LEEWAY="0")
    user = issuer.sign_up()
    accepted_at = []

    def accepted(token: str) -> bool:
        sent_at = time.time()
        response = backend.me(token)
        if response.is_success:
            accepted_at.append(sent_at)
        return response.is_success

    def accepted_token() -> str | None:
        token = user.token()
        return token if accepted(token) else None

    token = wait_for(accepted_token)
    wait_for(lambda: not accepted(token) or None)
    response = backend.me(token)

    expiry = claims_of(token)["exp"]
    assert rejection_code(response) == "token_expired"
    assert 'error="invalid_token"' in response.headers["www-authenticate"]
    assert max(accepted_at) < expiry <= time.time()


def test_a_token_signed_with_the_secret_is_rejected_when_only_the_url_is_configured(
    backend: Backend, user: User, secret: str
) -> None:
    genuine = user.token()
    forged = jwt.encode(
        claims_of(genuine),
        secret,
        algorithm="HS256",
        headers={"kid": jwt.get_unverified_header(genuine)["kid"]},
    )

    assert rejection_code(backend.me(forged)) == "invalid_token"
