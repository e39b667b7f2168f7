"""A backend with the secret alone: HS256 bearer tokens, and other tokens signed with the secret."""

import time

import jwt
import pytest

from tests.e2e.backend import Backend, rejection_code
from tests.e2e.better_auth import Issuer, User
from tests.e2e.servers import Servers


@pytest.fixture(scope="module")
def backend(shared_servers: Servers, secret: str) -> Backend:
    return shared_servers.backend(BETTER_AUTH_SECRET=secret)


def test_a_token_signed_with_the_secret_is_accepted(backend: Backend, secret: str) -> None:
    claims = {"sub": "user-1", "email": "ada@example.com", "exp": int(time.time()) + 60}

    response = backend.me(jwt.encode(claims, secret, algorithm="HS256"))

    assert response.status_code == 200, response.text
    assert response.json()["user_id"] == "user-1"
    assert response.json()["email"] == "ada@example.com"


def test_the_token_of_a_verification_link_is_rejected(
    backend: Backend, issuer: Issuer, user: User, secret: str
) -> None:
    link_token = issuer.verification_link_token(user)

    # The token of the link has the same algorithm and key as a bearer token.
    claims = jwt.decode(link_token, secret, algorithms=["HS256"])
    assert claims["email"] == user.email
    assert rejection_code(backend.me(link_token)) == "invalid_token"


def test_a_token_signed_with_the_key_set_is_rejected(backend: Backend, user: User) -> None:
    assert rejection_code(backend.me(user.token())) == "invalid_token"
