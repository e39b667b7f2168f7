"""Principals, the fake verifier, and the headers of the kit."""

import pytest

from backend.domain.auth import ExpiredTokenError, InvalidTokenError, VerifierUnavailableError
from backend.testing import FakeTokenVerifier, bearer, cookie, principal

pytestmark = pytest.mark.anyio


def test_a_principal_has_defaults_that_can_be_replaced() -> None:
    assert principal().user_id == "user-1"
    ada = principal("ada", roles=["admin"], scopes={"notes:read"}, email_verified=True)
    assert ada.email == "ada@example.com"
    assert (set(ada.roles), set(ada.scopes)) == ({"admin"}, {"notes:read"})
    assert (ada.email_verified, ada.name, len(ada.claims)) == (True, None, 0)
    assert principal(claims={"plan": "pro"}).claims["plan"] == "pro"
    assert principal(user_id="ada", email=None, expires_at=5)[:3] == ("ada", 5, None)


async def test_the_fake_verifier_returns_or_raises_what_its_table_has(
    fake_token_verifier: FakeTokenVerifier,
) -> None:
    ada = principal("ada")
    fake_token_verifier.known |= {"ada": ada, "old": ExpiredTokenError()}
    assert await fake_token_verifier.verify("ada") is ada
    with pytest.raises(ExpiredTokenError):
        await fake_token_verifier.verify("old")
    with pytest.raises(InvalidTokenError):
        await fake_token_verifier.verify("unknown")
    assert fake_token_verifier.asked == ["ada", "old", "unknown"]


async def test_the_fake_verifier_has_one_result_for_all_other_tokens() -> None:
    outage = FakeTokenVerifier(otherwise=VerifierUnavailableError("the issuer is down"))
    with pytest.raises(VerifierUnavailableError):
        await outage.verify("any")
    everybody = FakeTokenVerifier(otherwise=principal("ada"))
    assert (await everybody.verify("any")).user_id == "ada"


def test_the_headers_carry_a_token_or_a_cookie() -> None:
    assert bearer("a-token") == {"Authorization": "Bearer a-token"}
    assert cookie("value") == {"Cookie": "better-auth.session_data=value"}
    assert cookie("value", name="__Secure-x") == {"Cookie": "__Secure-x=value"}
