"""Custom claims of a real Better Auth server: from the user and from the session."""

import httpx2
import pytest

from tests.e2e.backend import Backend
from tests.e2e.better_auth import User
from tests.e2e.servers import Servers

PICTURE = "https://app.example.com/ada.png"


def claims_by_token(backend: Backend, user: User) -> object:
    return claims_of(backend.me(user.token()))


def claims_by_cookie(backend: Backend, user: User) -> object:
    user.browser.get("/api/auth/get-session?disableCookieCache=true").raise_for_status()
    return claims_of(backend.client.get("/api/me", headers={"Cookie": user.session_cookie()}))


def claims_of(response: httpx2.Response) -> object:
    assert response.status_code == 200, response.text
    return response.json()["claims"]


@pytest.mark.parametrize("strategy", ["compact", "jwe"])
def test_claims_are_the_same_by_token_and_by_cookie(
    servers: Servers, secret: str, strategy: str
) -> None:
    issuer = servers.issuer(BETTER_AUTH_SECRET=secret, COOKIE_CACHE=strategy, ORGANIZATIONS="on")
    backend = servers.backend(
        BETTER_AUTH_URL=issuer.url,
        BETTER_AUTH_SECRET=secret,
        AUTH_COOKIE=strategy,
        AUTH_CLAIMS="activeOrganizationId,image,impersonatedBy",
    )
    user = issuer.sign_up(image=PICTURE)
    without = {"image": PICTURE}
    assert claims_by_cookie(backend, user) == claims_by_token(backend, user) == without

    organization = user.create_organization()

    expected = {"activeOrganizationId": organization, "image": PICTURE}
    assert claims_by_cookie(backend, user) == claims_by_token(backend, user) == expected
