"""A token minted for development is a token that a server with its secret accepts."""

import time
from datetime import timedelta

import pytest

from backend.adapters.auth.better_auth.development import mint_token
from backend.domain.auth import ExpiredTokenError, InvalidAlgorithmError, InvalidSignatureError
from tests.adapters.auth.tokens import SECRET
from tests.adapters.auth.verifiers import NOBODY, verifier

pytestmark = pytest.mark.anyio


async def test_a_minted_token_is_accepted_with_its_secret_only() -> None:
    minted = mint_token(SECRET.decode(), user_id="me", email="me@example.com", name="Me")
    mine = verifier(secrets=[SECRET], issuers=NOBODY, audiences=NOBODY, clock=time.time)
    principal = await mine.verify(minted)
    assert (principal.user_id, principal.email, principal.name) == ("me", "me@example.com", "Me")
    other = verifier(secrets=[b"x" * 32], issuers=NOBODY, audiences=NOBODY, clock=time.time)
    with pytest.raises(InvalidSignatureError):
        await other.verify(minted)
    with pytest.raises(InvalidAlgorithmError):
        await verifier(clock=time.time).verify(minted)


async def test_a_minted_token_says_only_what_it_was_given_and_ends() -> None:
    minted = mint_token(SECRET.decode(), user_id="me", lifetime=timedelta(minutes=1))

    def at(seconds: float) -> float:
        return time.time() + seconds

    soon = verifier(secrets=[SECRET], issuers=NOBODY, audiences=NOBODY, clock=lambda: at(60))
    principal = await soon.verify(minted)
    assert (principal.email, principal.name) == (None, None)
    late = verifier(secrets=[SECRET], issuers=NOBODY, audiences=NOBODY, clock=lambda: at(71))
    with pytest.raises(ExpiredTokenError):
        await late.verify(minted)
