"""Development tokens: a server with the same secret accepts them."""

import time
from datetime import timedelta

import pytest

from backend.adapters.auth.better_auth.development import mint_token
from backend.adapters.auth.pyjwt import JwtTokenVerifier
from backend.domain.auth import ExpiredTokenError, InvalidAlgorithmError, InvalidSignatureError
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
