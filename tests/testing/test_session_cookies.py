"""Session cookies of the kit, in each format."""

import pytest

from backend.domain.auth import ExpiredTokenError, InvalidTokenError
from backend.testing import Issuer
from backend.testing.issuer import Strategy
from tests.testing.verifiers import cookie_verifier

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("strategy", ["compact", "jwt", "jwe"])
async def test_a_cookie_of_each_format_is_accepted(issuer: Issuer, strategy: Strategy) -> None:
    async with cookie_verifier(issuer, auth_cookie=strategy) as verifier:
        user = await verifier.verify(issuer.session_cookie(strategy, user={"id": "ada"}))
        assert (user.user_id, user.email) == ("ada", "ada@example.com")
        other: Strategy = "jwt" if strategy == "compact" else "compact"
        with pytest.raises(InvalidTokenError):
            await verifier.verify(issuer.session_cookie(other))


async def test_a_cookie_that_a_published_key_signs_is_accepted(issuer: Issuer) -> None:
    async with cookie_verifier(issuer, auth_cookie="jwt", better_auth_secret=None) as verifier:
        user = await verifier.verify(issuer.session_cookie("jwks", user={"id": "ada"}))
    assert user.user_id == "ada"


async def test_a_cookie_of_an_ended_session_is_refused(issuer: Issuer) -> None:
    cookie = issuer.session_cookie(session={"expiresAt": "2020-01-01T00:00:00.000Z"})
    async with cookie_verifier(issuer, auth_cookie="compact") as verifier:
        with pytest.raises(ExpiredTokenError):
            await verifier.verify(cookie)


async def test_the_clock_of_the_issuer_dates_tokens_and_cookies() -> None:
    with Issuer(clock=lambda: 1_000_000) as past:
        async with cookie_verifier(past, auth_cookie="jwe") as verifier:
            with pytest.raises(ExpiredTokenError):
                await verifier.verify(past.session_cookie("jwe"))
