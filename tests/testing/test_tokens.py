"""Tokens of the kit: the API accepts each valid kind, and refuses each invalid kind."""

import pytest
from pydantic import SecretStr

from backend.container.authentication import AuthContainer
from backend.domain.auth import (
    AuthError,
    ExpiredTokenError,
    ImmatureTokenError,
    InactiveTokenError,
    InvalidAlgorithmError,
    InvalidAudienceError,
    InvalidIssuerError,
    InvalidSignatureError,
    MalformedTokenError,
    MissingClaimError,
    UnknownKeyError,
    UnsupportedTokenError,
)
from backend.settings.authentication import AuthSettings
from backend.testing import (
    ABSENT,
    RESOURCE,
    InvalidToken,
    Issuer,
    email_link_token,
    secret_token,
)
from backend.testing.signers import ALGORITHMS
from tests.testing.verifiers import bearer_verifier

pytestmark = pytest.mark.anyio

SECRET = "a secret of at least thirty-two bytes"

REFUSED: dict[InvalidToken, type[AuthError]] = {
    InvalidToken.EXPIRED: ExpiredTokenError,
    InvalidToken.IMMATURE: ImmatureTokenError,
    InvalidToken.WRONG_ISSUER: InvalidIssuerError,
    InvalidToken.WRONG_AUDIENCE: InvalidAudienceError,
    InvalidToken.WRONG_KEY: InvalidSignatureError,
    InvalidToken.UNKNOWN_KEY: UnknownKeyError,
    InvalidToken.CHANGED: InvalidSignatureError,
    InvalidToken.UNSIGNED: MalformedTokenError,
    InvalidToken.CONFUSED: InvalidAlgorithmError,
    InvalidToken.NO_USER: MissingClaimError,
    InvalidToken.NO_EXPIRY: MissingClaimError,
    InvalidToken.BANNED: InactiveTokenError,
    InvalidToken.SENDER_CONSTRAINED: UnsupportedTokenError,
    InvalidToken.LOGOUT: UnsupportedTokenError,
    InvalidToken.EMAIL_LINK: InvalidAlgorithmError,
    InvalidToken.SESSION_COOKIE: UnsupportedTokenError,
    InvalidToken.OPAQUE: MalformedTokenError,
}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_token_of_each_algorithm_is_accepted(algorithm: str) -> None:
    async with Issuer(algorithm) as issuer, bearer_verifier(issuer) as verifier:
        user = await verifier.verify(issuer.token(sub="ada", role="admin,user"))
    assert (user.user_id, user.email) == ("ada", "ada@example.com")
    assert user.roles == {"admin", "user"}
    assert user.scopes == set()


@pytest.mark.parametrize("kind", InvalidToken)
async def test_each_invalid_token_is_refused_for_its_own_reason(
    issuer: Issuer, kind: InvalidToken
) -> None:
    async with bearer_verifier(issuer) as verifier:
        with pytest.raises(AuthError) as caught:
            await verifier.verify(issuer.invalid_token(kind))
    assert type(caught.value) is REFUSED[kind]


async def test_an_access_token_carries_scopes_and_no_email_address(issuer: Issuer) -> None:
    settings = {"auth_issuer": issuer.oauth_issuer, "auth_audience": RESOURCE}
    async with bearer_verifier(issuer, **settings) as verifier:
        user = await verifier.verify(issuer.access_token("notes:read notes:write", sub="ada"))
        assert (user.user_id, user.email) == ("ada", None)
        assert user.scopes == {"notes:read", "notes:write"}
        with pytest.raises(InvalidIssuerError):
            await verifier.verify(issuer.token())


async def test_claims_can_be_changed_added_and_left_out(issuer: Issuer) -> None:
    async with bearer_verifier(issuer) as verifier:
        user = await verifier.verify(issuer.token(email="ada@work.example", emailVerified=True))
        assert (user.email, user.email_verified) == ("ada@work.example", True)
        assert (await verifier.verify(issuer.token(email=ABSENT))).email is None
        with pytest.raises(ExpiredTokenError):
            await verifier.verify(issuer.token(exp=0))


async def test_the_secret_signs_tokens_for_an_api_without_a_key_set() -> None:
    verifier = AuthContainer(
        settings=AuthSettings(better_auth_secret=SecretStr(SECRET))
    ).token_verifier()
    assert (await verifier.verify(secret_token(SECRET, sub="ada"))).user_id == "ada"
    with pytest.raises(ExpiredTokenError):
        await verifier.verify(secret_token(SECRET, exp=1))
    with pytest.raises(InvalidAudienceError):
        await verifier.verify(secret_token(SECRET, aud="https://other.example.com"))
    with pytest.raises(InvalidSignatureError):
        await verifier.verify(secret_token(SECRET.upper()))


async def test_the_token_of_an_email_link_names_no_user() -> None:
    verifier = AuthContainer(
        settings=AuthSettings(better_auth_secret=SecretStr(SECRET))
    ).token_verifier()
    with pytest.raises(MissingClaimError, match="sub"):
        await verifier.verify(email_link_token(SECRET))
