"""Where only the secret is shared: HS256 bearer tokens, and what else the secret signs."""

import time

import jwt
import pytest

from tests.e2e.backend import Backend, refusal
from tests.e2e.better_auth import Issuer, User
from tests.e2e.servers import Servers


@pytest.fixture(scope="module")
def backend(shared_servers: Servers, secret: str) -> Backend:
    return shared_servers.backend(BETTER_AUTH_SECRET=secret)


def test_a_token_signed_with_the_secret_names_its_user(backend: Backend, secret: str) -> None:
    claims = {"sub": "user-1", "email": "ada@example.com", "exp": int(time.time()) + 60}

    answer = backend.me(jwt.encode(claims, secret, algorithm="HS256"))

    assert answer.status_code == 200, answer.text
    assert answer.json()["user_id"] == "user-1"
    assert answer.json()["email"] == "ada@example.com"


def test_a_mailed_link_is_no_login(
    backend: Backend, issuer: Issuer, user: User, secret: str
) -> None:
    mailed = issuer.mailed_token(user)

    claims = jwt.decode(mailed, secret, algorithms=["HS256"])  # signed as a bearer token is
    assert claims["email"] == user.email
    assert refusal(backend.me(mailed)) == "invalid_token"


def test_a_token_of_the_key_set_is_refused(backend: Backend, user: User) -> None:
    assert refusal(backend.me(user.token())) == "invalid_token"
