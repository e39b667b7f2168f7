"""Cookies and bearer tokens are not interchangeable, and neither are the cookie formats."""

import pytest

from backend.domain.auth import (
    AuthError,
    MissingClaimError,
    UnsupportedTokenError,
)
from backend.testing.encoding import ABSENT, to_json
from backend.testing.signers import signer
from tests.adapters.auth.cookies import (
    FORMATS,
    Format,
    assert_cookie_rejected,
    jwks_cookie,
    verify_cookie,
)
from tests.adapters.auth.tokens import NOW, SECRET, secret_signer, token
from tests.adapters.auth.verifiers import UNSET, verifier

pytestmark = pytest.mark.anyio


async def test_rejects_cookies_in_another_format() -> None:
    for name, cookie_format in FORMATS.items():
        for other_name, other in FORMATS.items():
            if other_name == name:
                await verify_cookie(cookie_format, other.make())
            else:
                with pytest.raises(AuthError):
                    await verify_cookie(cookie_format, other.make())


async def test_rejects_bearer_tokens_as_cookies(cookie_format: Format) -> None:
    for key in (secret_signer(), signer("EdDSA"), signer("ES256")):
        for typ in (ABSENT, "JWT", "at+jwt", "better-auth.session-cache+jwt"):
            for claims in ({}, {"aud": ABSENT, "iss": ABSENT}):
                text = token(key, header={"typ": typ}, claims=claims)
                with pytest.raises(AuthError):
                    await verify_cookie(cookie_format, text)


async def test_rejects_the_tokens_of_emailed_links(cookie_format: Format) -> None:
    verification = {"email": "alice@example.com", "iat": NOW, "exp": NOW + 3600}
    change = {**verification, "updateTo": "mallory@example.com", "requestType": "change-email"}
    for claims in (verification, change):
        with pytest.raises(AuthError):
            await verify_cookie(cookie_format, token(secret_signer(), claims=to_json(claims)))
    link = token(secret_signer(), claims=to_json(verification))
    await assert_cookie_rejected(MissingClaimError, FORMATS["jwt"], link)


async def test_cookies_are_rejected_as_bearer_tokens(cookie_format: Format) -> None:
    verifiers = [
        verifier(secrets=[SECRET]),
        verifier(secrets=[SECRET], issuers=UNSET, audiences=UNSET),
    ]
    for token_verifier in verifiers:
        with pytest.raises(AuthError):
            await token_verifier.verify(cookie_format.make())


async def test_jwks_cookies_are_rejected_as_bearer_tokens_even_with_their_audience() -> None:
    lenient = verifier(audiences=frozenset({"better-auth:session-cache"}))
    with pytest.raises(UnsupportedTokenError):
        await lenient.verify(jwks_cookie())
