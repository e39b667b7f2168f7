"""Which of the tokens that Better Auth really issues are let in, and which are not."""

import base64
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import jwt
import pytest

from tests.e2e.backend import UNMEASURED, Backend, refusal
from tests.e2e.better_auth import Issuer, User
from tests.e2e.processes import wait_for
from tests.e2e.servers import Servers


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def test_a_token_as_better_auth_issues_it_by_default_names_its_user(
    backend: Backend, user: User
) -> None:
    token = user.token()

    answer = backend.me(token)

    assert answer.status_code == 200, answer.text
    me = answer.json()
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
    """For each algorithm an issuer that signs with it, and a server that knows its URL."""

    def start(algorithm: str) -> tuple[Issuer, Backend]:
        issuer = shared_servers.issuer(JWT_ALGORITHM=algorithm)
        return issuer, shared_servers.backend(BETTER_AUTH_URL=issuer.url, **UNMEASURED)

    others = ALGORITHMS[1:]
    with ThreadPoolExecutor() as pool:  # together, because each takes seconds
        started = dict(zip(others, pool.map(start, others), strict=True))
    return {"EdDSA": (issuer, backend), **started}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_that_better_auth_offers_works_with_nothing_but_its_url(
    pairs: Mapping[str, tuple[Issuer, Backend]], algorithm: str
) -> None:
    issuer, backend = pairs[algorithm]
    user = issuer.sign_up()
    token = user.token()

    answer = backend.me(token)

    assert jwt.get_unverified_header(token)["alg"] == algorithm
    assert answer.status_code == 200, answer.text
    assert answer.json()["user_id"] == user.id


def test_a_request_without_a_token_is_challenged_and_told_nothing_else(backend: Backend) -> None:
    answer = backend.client.get("/api/me")

    assert refusal(answer) == "missing_token"
    assert "error" not in answer.headers["www-authenticate"]


def flip_a_bit_of_the_signature(token: str) -> str:
    signed, _, signature = token.rpartition(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    raw[len(raw) // 2] ^= 1
    return f"{signed}.{base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}"


def cut_the_signature(token: str) -> str:
    return token[:-10]


def drop_the_signature(token: str) -> str:
    return token.rpartition(".")[0] + "."


def raise_the_user(token: str) -> str:
    header, payload, signature = token.split(".")
    claims = base64.urlsafe_b64decode(payload + "==").replace(b'"sub":"', b'"sub":"x')
    return f"{header}.{base64.urlsafe_b64encode(claims).rstrip(b'=').decode()}.{signature}"


@pytest.mark.parametrize(
    "broken",
    [flip_a_bit_of_the_signature, cut_the_signature, drop_the_signature, raise_the_user],
)
def test_a_tampered_token_is_refused_even_after_its_original_was_accepted(
    backend: Backend, user: User, broken: Callable[[str], str]
) -> None:
    token = user.token()
    assert backend.me(token).status_code == 200

    answer = backend.me(broken(token))

    assert refusal(answer) == "invalid_token"
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert backend.me(token).status_code == 200


def test_another_better_auth_server_signs_nobody_in(backend: Backend, other_issuer: Issuer) -> None:
    answer = backend.me(other_issuer.sign_up().token())

    assert refusal(answer) == "invalid_token"
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_token_is_good_until_it_expires_and_no_longer(servers: Servers) -> None:
    issuer = servers.issuer(JWT_EXPIRATION="3s")
    backend = servers.backend(BETTER_AUTH_URL=issuer.url, AUTH_LEEWAY="0")
    user = issuer.sign_up()
    accepted_at = []

    def accepted(token: str) -> bool:
        asked_at = time.time()
        answer = backend.me(token)
        if answer.is_success:
            accepted_at.append(asked_at)
        return answer.is_success

    def let_in() -> str | None:
        token = user.token()
        return token if accepted(token) else None

    token = wait_for(let_in)
    wait_for(lambda: not accepted(token) or None)
    answer = backend.me(token)

    expiry = claims_of(token)["exp"]
    assert refusal(answer) == "token_expired"
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert max(accepted_at) < expiry <= time.time()


def test_the_secret_of_better_auth_signs_nobody_in_where_only_the_url_is_configured(
    backend: Backend, user: User, secret: str
) -> None:
    real = user.token()
    forged = jwt.encode(
        claims_of(real),
        secret,
        algorithm="HS256",
        headers={"kid": jwt.get_unverified_header(real)["kid"]},
    )

    assert refusal(backend.me(forged)) == "invalid_token"
