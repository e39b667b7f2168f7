"""Development tokens: a server with the same secret accepts them."""

import time
from collections.abc import Awaitable
from datetime import timedelta
from typing import Final

import jwt
import pytest

from backend.adapters.auth.better_auth.cookie_formats import (
    CompactCookieDecoder,
    CookieDecoder,
    JweCookieDecoder,
    JwtCookieDecoder,
)
from backend.adapters.auth.better_auth.development import Strategy, mint_cookie, mint_token
from backend.adapters.auth.better_auth.session_cookie import SessionCookieVerifier
from backend.adapters.auth.pyjwt import JwtTokenVerifier
from backend.domain.auth import (
    ExpiredTokenError,
    InvalidAlgorithmError,
    InvalidSignatureError,
    Principal,
)
from tests.adapters.auth.tokens import SECRET
from tests.adapters.auth.verifiers import UNSET, verifier

pytestmark = pytest.mark.anyio


async def test_a_minted_token_is_accepted_only_with_its_secret() -> None:
    minted = mint_token(SECRET.decode(), user_id="me", email="me@example.com", name="Me")
    same_secret = verifier(secrets=[SECRET], issuers=UNSET, audiences=UNSET, clock=time.time)
    principal = await same_secret.verify(minted)
    assert (principal.user_id, principal.email, principal.name) == ("me", "me@example.com", "Me")
    other_secret = verifier(secrets=[b"x" * 32], issuers=UNSET, audiences=UNSET, clock=time.time)
    with pytest.raises(InvalidSignatureError):
        await other_secret.verify(minted)
    with pytest.raises(InvalidAlgorithmError):
        await verifier(clock=time.time).verify(minted)


async def test_a_minted_token_has_only_the_requested_claims_and_expires() -> None:
    minted = mint_token(SECRET.decode(), user_id="me", lifetime=timedelta(minutes=1))

    def verifier_in(seconds: float) -> JwtTokenVerifier:
        return verifier(
            secrets=[SECRET],
            issuers=UNSET,
            audiences=UNSET,
            clock=lambda: time.time() + seconds,
        )

    principal = await verifier_in(60).verify(minted)
    assert (principal.email, principal.name) == (None, None)
    with pytest.raises(ExpiredTokenError):
        await verifier_in(71).verify(minted)


def test_an_expired_token_is_issued_before_it_expires() -> None:
    minted = mint_token(SECRET.decode(), user_id="me", lifetime=timedelta(minutes=-1))
    claims = jwt.decode(minted, options={"verify_signature": False})
    assert claims["iat"] < claims["exp"] == pytest.approx(time.time() - 60, abs=5)


DECODERS: Final[dict[Strategy, CookieDecoder]] = {
    "compact": CompactCookieDecoder(SECRET),
    "jwt": JwtCookieDecoder.with_secret(SECRET),
    "jwe": JweCookieDecoder([SECRET]),
}


@pytest.mark.parametrize("strategy", DECODERS)
async def test_a_minted_cookie_has_the_user_and_expires(strategy: Strategy) -> None:
    cookie = mint_cookie(
        SECRET.decode(),
        strategy=strategy,
        user_id="me",
        email="me@example.org",
        email_verified=True,
        roles=["admin", "editor"],
        claims={"plan": "pro"},
        lifetime=timedelta(minutes=1),
    )

    def verify_after(seconds: float) -> Awaitable[Principal]:
        now = time.time() + seconds
        return SessionCookieVerifier(DECODERS[strategy], clock=lambda: now).verify(cookie)

    principal = await verify_after(60)
    assert (principal.user_id, principal.name) == ("me", "me")
    assert principal.roles == {"admin", "editor"}
    assert (principal.email, principal.email_verified) == ("me@example.org", True)
    with pytest.raises(ExpiredTokenError):
        await verify_after(72)
